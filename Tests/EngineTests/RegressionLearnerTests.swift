import Engine
import Learners
import Records
import State
import Testing

/// What learners of attributes that predict numbers promise: nearer than the mean, never outside of the targets seen.
@Suite struct RegressionLearnerTests {
    typealias Setup = AttributeLearnerTests.Setup

    /// Not those that go beyond what they saw: linear ones, networks and forecasters.
    static let setups = AttributeLearnerTests.setups.filter {
        $0.task == .regression && $0.preset == "thalweg" && !unbounded.contains($0.name)
    }

    private static let unbounded = [
        "holt-winters", "snarimax", "perceptron", "field-aware-factorization-machine", "matrix-factorization",
        "bayesian-linear-regression",
    ]

    @Test func thereAreSome() { #expect(Self.setups.count >= 6) }

    @Test(arguments: setups) func itIsNearerThanTheMean(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 11)
        let learner = try setup.make(also: ["steps": "20", "rate": "0.1"])
        let predictions = PredictionBatch(capacity: 1000)
        for _ in 0..<2 {
            learner.predictThenLearn(AttributeLearnerTests.batch(random, 1000), into: predictions)
        }
        let batch = AttributeLearnerTests.batch(random, 1000)
        learner.predictThenLearn(batch, into: predictions)
        let mean = (0..<1000).reduce(0) { $0 + batch.targets[$1] } / 1000
        let spread = (0..<1000).reduce(0) { $0 + (batch.targets[$1] - mean) * (batch.targets[$1] - mean) }
        let error = (0..<1000).reduce(0) { $0 + predictions.losses[$1] }
        #expect(error < 0.5 * spread, "\(error) of \(spread)")
    }

    @Test(arguments: setups) func predictionsLieWithinTheTargetsSeen(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 12)
        let learner = try setup.make()
        let predictions = PredictionBatch(capacity: 300)
        let batch = AttributeLearnerTests.batch(random, 300)
        learner.predictThenLearn(batch, into: predictions)
        let (least, greatest) = (0..<300).reduce((Double.infinity, -Double.infinity)) {
            (min($0.0, batch.targets[$1]), max($0.1, batch.targets[$1]))
        }
        let other = AttributeLearnerTests.batch(random, 300)
        for row in 0..<300 {
            for index in 0..<3 { other.attributes[row * AttributeLearnerTests.attributes.count + index] *= 1e6 }
        }
        learner.predict(other, into: predictions)
        let slack = 1e-9 * (greatest - least)
        #expect(
            (0..<300).allSatisfy {
                predictions.outputs(of: $0)[0] >= least - slack && predictions.outputs(of: $0)[0] <= greatest + slack
            })
    }
}
