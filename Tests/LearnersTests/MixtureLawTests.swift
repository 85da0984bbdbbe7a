import Components
import Learners
import Records
import State
import Testing

/// What every learner promises, for the mixture.
@Suite struct MixtureLawTests {
    static let tasks: [Task] = [.binary, .regression, .multiclass]

    private func make(_ task: Task, isFeatureNative: Bool = false) throws -> any Learner {
        let learner = try makeMixture(task, isFeatureNative: isFeatureNative)
        if task == .multiclass { learner.grow(toClasses: 4) }
        return learner
    }

    @Test(arguments: tasks) func predictChangesNothing(task: Task) throws {
        let learner = try make(task)
        let stream = MixtureStream.random(seed: 11, count: 200, task: task)
        _ = learner.run(stream)
        let before = learner.digest
        let first = learner.run(stream, learns: false)
        #expect(learner.digest == before)
        #expect(learner.run(stream, learns: false) == first)
    }

    @Test(arguments: tasks, [Float(0), -1, .nan]) func noWeightChangesNothing(task: Task, weight: Float) throws {
        let learner = try make(task, isFeatureNative: true)
        var stream = MixtureStream.random(seed: 12, count: 100, task: task)
        _ = learner.run(stream)
        let before = learner.digest
        stream.weights = stream.weights.map { _ in weight }
        _ = learner.run(stream)
        #expect(learner.digest == before)
    }

    @Test(arguments: tasks) func unknownTargetIsPredictedOnly(task: Task) throws {
        let learner = try make(task)
        var stream = MixtureStream.random(seed: 13, count: 100, task: task)
        _ = learner.run(stream)
        let before = learner.digest
        stream.targets = stream.targets.map { _ in .nan }
        let outputs = learner.run(stream)
        #expect(learner.digest == before)
        #expect(outputs == learner.run(stream, learns: false))
    }

    @Test(arguments: tasks, [false, true]) func staysFinite(task: Task, isFeatureNative: Bool) throws {
        let learner = try make(task, isFeatureNative: isFeatureNative)
        let generator = RandomGenerator(seed: 14)
        var stream = MixtureStream.random(seed: 14, count: 3000, task: task)
        let hostile: [Float] = [1e38, -3e38, 1e-38, 1e20, -1e19, 0, 1e6]
        let targets = [1e300, -1e300, 0, 1e-300, -5, 1e100, .infinity]
        for index in 0..<stream.count where index < 2000 || index % 3 == 0 {
            stream.rows[index] = stream.rows[index].map { ($0.slot, hostile[Int(generator.next() % 7)]) }
            if task == .regression { stream.targets[index] = targets[Int(generator.next() % 7)] }
            stream.weights[index] = [1, 1, 1e30, 1e-30][Int(generator.next() % 4)]
        }
        let outputs = learner.run(stream)
        #expect(learner.isFinite)
        #expect(outputs.allSatisfy { $0.allSatisfy(\.isFinite) })
        #expect(learner.run(stream, learns: false).allSatisfy { $0.allSatisfy(\.isFinite) })
    }

    @Test(arguments: tasks, [false, true]) func batchSizeDoesNotMatter(task: Task, isFeatureNative: Bool) throws {
        let stream = MixtureStream.random(seed: 15, count: 700, task: task, weighted: true)
        let digests = try [1, 7, 256].map { size in
            let learner = try make(task, isFeatureNative: isFeatureNative)
            _ = learner.run(stream, batchSize: size)
            return learner.digest
        }
        #expect(Set(digests).count == 1)
    }

    @Test(arguments: tasks) func replicaPredictsAlike(task: Task) throws {
        let learner = try makeMixture(task)
        let twin = try makeMixture(task)
        if task == .multiclass { learner.grow(toClasses: 2) }
        let replica = Replica(of: learner, twin: twin)
        for round in 0..<4 {
            // Later rounds bring more classes than the table has room for.
            if task == .multiclass { learner.grow(toClasses: 2 + 3 * round) }
            let stream = MixtureStream.random(seed: 16, count: 100, task: task, classes: 2 + 3 * round)
            _ = learner.run(stream)
            Replica.note(learner, on: [replica])
            replica.update()
            #expect(twin.digest == learner.digest)
            #expect(twin.classCount == learner.classCount)
            #expect(twin.run(stream, learns: false) == learner.run(stream, learns: false))
        }
    }

    @Test func growingKeepsEarlierClasses() throws {
        let learner = try makeMixture(.multiclass)
        learner.grow(toClasses: 3)
        let stream = MixtureStream.random(seed: 17, count: 500, task: .multiclass, classes: 3)
        _ = learner.run(stream)
        let before = table(learner)
        learner.grow(toClasses: 9)
        let after = table(learner)
        #expect(learner.classCount == 9)
        for slot in before.indices {
            #expect(after[slot].prefix(before[slot].count).elementsEqual(before[slot]))
            #expect(after[slot].dropFirst(before[slot].count).allSatisfy { $0 == 0 })
        }
        for row in learner.run(stream, learns: false) {
            #expect(row.count == 9)
            #expect(abs(row.reduce(0, +) - 1) < 1e-9)
            #expect((row[3...].max() ?? 1) < (row[..<3].max() ?? 0))
        }
    }

    /// The weights of each slot.
    private func table(_ learner: any Learner) -> [[Float]] {
        guard let slots = learner.state.first(where: { $0.name == "slots" })?.array else { return [] }
        let base = slots.bytes.assumingMemoryBound(to: Float.self)
        let width = slots.count * slots.lanes / (MixtureStream.slotCount + 1)
        return (0...MixtureStream.slotCount).map { slot in (0..<width).map { base[slot * width + $0] } }
    }

    @Test func classesMayAppearUnannounced() throws {
        let stream = MixtureStream.random(seed: 18, count: 400, task: .multiclass, classes: 6)
        let digests = try [1, 256].map { size in
            let learner = try makeMixture(.multiclass)
            let outputs = learner.run(stream, batchSize: size)
            #expect(learner.classCount == 6)
            #expect(outputs.last?.count == 6)
            return learner.digest
        }
        #expect(Set(digests).count == 1)
    }

    @Test(arguments: tasks) func learningValuesAreLearned(task: Task) throws {
        let stream = MixtureStream.random(seed: 19, count: 60, task: task)
        var other = stream
        other.rows = stream.rows.map { $0.map { ($0.slot, $0.x * 0.5) } }
        let (both, plain) = (try make(task), try make(task))
        let predictions = PredictionBatch(capacity: 60)
        for row in 0..<60 {
            both.predictThenLearn(
                stream.batch(row..<row + 1, learning: other.rows.map { $0.map(\.x) }), into: predictions)
            let output = predictions.outputs[0]
            plain.predict(stream.batch(row..<row + 1), into: predictions)
            #expect(predictions.outputs[0] == output)
            plain.predictThenLearn(other.batch(row..<row + 1), into: predictions)
        }
        #expect(both.digest == plain.digest)
    }
}
