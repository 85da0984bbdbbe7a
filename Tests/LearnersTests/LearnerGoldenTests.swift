import Components
import Foundation
import Records
import State
import Testing

@testable import Learners

/// What learners must answer, record by record, by River and by implementations of their own: see
/// scripts/make_learner_goldens.py, which says which is whose.
struct LearnerGoldens: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let learner: String
        let task: String
        let fields: [String: String]
        let preset: String?
        let tolerance: Double
        let outputs: [Double]
        var batch: Int?
        var mean: Bool?
        /// Rows are hashed features; only those above `above`.
        var hashed: Bool?
        var above: Double?
        var testDescription: String { "\(learner) \(task) \(fields)" }
    }

    let rows: [[Double]]
    let classes: [Int]
    let targets: [Double]
    let cases: [Case]
    /// Of DBSTREAM behind all rows: centre and weight.
    let microClusters: [[Double]]

    static let all: LearnerGoldens? = Bundle.module
        .url(forResource: "Fixtures/learner-goldens", withExtension: "json")
        .flatMap { try? Data(contentsOf: $0) }
        .flatMap { try? JSONDecoder().decode(LearnerGoldens.self, from: $0) }

    static let attributes =
        ["a", "b", "c"].map { Attribute($0, .numeric) } + ["d", "e"].map { Attribute($0, .nominal(declared: 0)) }

    /// The records of a case.
    func batch(_ golden: Case) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows.count)
        if golden.hashed != true { batch.reserveAttributes(Self.attributes.count) }
        for (index, row) in rows.enumerated() {
            if golden.hashed == true {
                let slots = [0, 1, 2, 3 + UInt32(row[3]), 6 + UInt32(row[4])]
                let values = row.prefix(3).map { Float($0) } + [1, 1]
                let kept = zip(slots, values).filter { Double($0.1) > golden.above ?? -.infinity }
                batch.appendRow(kept.count) { indices, numbers in
                    for (place, (slot, value)) in kept.enumerated() { (indices[place], numbers[place]) = (slot, value) }
                }
            } else {
                for (place, value) in row.enumerated() { batch.attributes[index * row.count + place] = value }
                batch.offsets[index + 1] = 0
                batch.rows += 1
            }
            batch.classes[index] = Int32(golden.task == "binary" ? min(classes[index], 1) : classes[index])
            batch.targets[index] = targets[index]
            batch.weights[index] = 1
        }
        return batch
    }
}

@Suite struct LearnerGoldenTests {
    @Test func microClustersAreRivers() throws {
        let goldens = try #require(LearnerGoldens.all)
        let given = ["radius": "0.9", "fading": "0.02", "cleanup-interval": "10"]
        let learner = try #require(
            DBSTREAM.learner.make(
                Hyperparameters(DBSTREAM.learner.descriptor, given: given),
                LearnerContext(
                    task: .clustering, slotCount: 0, seed: 1, batchMode: .sequential, isFeatureNative: false,
                    attributes: LearnerGoldens.attributes)) as? DBSTREAM)
        let batch = goldens.batch(try #require(goldens.cases.first { $0.hashed != true }))
        learner.predictThenLearn(batch, into: PredictionBatch(capacity: batch.rows))
        let found = learner.microClusters.map { $0.centre + [$0.weight] }
        #expect(found.count == goldens.microClusters.count && found.count > 5)
        for (mine, expected) in zip(found, goldens.microClusters) {
            #expect(zip(mine, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(mine), River \(expected)")
        }
    }

    static let cases = LearnerGoldens.all?.cases ?? []

    static let learners = [
        Perceptron.learner, FactorizationMachine.learner, FieldAwareFactorizationMachine.learner,
        MatrixFactorization.learner, BernoulliNaiveBayes.learner, BayesianLinearRegression.learner,
    ]

    @Test func everyLearnerHasGoldens() {
        #expect(Set(Self.cases.map(\.learner)) == Set(Self.learners.map(\.descriptor.name)))
        #expect(Self.cases.count == 18)
    }

    @Test(arguments: cases) func agrees(_ golden: LearnerGoldens.Case) throws {
        let goldens = try #require(LearnerGoldens.all)
        let found = try #require(Self.learners.first { $0.descriptor.name == golden.learner })
        let task = try #require(Task(rawValue: golden.task))
        let parameters = try Hyperparameters(
            found.descriptor, preset: found.presets[golden.preset ?? ""] ?? [:], given: golden.fields)
        let learner = try found.make(
            parameters,
            LearnerContext(
                task: task, slotCount: 16, seed: 7, batchMode: golden.mean == true ? .mean : .sequential,
                isFeatureNative: false, attributes: golden.hashed == true ? [] : LearnerGoldens.attributes))
        if task == .multiclass { learner.grow(toClasses: 3) }
        let batch = goldens.batch(golden)
        let (slice, predictions) = (FeatureBatch(capacity: batch.rows), PredictionBatch(capacity: batch.rows))
        var outputs: [Double] = []
        for start in stride(from: 0, to: batch.rows, by: golden.batch ?? 64) {
            slice.copyRows(start..<min(start + (golden.batch ?? 64), batch.rows), of: batch)
            learner.predictThenLearn(slice, into: predictions)
            for row in 0..<slice.rows { outputs += (0..<predictions.width).map { predictions.outputs(of: row)[$0] } }
        }
        #expect(outputs.count == golden.outputs.count)
        let worst = zip(outputs, golden.outputs).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
        #expect(worst <= golden.tolerance, "\(worst)")
    }
}
