import Foundation
import Records
import State
import Testing

@testable import Learners

/// What is put around a learner, against River 0.26 and scikit-learn (`scripts/make_wrapper_goldens.py`).
@Suite struct WrapperGoldenTests {
    struct Goldens: Decodable {
        struct Samplers: Decodable {
            let shares: [Double]
            let rate: Double
            let seed: UInt64
            /// How often each record is learned, by method.
            let counts: [String: [Int]]
        }
        struct Intervals: Decodable {
            let predictions: [Double]
            let targets: [Double]
            let ends: [[Double]]
        }
        struct Platt: Decodable {
            let scores: [Double]
            let classes: [Int]
            let calibrated: [Double]
        }
        struct Isotonic: Decodable {
            let scores: [Double]
            let classes: [Int]
            let probes: [Double]
            let fit: [Double]
        }
        let classes: [Int]
        let samplers: Samplers
        let balanced: [Double]
        let intervals: Intervals
        let platt: Platt
        let isotonic: Isotonic
    }

    static func goldens() throws -> Goldens {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/wrapper-goldens", withExtension: "json"))
        return try JSONDecoder().decode(Goldens.self, from: Data(contentsOf: url))
    }

    @Test(arguments: ClassSampler.Method.allCases) func samplers(_ method: ClassSampler.Method) throws {
        let goldens = try Self.goldens()
        let names = ["a", "b", "c"]
        let shares = Dictionary(uniqueKeysWithValues: zip(names, goldens.samplers.shares))
        let sampler = ClassSampler(method, shares: shares, rate: goldens.samplers.rate, seed: goldens.samplers.seed)
        let probe = ProbeLearner(classes: 3)
        let learner = ReweightedLearner(probe, [sampler]) { names }
        Probe.learn(learner, classes: goldens.classes, size: 16)
        let expected = try #require(goldens.samplers.counts[method.rawValue])
        #expect(probe.weights.map { Int($0) } == expected)
    }

    @Test func balancedWeights() throws {
        let goldens = try Self.goldens()
        let probe = ProbeLearner(classes: 3)
        let learner = ReweightedLearner(probe, [ClassWeights(.balanced)]) { ["a", "b", "c"] }
        Probe.learn(learner, classes: goldens.classes, size: 16)
        #expect(probe.weights == goldens.balanced.map { Float($0) })
    }

    @Test func conformalIntervals() throws {
        let golden = try Self.goldens().intervals
        let learner = IntervalLearner(
            ProbeLearner(classes: 0), .conformal, level: 0.9, window: 50, batchMode: .sequential)
        let batch = Probe.batch(golden.predictions, targets: golden.targets)
        let predictions = PredictionBatch(capacity: batch.rows)
        learner.predictThenLearn(batch, into: predictions)
        for (row, ends) in golden.ends.enumerated() {
            let outputs = predictions.outputs(of: row)
            #expect(abs(outputs[1] - ends[0]) < 1e-9 && abs(outputs[2] - ends[1]) < 1e-9, "row \(row)")
        }
    }

    @Test func plattScaling() throws {
        let golden = try Self.goldens().platt
        let learner = CalibratedLearner(ProbeLearner(classes: 2), .platt, isBinary: true, batchMode: .sequential)
        let batch = Probe.batch(golden.scores, classes: golden.classes)
        let predictions = PredictionBatch(capacity: batch.rows)
        learner.predictThenLearn(batch, into: predictions)
        for (row, p) in golden.calibrated.enumerated() {
            #expect(abs(predictions.outputs(of: row)[0] - p) < 1e-9, "row \(row)")
        }
    }

    @Test func isotonicBins() throws {
        let golden = try Self.goldens().isotonic
        let learner = CalibratedLearner(ProbeLearner(classes: 2), .isotonic, isBinary: true, batchMode: .sequential)
        let predictions = PredictionBatch(capacity: 64)
        learner.predictThenLearn(Probe.batch(golden.scores, classes: golden.classes), into: predictions)
        learner.predict(Probe.batch(golden.probes), into: predictions)
        for (row, p) in golden.fit.enumerated() {
            #expect(abs(predictions.outputs(of: row)[0] - p) < 1e-9, "bin \(row)")
        }
    }
}

/// Says what its one attribute says: a value, or the second class's probability (of more classes: of class 1, the rest
/// shared). Keeps the weights it is to learn with; its state is how many records it learned.
final class ProbeLearner: Learner {
    private(set) var weights: [Float] = []
    private let learned = StateArray<Double>(count: 1)
    private(set) var classCount: Int

    init(classes: Int) { classCount = classes }

    var state: [StateEntry] { [StateEntry("learned", learned)] }

    func grow(toClasses count: Int) { classCount = max(classCount, count) }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: max(1, classCount > 2 ? classCount : 1))
        for row in 0..<features.rows {
            let outputs = predictions.outputs(of: row)
            let p = features.attributes[row * features.attributeCount]
            outputs[0] = p
            predictions.classes[row] = p > 0.5 ? 1 : 0
            predictions.losses[row] = 0
            guard classCount > 2 else { continue }
            for index in 0..<classCount { outputs[index] = index == 1 ? p : (1 - p) / Double(classCount - 1) }
        }
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predict(features, into: predictions)
        for row in 0..<features.rows {
            weights.append(features.weights[row])
            if features.hasWeight(row) { learned[0] += 1 }
        }
    }
}

/// Batches of one attribute.
enum Probe {
    static func batch(_ values: [Double], targets: [Double]? = nil, classes: [Int]? = nil) -> FeatureBatch {
        let batch = FeatureBatch(capacity: max(values.count, 1), featuresPerRow: 1)
        batch.reserveAttributes(1)
        batch.offsets[0] = 0
        for (row, value) in values.enumerated() {
            batch.attributes[row] = value
            batch.targets[row] = targets?[row] ?? .nan
            batch.classes[row] = Int32(classes?[row] ?? -1)
            batch.weights[row] = 1
            batch.offsets[row + 1] = 0
        }
        batch.rows = values.count
        return batch
    }

    /// Learns records of given classes in batches of some size.
    static func learn(_ learner: any Learner, classes: [Int], size: Int) {
        let predictions = PredictionBatch(capacity: size)
        for start in stride(from: 0, to: classes.count, by: size) {
            let part = Array(classes[start..<min(start + size, classes.count)])
            learner.predictThenLearn(batch(part.map { _ in 0.4 }, classes: part), into: predictions)
        }
    }
}
