import Components
import Glibc
import Records
import State

/// How far a record lies from the mean: for each number the probability that a normal variable is nearer to its mean,
/// 2 |F(x) - 1/2|, the largest of them (River's GaussianScorer, for several fields). 0 for the first `grace-period`
/// records.
public final class GaussianScorer: Learner {
    private let attributes: Int
    private let isNominal: [Bool]
    private let grace: Double
    /// Of each attribute: count, mean, sum of squared deviations (Welford 1962).
    private let moments: StateArray<Double>
    private let threshold: AnomalyThreshold

    private init(_ fields: Hyperparameters, _ context: LearnerContext) {
        attributes = context.attributes.count
        isNominal = context.attributes.map(\.isNominal)
        grace = Double(fields.integer("grace-period"))
        moments = StateArray(count: 3 * attributes)
        threshold = AnomalyThreshold(fields)
    }

    public var classCount: Int { 2 }

    public var state: [StateEntry] { [StateEntry("moments", moments)] + threshold.state }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        threshold.score(features, into: predictions) { score($0) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        threshold.scoreThenLearn(features, into: predictions) {
            score($0)
        } learn: {
            learn($0)
        }
    }

    private func score(_ values: UnsafePointer<Double>) -> Double {
        var largest = 0.0
        for index in 0..<attributes where !isNominal[index] && !values[index].isNaN {
            let moment = moments.base + 3 * index
            guard moment[0] > grace, moment[2] > 0 else { continue }
            // The sample's deviation, as River.
            let deviation = (moment[2] / (moment[0] - 1)).squareRoot()
            let distance = abs(max(-1e100, min(1e100, values[index])) - moment[1]) / deviation
            largest = max(largest, erf(distance / 2.0.squareRoot()))
        }
        return largest
    }

    private func learn(_ values: UnsafePointer<Double>) {
        for index in 0..<attributes where !isNominal[index] && !values[index].isNaN {
            let moment = moments.base + 3 * index
            let value = max(-1e100, min(1e100, values[index]))
            moment[0] += 1
            let distance = value - moment[1]
            moment[1] += distance / moment[0]
            moment[2] += distance * (value - moment[1])
        }
    }
}

extension GaussianScorer {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "gaussian-scorer", "how far a record's numbers lie from their means, by normal distributions",
            fields: [
                HyperparameterField(
                    "grace-period", .integer(2...1_000_000), default: "100", "records before any score"),
                AnomalyThreshold.field,
            ]),
        tasks: [.anomaly], input: .attributes(isScaled: false)
    ) { fields, context throws(SettingError) in GaussianScorer(fields, context) }
}
