import Records
import State

/// What the further outputs of a chain see of the earlier ones: their predictions as numbers of the record (Read,
/// Pfahringer, Holmes and Frank 2011, with predictions in the place of targets, in learning as in predicting).
///
/// Probabilities are taken as they are; predicted numbers in deviations of their targets from the mean (Welford 1962) of the
/// records before (`mean`: before the batch), within +-10.
final class OutputChain: Stateful {
    private static let limit = 10.0

    /// By earlier output: targets, their mean, the sum of squared deviations.
    private let moments: StateArray<Double>
    private let isRegression: Bool
    private let batchMode: BatchMode
    /// By earlier output, then by row: what later ones see.
    private var inputs: [[Double]]
    /// By output, made when needed: its rows.
    private var rows: [FeatureBatch?]

    init(outputs: Int, isRegression: Bool, batchMode: BatchMode) {
        moments = StateArray(count: outputs - 1, lanes: 3)
        inputs = Array(repeating: [], count: outputs - 1)
        rows = Array(repeating: nil, count: outputs)
        self.isRegression = isRegression
        self.batchMode = batchMode
    }

    var state: [StateEntry] { [StateEntry("moments", moments)] }

    /// Takes an output's predictions for those behind it.
    ///
    /// - Parameters:
    ///   - features: with this output's targets.
    ///   - learns: targets are counted, each after its own prediction.
    func note(_ output: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool) {
        guard output < inputs.count else { return }
        inputs[output].removeAll(keepingCapacity: true)
        for row in 0..<features.rows {
            let value = predictions.outputs(of: row)[0]
            inputs[output].append(isRegression ? scaled(value, output) : value)
            if learns, isRegression, batchMode == .sequential { count(features, row, output) }
        }
        guard learns, isRegression, batchMode == .mean else { return }
        for row in 0..<features.rows { count(features, row, output) }
    }

    private func scaled(_ value: Double, _ output: Int) -> Double {
        let m = moments.base + 3 * output
        let deviation = m[0] > 1 ? (m[2] / m[0]).squareRoot() : 0
        guard deviation > 0 else { return 0 }
        return min(max((value - m[1]) / deviation, -Self.limit), Self.limit)
    }

    private func count(_ features: FeatureBatch, _ row: Int, _ output: Int) {
        guard features.hasWeight(row), !features.targets[row].isNaN else { return }
        let target = min(max(features.targets[row], -1e100), 1e100)
        let m = moments.base + 3 * output
        m[0] += 1
        let distance = target - m[1]
        m[1] += distance / m[0]
        m[2] += distance * (target - m[1])
    }

    /// The rows with the predictions of the outputs before `output` behind their features, or attributes.
    ///
    /// - Parameter slots: feature indices lie below; the predictions' come from there on.
    func rows(for output: Int, _ features: FeatureBatch, slots: Int) -> FeatureBatch {
        guard output > 0 else { return features }
        let kept = rows[output].flatMap { $0.capacity >= features.rows ? $0 : nil }
        let wide = kept ?? FeatureBatch(capacity: features.capacity)
        rows[output] = wide
        if features.attributeCount > 0 {
            widenAttributes(features, into: wide, output)
        } else {
            widenFeatures(features, into: wide, output, slots)
        }
        wide.rows = features.rows
        wide.targets.update(from: features.targets, count: features.rows)
        wide.classes.update(from: features.classes, count: features.rows)
        wide.weights.update(from: features.weights, count: features.rows)
        return wide
    }

    private func widenFeatures(
        _ features: FeatureBatch, into wide: FeatureBatch, _ output: Int, _ slots: Int
    ) {
        wide.recycle()
        wide.reserveFeatures(features.featureCount + output * features.rows, keeping: 0)
        if features.learningValues != nil { wide.allocateLearningValues() }
        var end = 0
        for row in 0..<features.rows {
            wide.offsets[row] = end
            let start = features.offsets[row]
            let count = features.offsets[row + 1] - start
            (wide.indices + end).update(from: features.indices + start, count: count)
            (wide.values + end).update(from: features.values + start, count: count)
            if let values = features.learningValues, let learning = wide.learningValues {
                (learning + end).update(from: values + start, count: count)
            }
            end += count
            for earlier in 0..<output {
                wide.indices[end] = UInt32(slots + earlier)
                wide.values[end] = Float(inputs[earlier][row])
                wide.learningValues?[end] = Float(inputs[earlier][row])
                end += 1
            }
        }
        wide.offsets[features.rows] = end
    }

    private func widenAttributes(_ features: FeatureBatch, into wide: FeatureBatch, _ output: Int) {
        let (count, width) = (features.attributeCount, features.attributeCount + output)
        wide.recycle()
        wide.reserveAttributes(width)
        var pairs = [(features.attributes, wide.attributes)]
        if let learning = features.learningAttributes {
            pairs.append((learning, wide.provideLearningAttributes()))
        }
        for row in 0..<features.rows {
            for (from, to) in pairs {
                (to + row * width).update(from: from + row * count, count: count)
                for earlier in 0..<output { to[row * width + count + earlier] = inputs[earlier][row] }
            }
            wide.offsets[row + 1] = 0
        }
        wide.offsets[0] = 0
    }
}
