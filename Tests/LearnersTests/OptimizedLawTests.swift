import Components
import Records
import State
import Testing

@testable import Learners

/// The laws of Learner.swift for the optimized linear learners, over optimizers, tasks and dialects.
@Suite struct OptimizedLawTests {
    struct Setup: Sendable, CustomTestStringConvertible {
        let task: Task
        let settings: [String: String]
        var testDescription: String { "\(task.rawValue) \(settings.sorted { $0.key < $1.key })" }
    }

    static let gradientOptimizers = [
        "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "adamax", "nadam", "ftrl",
    ]
    static let setups: [Setup] = ["thalweg", "river"].flatMap { dialect in
        gradientOptimizers.flatMap { optimizer in
            let base = ["optimizer": optimizer, "dialect": dialect]
            return [
                Setup(task: .binary, settings: base),
                Setup(task: .binary, settings: base.merging(["loss": "hinge"]) { $1 }),
                Setup(task: .regression, settings: base.merging(["l2": "0.01"]) { $1 }),
                Setup(task: .regression, settings: base.merging(["loss": "poisson"]) { $1 }),
                Setup(task: .multiclass, settings: base),
                Setup(task: .multiclass, settings: base.merging(["multiclass": "one-against-all"]) { $1 }),
            ]
        }
            + ["pa1", "pa2", "perceptron"].flatMap { optimizer in
                [Task.binary, .multiclass, .regression].filter { $0 != .regression || optimizer != "perceptron" }.map {
                    Setup(task: $0, settings: ["optimizer": optimizer, "dialect": dialect])
                }
            }
    }

    @Test func countsSetups() { #expect(Self.setups.count == 148) }

    static func make(_ setup: Setup, mode: BatchMode = .sequential) throws -> any Learner {
        let parameters = try Hyperparameters(Linear.learner.descriptor, given: setup.settings)
        let learner = try Linear.learner.make(
            parameters,
            LearnerContext(task: setup.task, slotCount: 64, seed: 1, batchMode: mode, isFeatureNative: false))
        if setup.task == .multiclass { learner.grow(toClasses: 3) }
        return learner
    }

    /// Rows with one to twelve features in [-2, 2) and every kind of target.
    static func batch(_ generator: RandomGenerator, rows: Int) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows)
        var position = 0
        for row in 0..<rows {
            for _ in 0...(generator.next() % 12) {
                batch.indices[position] = UInt32(generator.next() % 64)
                batch.values[position] = Float(generator.nextUniform() * 4 - 2)
                position += 1
            }
            batch.offsets[row + 1] = position
            batch.targets[row] = (generator.nextUniform() * 10).rounded()
            batch.classes[row] = Int32(generator.next() % 2)
            batch.weights[row] = Float(generator.next() % 3)
        }
        batch.rows = rows
        return batch
    }

    static func isFinite(_ learner: any Learner) -> Bool {
        learner.state.allSatisfy { entry in
            (entry.array as? StateArray<Double>)?.elements.allSatisfy(\.isFinite) ?? false
        }
    }

    @Test(arguments: setups) func learnsOnlyWhatItShould(_ setup: Setup) throws {
        let seed: UInt64 = 11
        let learner = try Self.make(setup)
        let batch = Self.batch(RandomGenerator(seed: seed), rows: 50)
        let predictions = PredictionBatch(capacity: 50)
        let initial = learner.digest
        learner.predictThenLearn(batch, into: predictions)
        let learned = learner.digest
        #expect(initial != learned)
        learner.predict(batch, into: predictions)
        #expect(learner.digest == learned, "predicting changed the state, seed \(seed)")
        for row in 0..<50 { batch.weights[row] = 0 }
        learner.predictThenLearn(batch, into: predictions)
        #expect(learner.digest == learned, "weight 0 changed the state, seed \(seed)")
        for row in 0..<50 {
            batch.weights[row] = 1
            batch.classes[row] = -1
            batch.targets[row] = .nan
        }
        learner.predictThenLearn(batch, into: predictions)
        #expect(learner.digest == learned, "unknown targets changed the state, seed \(seed)")
        for index in 0..<50 * predictions.stride { #expect(predictions.outputs[index].isFinite) }
    }

    @Test(arguments: setups) func staysFinite(_ setup: Setup) throws {
        let seed: UInt64 = 12
        let generator = RandomGenerator(seed: seed)
        let wild: [Float] = [.nan, .infinity, -.infinity, 3e38, -3e38, .leastNonzeroMagnitude, 0, 1e20]
        for mode in [BatchMode.sequential, .mean] {
            guard let learner = try? Self.make(setup, mode: mode) else { continue }
            let predictions = PredictionBatch(capacity: 20)
            for _ in 0..<30 {
                let batch = Self.batch(generator, rows: 20)
                for index in 0..<batch.featureCount where generator.next() % 4 == 0 {
                    batch.values[index] = wild[Int(generator.next() % 8)]
                }
                for row in 0..<20 where generator.next() % 4 == 0 {
                    batch.targets[row] = [1e308, -1e308, .infinity, 0][Int(generator.next() % 4)]
                    batch.weights[row] = [3e38, .infinity, .nan, -1][Int(generator.next() % 4)]
                }
                learner.predictThenLearn(batch, into: predictions)
                for row in 0..<20 {
                    #expect(predictions.outputs[row * predictions.stride].isFinite, "seed \(seed)")
                    #expect(predictions.losses[row].isFinite, "seed \(seed)")
                }
            }
            #expect(Self.isFinite(learner), "seed \(seed), \(mode)")
        }
    }

    @Test(arguments: setups.filter { gradientOptimizers.contains($0.settings["optimizer"] ?? "") })
    func meanOfOneIsSequential(_ setup: Setup) throws {
        let seed: UInt64 = 13
        let generator = RandomGenerator(seed: seed)
        let sequential = try Self.make(setup)
        let mean = try Self.make(setup, mode: .mean)
        let first = PredictionBatch(capacity: 1)
        let second = PredictionBatch(capacity: 1)
        for step in 0..<100 {
            let batch = Self.batch(generator, rows: 1)
            // Equal indices in one row are two steps in one mode and one in the other.
            for index in 0..<batch.featureCount { batch.indices[index] = UInt32(index * 5) }
            sequential.predictThenLearn(batch, into: first)
            mean.predictThenLearn(batch, into: second)
            for index in 0..<first.width {
                #expect(first.outputs[index] == second.outputs[index], "step \(step), seed \(seed)")
            }
        }
    }

    @Test(arguments: setups) func replicasAgree(_ setup: Setup) throws {
        let seed: UInt64 = 14
        let generator = RandomGenerator(seed: seed)
        let learner = try Self.make(setup)
        let twin = try Self.make(setup)
        let replica = Replica(of: learner, twin: twin)
        let predictions = PredictionBatch(capacity: 20)
        for round in 0..<6 {
            if round == 3 { learner.grow(toClasses: 9) }
            learner.predictThenLearn(Self.batch(generator, rows: 20), into: predictions)
            Replica.note(learner, on: [replica])
            replica.update()
            #expect(twin.digest == learner.digest, "round \(round), seed \(seed)")
            #expect(twin.classCount == learner.classCount)
        }
    }
}
