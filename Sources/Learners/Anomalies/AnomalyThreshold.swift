import Components
import Records
import State
import Statistics

/// Where scores of anomalies begin: a running quantile of all scores (P², Jain and Chlamtac 1985). Shared by all learners
/// of the task `anomaly`: their answer is a score from 0 (usual) to 1, and a class: 1 = above the threshold.
struct AnomalyThreshold {
    /// Scores before anything can be called an anomaly.
    private static let patience = 50.0

    static let field = HyperparameterField(
        "quantile", .number(0.5...0.999_999), default: "0.99", "share of the scores that are below the threshold")

    private let quantile: Double
    private let storage = StateArray<Double>(count: QuantileSketch.lanes)

    init(_ fields: Hyperparameters) { quantile = fields.double("quantile") }

    var state: [StateEntry] { [StateEntry("threshold", storage)] }

    private var sketch: QuantileSketch { QuantileSketch(quantile: quantile, storage: storage.base) }

    /// Writes a row's score and class.
    func write(_ score: Double, _ row: Int, _ predictions: PredictionBatch) {
        let sketch = sketch
        let isAnomaly = sketch.count >= Self.patience && score > (sketch.estimate ?? 1)
        predictions.outputs[row * predictions.stride] = max(0, min(1, score))
        predictions.classes[row] = isAnomaly ? 1 : 0
        predictions.losses[row] = 0
    }

    func learn(_ score: Double) { sketch.learn(max(0, min(1, score))) }

    /// Scores every row.
    func score(
        _ features: FeatureBatch, into predictions: PredictionBatch, _ score: (UnsafePointer<Double>) -> Double
    ) {
        for row in 0..<features.rows {
            write(score(features.attributes + row * features.attributeCount), row, predictions)
        }
    }

    /// Scores every row, then lets those with weight be learned.
    func scoreThenLearn(
        _ features: FeatureBatch, into predictions: PredictionBatch, _ score: (UnsafePointer<Double>) -> Double,
        learn: (UnsafePointer<Double>) -> Void
    ) {
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            let start = row * features.attributeCount
            let found = score(features.attributes + start)
            write(found, row, predictions)
            guard features.hasWeight(row) else { continue }
            self.learn(found)
            learn(learned + start)
        }
    }
}

/// The running range of each attribute, for learners that want values from 0 to 1.
final class AttributeRanges {
    /// Low and high of each attribute, in turn; the high end below the low one: nothing was seen.
    let ends: StateArray<Double>
    private let count: Int

    init(count: Int) {
        self.count = count
        ends = StateArray(count: 2 * count)
        for index in 0..<count { ends[2 * index] = 1 }
    }

    /// Takes a record in. Returns whether a range changed.
    func learn(_ values: UnsafePointer<Double>) -> Bool {
        var changed = false
        let ends = ends.base
        for index in 0..<count where !values[index].isNaN {
            let value = max(-1e150, min(1e150, values[index]))
            if ends[2 * index] > ends[2 * index + 1] {
                ends[2 * index] = value
                ends[2 * index + 1] = value
                changed = true
            } else if value < ends[2 * index] {
                ends[2 * index] = value
                changed = true
            } else if value > ends[2 * index + 1] {
                ends[2 * index + 1] = value
                changed = true
            }
        }
        return changed
    }

    /// Values from 0 to 1 within the ranges; 0 where there is none, NaN where a value is missing.
    func scale(_ values: UnsafePointer<Double>, into scaled: UnsafeMutablePointer<Float>) {
        let ends = ends.base
        for index in 0..<count {
            let low = ends[2 * index]
            let width = ends[2 * index + 1] - low
            let value = max(-1e150, min(1e150, values[index]))
            scaled[index] = values[index].isNaN ? .nan : width > 0 ? Float((value - low) / width) : 0
        }
    }
}
