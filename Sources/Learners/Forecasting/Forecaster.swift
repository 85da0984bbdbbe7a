import Components
import Records

/// A learner whose next targets follow from the last ones. Row r's outputs are what it expects of this record, of the one
/// after it and so on, `horizon` of them, from the targets before this record.
///
/// Records are the steps of the series, one a period, in order. One without a target, or without weight, is no step.
protocol Forecaster: Learner {
    /// Records that are forecast: this one, the next one and so on.
    var horizon: Int { get }

    /// Learns the next target of the series.
    ///
    /// - Parameter attributes: the record's fields.
    func learn(_ target: Double, _ attributes: UnsafePointer<Double>)

    /// Writes `horizon` finite numbers. Changes nothing.
    func forecast(_ attributes: UnsafePointer<Double>, into outputs: UnsafeMutablePointer<Double>)
}

/// The bounds of the targets seen.
struct SeenRange {
    private let floor: Double
    private let ceiling: Double

    init(_ low: Double, _ high: Double) {
        let width = min(high - low, .greatestFiniteMagnitude)
        floor = max(low - width, -.greatestFiniteMagnitude)
        ceiling = min(high + width, .greatestFiniteMagnitude)
    }

    /// The nearest number that is no further outside of the bounds than they are from each other; `other` for NaN.
    func bound(_ value: Double, else other: Double) -> Double {
        value.isNaN ? other : max(floor, min(ceiling, value))
    }
}

extension Forecaster {
    static var horizonField: HyperparameterField {
        HyperparameterField(
            "horizon", .integer(1...1000), default: "1", "records that are forecast: this one, the next one and so on")
    }

    public var classCount: Int { 0 }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: horizon)
        for row in 0..<features.rows { write(row, features, predictions) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: horizon)
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            write(row, features, predictions)
            let target = features.targets[row]
            guard target.isFinite, features.hasWeight(row) else { continue }
            learn(target, learned + row * features.attributeCount)
        }
    }

    private func write(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let outputs = predictions.outputs(of: row)
        forecast(features.attributes + row * features.attributeCount, into: outputs)
        let error = outputs[0] - features.targets[row]
        predictions.losses[row] = min(error * error, .greatestFiniteMagnitude)
        predictions.classes[row] = -1
    }
}
