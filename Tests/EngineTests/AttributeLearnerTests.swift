import Components
import Engine
import Foundation
import Learners
import Records
import State
import Testing

/// The laws of Learner.swift for every registered learner of attributes, as it is and with MOA's preset.
@Suite struct AttributeLearnerTests {
    struct Setup: Sendable, CustomTestStringConvertible {
        let name: String
        let task: Task
        let preset: String
        var fields: [String: String] = [:]
        var testDescription: String { "\(name) \(task.rawValue) \(preset) \(fields)" }

        /// Fields that make little data enough: many splits, few members.
        static let eager = [
            "grace-period": "20", "tie-threshold": "0.5", "models": "3", "drift-window": "20", "steps": "4",
            "rate": "0.3", "hidden": "8", "embedding": "2", "embedding-room": "16", "bits": "6", "room": "64",
            "values": "9", "trees": "4", "most": "20", "limit": "200", "least-window": "20",
        ]

        func make(threads: Int = 1, classes: Int = 3, also: [String: String] = [:]) throws -> any Learner {
            let found = try LearnerRegistry.find(name)
            let known = Set(found.descriptor.fields.map(\.name))
            var given = Self.eager.merging(["threads": String(threads)]) { $1 }.merging(also) { $1 }
            given = given.filter { known.contains($0.key) }.merging(fields) { $1 }
            let parameters = try Hyperparameters(
                found.descriptor, preset: found.presets[preset] ?? [:], given: given)
            let learner = try found.make(
                parameters,
                LearnerContext(
                    task: task, slotCount: 0, seed: 7, batchMode: .sequential, isFeatureNative: false,
                    attributes: AttributeLearnerTests.attributes))
            if task == .multiclass { learner.grow(toClasses: classes) }
            return learner
        }
    }

    static let attributes = [
        Attribute("a", .numeric), Attribute("b", .numeric), Attribute("c", .numeric),
        Attribute("d", .nominal(declared: 3)), Attribute("e", .nominal(declared: 0)),
    ]

    static let learners = LearnerRegistry.all.filter { if case .attributes = $0.input { true } else { false } }

    static let setups: [Setup] =
        learners.flatMap { found in
            found.tasks.flatMap { task in
                ["thalweg", "moa"].filter { $0 == "thalweg" || found.presets[$0] != nil }
                    .map { Setup(name: found.descriptor.name, task: task, preset: $0) }
            }
        }
        // Few records are enough for alternatives to come and go.
        + [Task.binary, .multiclass, .regression].map {
            Setup(
                name: "streaming-gradient-boosted-trees", task: $0, preset: "moa", fields: ["drift-threshold": "0.2"])
        }

    @Test func countOfLearners() {
        #expect(Self.learners.count == 28, "a learner of attributes has its laws checked here, and its golden")
    }

    /// Rows whose class follows from their attributes, which changes its meaning after `drift` rows.
    static func batch(_ random: RandomGenerator, _ rows: Int, classes: Int = 2, isOther: Bool = false) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows)
        batch.reserveAttributes(attributes.count)
        batch.offsets[0] = 0
        for row in 0..<rows {
            let values = batch.attributes + row * attributes.count
            for index in 0..<3 { values[index] = random.nextUniform() * 4 - 1 }
            values[3] = Double(random.next() % 3)
            values[4] = Double(random.next() % 9)
            let isHigh = (values[0] + values[1] > 2) != isOther
            batch.classes[row] = Int32(isHigh ? 1 : Int(values[3]) % max(classes - 1, 1) * (classes > 2 ? 2 : 0))
            batch.classes[row] = min(batch.classes[row], Int32(classes - 1))
            batch.targets[row] = values[0] * 3 + (values[3] == 1 ? 5 : 0)
            batch.weights[row] = random.next() % 10 == 0 ? 2 : 1
            for index in 0..<attributes.count where random.next() % 20 == 0 { values[index] = .nan }
            batch.offsets[row + 1] = 0
        }
        batch.rows = rows
        return batch
    }

    private static func classes(_ setup: Setup) -> Int { setup.task == .multiclass ? 3 : 2 }

    private static func outputs(_ predictions: PredictionBatch, _ rows: Int) -> [Double] {
        (0..<rows).flatMap { row in (0..<predictions.width).map { predictions.outputs(of: row)[$0] } }
    }

    private static func isFinite(_ learner: any Learner) -> Bool {
        learner.state.allSatisfy { entry in
            if let array = entry.array as? StateArray<Float> { return array.elements.allSatisfy(\.isFinite) }
            guard let array = entry.array as? StateArray<Double> else { return true }
            return array.elements.allSatisfy(\.isFinite)
        }
    }

    @Test(arguments: setups) func itLearns(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 1)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 1500)
        var right = 0
        for round in 0..<2 {
            let batch = Self.batch(random, 1500, classes: Self.classes(setup))
            learner.predictThenLearn(batch, into: predictions)
            guard round == 1, !setup.task.answersNumber else { continue }
            right = (0..<1500).count { predictions.classes[$0] == batch.classes[$0] }
        }
        if !setup.task.answersNumber { #expect(Double(right) / 1500 > 0.7, "\(right) of 1500") }
    }

    @Test(arguments: setups) func predictionIsPure(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 2)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 600)
        learner.predictThenLearn(Self.batch(random, 600, classes: Self.classes(setup)), into: predictions)
        let one = Self.batch(random, 1, classes: Self.classes(setup))
        let digest = learner.digest
        learner.predict(one, into: predictions)
        let expected = Self.outputs(predictions, 1)
        #expect(learner.digest == digest)
        let sum = expected.reduce(0, +)
        #expect(abs(sum - 1) < 1e-9 || setup.task != .multiclass)
        learner.predictThenLearn(one, into: predictions)
        #expect(Self.outputs(predictions, 1) == expected)
        #expect(learner.digest != digest)
    }

    @Test(arguments: setups) func whatIsNotLearnedChangesNothing(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 3)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 300)
        learner.predictThenLearn(Self.batch(random, 300, classes: Self.classes(setup)), into: predictions)
        let digest = learner.digest
        let batch = Self.batch(random, 60, classes: Self.classes(setup))
        for row in 0..<60 {
            if row % 2 == 0 || setup.task.learnsWithoutTarget {
                batch.weights[row] = [0, -1, .nan, .infinity][row / 2 % 4]
            } else {
                batch.classes[row] = -1
                batch.targets[row] = .nan
            }
        }
        learner.predictThenLearn(batch, into: predictions)
        #expect(learner.digest == digest)
    }

    @Test(arguments: setups) func finiteWhateverComes(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 4)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 200)
        let wild = [1e308, -1e308, .infinity, -.infinity, .nan, 0, Double.leastNonzeroMagnitude, 1e200]
        for _ in 0..<8 {
            let batch = Self.batch(random, 200, classes: Self.classes(setup))
            for row in 0..<200 {
                for index in 0..<3 where random.next() % 3 == 0 {
                    batch.attributes[row * Self.attributes.count + index] = wild[Int(random.next() % 8)]
                }
                if random.next() % 8 == 0 { batch.weights[row] = [3e38, 1e-30, .greatestFiniteMagnitude][row % 3] }
            }
            learner.predictThenLearn(batch, into: predictions)
            let areSound = Self.outputs(predictions, 200).allSatisfy {
                $0.isFinite && ($0 >= 0 && $0 <= 1 || setup.task == .regression || setup.task == .clustering)
            }
            #expect(areSound)
            #expect((0..<200).allSatisfy { predictions.losses[$0].isFinite })
        }
        #expect(Self.isFinite(learner))
    }

    @Test(arguments: setups) func batchSizesAndThreadsChangeNothing(_ setup: Setup) throws {
        let whole = try setup.make()
        let predictions = PredictionBatch(capacity: 600)
        let batch = Self.batch(RandomGenerator(seed: 5), 600, classes: Self.classes(setup))
        whole.predictThenLearn(batch, into: predictions)
        let expected = Self.outputs(predictions, 600)
        for size in [1, 7, 200] {
            let learner = try setup.make(threads: size == 7 ? 1 : 4)
            let slice = FeatureBatch(capacity: size)
            var outputs: [Double] = []
            for start in stride(from: 0, to: 600, by: size) {
                let end = min(start + size, 600)
                slice.copyRows(start..<end, of: batch)
                learner.predictThenLearn(slice, into: predictions)
                outputs += Self.outputs(predictions, end - start)
            }
            #expect(outputs == expected, "batch size \(size)")
            #expect(learner.digest == whole.digest, "batch size \(size)")
        }
    }

    /// Copies take what changed, and go on like the original; so does a restored one.
    @Test(arguments: setups) func copiesGoOnAlike(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 6)
        let learner = try setup.make()
        let twin = try setup.make()
        let replica = Replica(of: learner, twin: twin)
        let predictions = PredictionBatch(capacity: 400)
        for round in 0..<6 {
            if round == 3 { learner.grow(toClasses: 9) }
            let batch = Self.batch(random, 400, classes: Self.classes(setup), isOther: round > 3)
            learner.predictThenLearn(batch, into: predictions)
            Replica.note(learner, on: [replica])
            replica.update()
            #expect(twin.digest == learner.digest, "round \(round)")
            #expect(twin.classCount == learner.classCount)
        }
        let batch = Self.batch(random, 400, classes: Self.classes(setup))
        let others = PredictionBatch(capacity: 400)
        learner.predictThenLearn(batch, into: predictions)
        twin.predictThenLearn(batch, into: others)
        #expect(Self.outputs(predictions, 400) == Self.outputs(others, 400))
        #expect(twin.digest == learner.digest)
    }

    private static let isFull = ProcessInfo.processInfo.environment["THALWEG_FULL"] == "1"

    /// A tree's room is not exceeded, though every row is a reason to grow.
    @Test(arguments: setups.filter { $0.preset == "thalweg" }) func memoryIsBounded(_ setup: Setup) throws {
        let found = try LearnerRegistry.find(setup.name)
        guard found.descriptor.fields.contains(where: { $0.name == "max-mib" }) else { return }
        let learner = try setup.make(also: ["max-mib": "1", "tie-threshold": "1", "grace-period": "4"])
        let random = RandomGenerator(seed: 8)
        let predictions = PredictionBatch(capacity: 1000)
        for _ in 0..<(Self.isFull ? 40 : 4) {
            let batch = Self.batch(random, 1000, classes: Self.classes(setup))
            for row in 0..<1000 { batch.classes[row] = Int32(random.next() % UInt64(Self.classes(setup))) }
            learner.predictThenLearn(batch, into: predictions)
        }
        // Rooms double; a forest has two trees a member.
        let trees =
            switch setup.name {
            case "adaptive-random-forest", "streaming-random-patches": 6
            case "streaming-gradient-boosted-trees": 4
            case let name where name.contains("bagging") || name.contains("boosting") || name.contains("forest"): 3
            default: 1
            }
        #expect(learner.stateByteCount < trees * 6 << 20, "\(learner.stateByteCount)")
    }
}
