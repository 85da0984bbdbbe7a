import Components
import Engine
import Foundation
import Learners
import Records
import State
import Testing

/// The laws of Learner.swift for every registered learner of hashed features; the linear family has its own.
@Suite struct FeatureLearnerTests {
    struct Setup: Sendable, CustomTestStringConvertible {
        let name: String
        let task: Task
        var testDescription: String { "\(name) \(task.rawValue)" }
        var classes: Int { task == .multiclass ? 3 : 2 }

        func make() throws -> any Learner {
            let found = try LearnerRegistry.find(name)
            let learner = try found.make(
                Hyperparameters(found.descriptor, given: [:]),
                LearnerContext(
                    task: task, slotCount: FeatureLearnerTests.slots, seed: 7, batchMode: .sequential,
                    isFeatureNative: false))
            if task == .multiclass { learner.grow(toClasses: 3) }
            return learner
        }
    }

    static let slots = 64

    /// `linear` and the bandits have their own laws.
    static let learners = LearnerRegistry.all.filter {
        if case .features = $0.input { $0.descriptor.name != "linear" && $0.tasks != [.bandit] } else { false }
    }

    static let setups = learners.flatMap { found in found.tasks.map { Setup(name: found.descriptor.name, task: $0) } }

    @Test func countOfLearners() {
        #expect(Self.learners.count == 4, "a learner of features has its laws checked here, and its golden")
    }

    /// Rows with a few features of 60; the class follows from which of the first ten are there.
    static func batch(_ random: RandomGenerator, _ rows: Int, classes: Int) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows)
        for row in 0..<rows {
            let first = Int(random.next() % 10)
            let others = (0..<4).map { _ in 10 + Int(random.next() % 50) }
            batch.appendRow(5) { indices, values in
                for (place, index) in ([first] + others).enumerated() {
                    (indices[place], values[place]) = (UInt32(index), Float(1 + random.nextUniform()))
                }
            }
            batch.classes[row] = Int32(first % classes)
            batch.targets[row] = Double(first) * 3
            batch.weights[row] = random.next() % 10 == 0 ? 2 : 1
        }
        return batch
    }

    private static func outputs(_ predictions: PredictionBatch, _ rows: Int) -> [Double] {
        (0..<rows).flatMap { row in (0..<predictions.width).map { predictions.outputs(of: row)[$0] } }
    }

    @Test(arguments: setups) func itLearns(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 1)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 1000)
        var errors = [0.0, 0]
        for round in 0..<2 {
            let batch = Self.batch(random, 1000, classes: setup.classes)
            learner.predictThenLearn(batch, into: predictions)
            for row in 0..<1000 {
                let isWrong = predictions.classes[row] != batch.classes[row]
                errors[round] +=
                    setup.task == .regression
                    ? abs(predictions.outputs(of: row)[0] - batch.targets[row]) / 7 : isWrong ? 1 : 0
            }
        }
        #expect(errors[1] < 250, "\(errors)")
    }

    @Test(arguments: setups) func predictionIsPure(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 2)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 300)
        learner.predictThenLearn(Self.batch(random, 300, classes: setup.classes), into: predictions)
        let one = Self.batch(random, 1, classes: setup.classes)
        let digest = learner.digest
        learner.predict(one, into: predictions)
        let expected = Self.outputs(predictions, 1)
        #expect(learner.digest == digest)
        learner.predictThenLearn(one, into: predictions)
        #expect(Self.outputs(predictions, 1) == expected)
        #expect(learner.digest != digest)
    }

    @Test(arguments: setups) func whatIsNotLearnedChangesNothing(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 3)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 300)
        learner.predictThenLearn(Self.batch(random, 300, classes: setup.classes), into: predictions)
        let digest = learner.digest
        let batch = Self.batch(random, 40, classes: setup.classes)
        for row in 0..<40 {
            if row % 2 == 0 {
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
        let wild: [Float] = [3e38, -3e38, 0, .leastNonzeroMagnitude, 1e30, -1]
        for _ in 0..<6 {
            let batch = Self.batch(random, 200, classes: setup.classes)
            for at in 0..<batch.featureCount where random.next() % 4 == 0 {
                batch.values[at] = wild[Int(random.next() % 6)]
            }
            for row in 0..<200 where random.next() % 8 == 0 {
                batch.weights[row] = [3e38, 1e-30][row % 2]
                batch.targets[row] = [1e300, -1e300, 1e-300][row % 3]
            }
            learner.predictThenLearn(batch, into: predictions)
            let areSound = Self.outputs(predictions, 200).allSatisfy {
                $0.isFinite && ($0 >= 0 && $0 <= 1 || setup.task == .regression)
            }
            #expect(areSound)
            #expect((0..<200).allSatisfy { predictions.losses[$0].isFinite })
        }
        for entry in learner.state {
            let doubles = (entry.array as? StateArray<Double>)?.elements.allSatisfy { $0.isFinite } ?? true
            let floats = (entry.array as? StateArray<Float>)?.elements.allSatisfy { $0.isFinite } ?? true
            #expect(doubles && floats, "\(entry.name)")
        }
    }

    @Test(arguments: setups) func batchSizesChangeNothing(_ setup: Setup) throws {
        let whole = try setup.make()
        let predictions = PredictionBatch(capacity: 600)
        let batch = Self.batch(RandomGenerator(seed: 5), 600, classes: setup.classes)
        whole.predictThenLearn(batch, into: predictions)
        let expected = Self.outputs(predictions, 600)
        for size in [1, 7, 200] {
            let learner = try setup.make()
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
        let (learner, twin) = (try setup.make(), try setup.make())
        let replica = Replica(of: learner, twin: twin)
        let (predictions, others) = (PredictionBatch(capacity: 200), PredictionBatch(capacity: 200))
        for round in 0..<6 {
            if round == 3 { learner.grow(toClasses: 5) }
            learner.predictThenLearn(Self.batch(random, 200, classes: setup.classes), into: predictions)
            Replica.note(learner, on: [replica])
            replica.update()
            #expect(twin.digest == learner.digest, "round \(round)")
            #expect(twin.classCount == learner.classCount)
        }
        let batch = Self.batch(random, 200, classes: setup.classes)
        learner.predictThenLearn(batch, into: predictions)
        twin.predictThenLearn(batch, into: others)
        #expect(Self.outputs(predictions, 200) == Self.outputs(others, 200))
        #expect(twin.digest == learner.digest)
    }
}
