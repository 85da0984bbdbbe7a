import Components
import Records
import State
import Statistics

/// How far a record lies outside the middle half of what was seen: for each number d = the distance from the median in
/// interquartile ranges, the largest of them, as d / (1 + d) (Tukey's fences, Exploratory Data Analysis, 1977: d > 2 for a
/// symmetric distribution). Quartiles by P². What is extreme does not move it, unlike a mean.
public final class QuantileScorer: Learner {
    private static let quartiles = [0.25, 0.5, 0.75]

    private let attributes: Int
    private let isNominal: [Bool]
    private let grace: Double
    /// Three sketches an attribute.
    private let sketches: StateArray<Double>
    private let threshold: AnomalyThreshold

    private init(_ fields: Hyperparameters, _ context: LearnerContext) {
        attributes = context.attributes.count
        isNominal = context.attributes.map(\.isNominal)
        grace = Double(fields.integer("grace-period"))
        sketches = StateArray(count: attributes * Self.quartiles.count * QuantileSketch.lanes)
        threshold = AnomalyThreshold(fields)
    }

    public var classCount: Int { 2 }

    public var state: [StateEntry] { [StateEntry("sketches", sketches)] + threshold.state }

    private func sketch(_ attribute: Int, _ quartile: Int) -> QuantileSketch {
        let place = (attribute * Self.quartiles.count + quartile) * QuantileSketch.lanes
        return QuantileSketch(quantile: Self.quartiles[quartile], storage: sketches.base + place)
    }

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

    private func learn(_ values: UnsafePointer<Double>) {
        for index in 0..<attributes where !isNominal[index] && !values[index].isNaN {
            for quartile in Self.quartiles.indices {
                sketch(index, quartile).learn(max(-1e100, min(1e100, values[index])))
            }
        }
    }

    private func score(_ values: UnsafePointer<Double>) -> Double {
        var largest = 0.0
        for index in 0..<attributes where !isNominal[index] && !values[index].isNaN {
            let middle = sketch(index, 1)
            guard middle.count > grace, let low = sketch(index, 0).estimate, let median = middle.estimate,
                let high = sketch(index, 2).estimate
            else { continue }
            let distance = abs(max(-1e100, min(1e100, values[index])) - median)
            guard distance > 0 else { continue }
            let range = max(high - low, 0)
            // distance / range / (1 + distance / range), also where there is no range.
            largest = max(largest, distance / (distance + range))
        }
        return largest
    }
}

extension QuantileScorer {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "quantile-scorer", "how far a record's numbers lie from their medians, in interquartile ranges",
            fields: [
                HyperparameterField(
                    "grace-period", .integer(5...1_000_000), default: "100", "records before any score"),
                AnomalyThreshold.field,
            ]),
        tasks: [.anomaly], input: .attributes(isScaled: false)
    ) { fields, context throws(SettingError) in QuantileScorer(fields, context) }
}
