import Components
import Records
import State
import Testing

@testable import Learners

/// What sets the learners apart from each other: mean steps, sparsity, new classes, refused combinations.
@Suite struct OptimizedBehaviorTests {
    private func make(
        _ settings: [String: String], _ task: Task, mode: BatchMode = .sequential, slots: Int = 4
    ) throws -> any Learner {
        try Linear.learner.make(
            Hyperparameters(Linear.learner.descriptor, given: settings),
            LearnerContext(task: task, slotCount: slots, seed: 1, batchMode: mode, isFeatureNative: false))
    }

    private func batch(_ rows: [[(UInt32, Float)]], targets: [Double], weights: [Float]? = nil) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows.count)
        var position = 0
        for (row, features) in rows.enumerated() {
            for (index, value) in features {
                batch.indices[position] = index
                batch.values[position] = value
                position += 1
            }
            batch.offsets[row + 1] = position
            batch.targets[row] = targets[row]
            batch.classes[row] = Int32(targets[row])
            batch.weights[row] = weights?[row] ?? 1
        }
        batch.rows = rows.count
        return batch
    }

    private func weights(_ learner: any Learner) throws -> [Double] {
        let array = try #require(learner.state[0].array as? StateArray<Double>)
        return (0..<array.count).map { array.base[$0 * array.lanes] }
    }

    @Test func meanStepIsTheMeanGradient() throws {
        let learner = try make(
            ["optimizer": "sgd", "learning-rate": "0.1", "intercept": "false"], .regression, mode: .mean)
        let rows = batch([[(0, 1), (1, 2)], [(0, 3)]], targets: [1, 2], weights: [1, 2])
        let predictions = PredictionBatch(capacity: 2)
        learner.predictThenLearn(rows, into: predictions)
        // d/dw (wx - y)² at 0 is -2yx: for weight 0 (-2 - 2·12) / 2 = -13, for weight 1 -4 / 2 = -2.
        let found = try weights(learner)
        for (weight, expected) in zip(found, [1.3, 0.2, 0, 0]) { #expect(abs(weight - expected) < 1e-12) }
        #expect(predictions.outputs[1] == 0)
    }

    @Test func proximalZeroesWhatIsBelowL1() throws {
        let learner = try make(["optimizer": "ftrl", "l1": "1.5", "intercept": "false"], .regression)
        let predictions = PredictionBatch(capacity: 1)
        learner.predictThenLearn(batch([[(0, 1)]], targets: [1]), into: predictions)
        // z = -2, n = 4: w = (2 - 1.5) / ((1 + 2) / .1).
        let first = try weights(learner)[0]
        #expect(abs(first - 0.5 / 30) < 1e-15)
        learner.predictThenLearn(batch([[(0, 1)]], targets: [-1]), into: predictions)
        let second = try weights(learner)[0]
        #expect(second == 0)
    }

    @Test func passiveAggressiveReachesItsMargin() throws {
        let learner = try make(["optimizer": "pa1", "c": "100"], .regression)
        let predictions = PredictionBatch(capacity: 1)
        let rows = batch([[(0, 2), (1, -1)]], targets: [3])
        learner.predictThenLearn(rows, into: predictions)
        learner.predict(rows, into: predictions)
        #expect(abs(predictions.outputs[0] - 2.9) < 1e-12)
    }

    @Test func cumulativePenaltyEmptiesNoise() throws {
        let learner = try make(["optimizer": "sgd", "l1": "0.5", "learning-rate": "0.05"], .regression)
        let generator = RandomGenerator(seed: 5)
        let predictions = PredictionBatch(capacity: 1)
        for _ in 0..<400 {
            let x = Float(generator.nextUniform() * 2 - 1)
            let noise = Float(generator.nextUniform() * 0.2 - 0.1)
            learner.predictThenLearn(batch([[(0, x), (1, noise)]], targets: [5 * Double(x)]), into: predictions)
        }
        let found = try weights(learner)
        #expect(found[0] > 3)
        #expect(found[1] == 0)
    }

    @Test func announcedClassesDoNotMatterUntilLearned() throws {
        let settings = ["optimizer": "adagrad"]
        let late = try make(settings, .multiclass)
        let early = try make(settings, .multiclass)
        early.grow(toClasses: 5)
        late.grow(toClasses: 2)
        let first = batch([[(0, 1)], [(1, 1)], [(0, 2)]], targets: [0, 1, 0])
        let one = PredictionBatch(capacity: 3)
        let other = PredictionBatch(capacity: 3)
        late.predictThenLearn(first, into: one)
        early.predictThenLearn(first, into: other)
        for row in 0..<3 {
            for index in 0..<2 {
                #expect(one.outputs[row * one.stride + index] == other.outputs[row * other.stride + index])
            }
        }
        late.grow(toClasses: 5)
        late.predictThenLearn(batch([[(2, 1)]], targets: [4]), into: one)
        early.predictThenLearn(batch([[(2, 1)]], targets: [4]), into: other)
        #expect(late.digest == early.digest)
    }

    @Test func beforeTheFirstClassNothingIsPredicted() throws {
        let learner = try make(["optimizer": "sgd"], .multiclass)
        let predictions = PredictionBatch(capacity: 1)
        learner.predict(batch([[(0, 1)]], targets: [0]), into: predictions)
        #expect(predictions.outputs[0] == 0)
        #expect(predictions.classes[0] == 0)
    }

    @Test(arguments: [
        ("regression", ["optimizer": "sgd", "loss": "logistic"]), ("binary", ["optimizer": "sgd", "loss": "squared"]),
        ("binary", ["optimizer": "pa1", "loss": "hinge"]), ("regression", ["optimizer": "perceptron"]),
        ("binary", ["optimizer": "adadelta", "l1": "1"]), ("binary", ["optimizer": "pa2", "l2": "1"]),
        ("multiclass", ["optimizer": "pa1", "multiclass": "softmax"]),
        ("multiclass", ["optimizer": "sgd", "loss": "hinge", "multiclass": "softmax"]),
    ]) func refuses(_ task: String, _ settings: [String: String]) throws {
        let task = try #require(Task(rawValue: task))
        #expect(throws: SettingError.self) { try make(settings, task) }
    }

    @Test(arguments: ["pa1", "pa2", "perceptron"]) func refusesMeanSteps(_ optimizer: String) {
        #expect(throws: SettingError.self) { try make(["optimizer": optimizer], .binary, mode: .mean) }
    }

    /// Every loss of numbers finds its own kind of centre of targets spread evenly over (0, 1).
    @Test(arguments: [
        ("squared", 0.5), ("absolute", 0.5), ("quantile", 0.9), ("expectile", 0.75), ("poisson", 0.5),
    ]) func lossFindsItsCentre(_ loss: String, _ centre: Double) throws {
        let learner = try make(
            ["optimizer": "sgd", "loss": loss, "tau": "0.9", "intercept-learning-rate": "0.002"], .regression)
        let generator = RandomGenerator(seed: 9)
        let predictions = PredictionBatch(capacity: 1)
        var sum = 0.0
        for step in 0..<40_000 {
            learner.predictThenLearn(batch([[]], targets: [generator.nextUniform()]), into: predictions)
            if step >= 20_000 { sum += predictions.outputs[0] / 20_000 }
        }
        #expect(abs(sum - centre) < 0.02, "\(loss): \(sum), expected \(centre)")
    }
}
