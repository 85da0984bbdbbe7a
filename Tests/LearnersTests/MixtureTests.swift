import Components
import Foundation
import Learners
import Records
import State
import Testing

/// The mixture against a twin written from its formulas, on random streams.
@Suite struct MixtureTests {
    /// Largest difference between learner and twin over a stream.
    private func disagreement(
        _ learner: any Learner, _ twin: inout MixtureTwin, _ stream: MixtureStream
    ) -> Double {
        let outputs = learner.run(stream)
        var worst = 0.0
        for index in 0..<stream.count {
            let row = stream.rows[index].map { (slot: $0.slot, x: Double($0.x)) }
            for (output, expected) in zip(outputs[index], twin.look(row).answer) {
                worst = max(worst, abs(output - expected))
            }
            if stream.weights[index] > 0 {
                twin.learn(row, stream.targets[index], weight: Double(stream.weights[index]))
            }
        }
        return worst
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
    func binaryAgreesWithTwin(seed: UInt64, weighted: Bool) throws {
        let stream = MixtureStream.random(seed: seed, count: 1500, task: .binary, weighted: weighted)
        var twin = MixtureTwin(.binary)
        let worst = disagreement(try makeMixture(.binary), &twin, stream)
        #expect(worst < 2e-4, "seed \(seed)")
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [false, true])
    func regressionAgreesWithTwin(seed: UInt64, weighted: Bool) throws {
        let stream = MixtureStream.random(seed: seed, count: 1500, task: .regression, weighted: weighted)
        var twin = MixtureTwin(.regression)
        let worst = disagreement(try makeMixture(.regression), &twin, stream)
        // Targets have a deviation of about 10.
        #expect(worst < 1e-2, "seed \(seed)")
    }

    @Test(arguments: [1, 2, 3] as [UInt64], [2, 3, 7])
    func multiclassAgreesWithTwin(seed: UInt64, classes: Int) throws {
        let stream = MixtureStream.random(
            seed: seed, count: 1500, task: .multiclass, classes: classes, weighted: seed == 3)
        var twin = MixtureTwin(.multiclass, classes: classes)
        let learner = try makeMixture(.multiclass)
        learner.grow(toClasses: classes)
        let worst = disagreement(learner, &twin, stream)
        #expect(worst < 1e-3, "seed \(seed)")
    }

    @Test(arguments: [false, true])
    func featureNativeRowsAreScaled(intercept: Bool) throws {
        let stream = MixtureStream.random(seed: 5, count: 1500, task: .binary, scale: 1e5)
        var twin = MixtureTwin(.binary, intercept: intercept, isFeatureNative: true)
        let learner = try makeMixture(.binary, ["intercept": "\(intercept)"], isFeatureNative: true)
        #expect(disagreement(learner, &twin, stream) < 2e-4)

        var classes = MixtureTwin(.multiclass, classes: 2, intercept: intercept, isFeatureNative: true)
        let softmax = try makeMixture(.multiclass, ["intercept": "\(intercept)"], isFeatureNative: true)
        softmax.grow(toClasses: 2)
        #expect(disagreement(softmax, &classes, stream) < 2e-4)
    }

    @Test func lossesAndClasses() throws {
        let stream = MixtureStream.random(seed: 9, count: 300, task: .binary)
        let learner = try makeMixture(.binary)
        let predictions = PredictionBatch(capacity: 300)
        learner.predictThenLearn(stream.batch(0..<300), into: predictions)
        #expect(predictions.rows == 300)
        for row in 0..<300 {
            let p = predictions.outputs[row]
            let loss = -log(max(stream.targets[row] > 0 ? p : 1 - p, 1e-15))
            #expect(abs(predictions.losses[row] - loss) < 1e-12 * max(1, loss))
            #expect(predictions.classes[row] == (p > 0.5 ? 1 : 0))
        }
    }

    @Test(arguments: [
        ["l2": "0.1"], ["learning-rate": "0.5"], ["loss": "hinge"], ["multiclass": "one-against-all"],
        ["loss": "squared"],
    ])
    func foreignSettingsAreRefused(given: [String: String]) {
        #expect(throws: SettingError.self) { try makeMixture(.multiclass, given) }
    }

    @Test func meanBatchesAreRefused() {
        #expect(throws: SettingError.self) { try makeMixture(.binary, batchMode: .mean) }
    }
}
