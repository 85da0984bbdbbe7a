import CBytes
import Glibc
import Records

/// A mini-batch on its way through one rule.
struct VowpalBatch<Rule: VowpalRule> {
    let rule: Rule
    let view: VowpalView
    let scalars: VowpalScalars
    let features: FeatureBatch
    let predictions: PredictionBatch
    /// Read once: other modules' variables are checked for exclusive access every time.
    private let rows: Int
    private let indices: UnsafePointer<UInt32>
    private let values: UnsafePointer<Float>
    private let offsets: UnsafePointer<Int>

    init(rule: Rule, view: VowpalView, scalars: VowpalScalars, features: FeatureBatch, predictions: PredictionBatch) {
        self.rule = rule
        self.view = view
        self.scalars = scalars
        self.features = features
        self.predictions = predictions
        rows = features.rows
        indices = UnsafePointer(features.indices)
        values = UnsafePointer(features.values)
        offsets = UnsafePointer(features.offsets)
    }

    private static var prefetchDistance: Int { 4 }

    @inline(__always)
    private func row(_ index: Int, _ values: UnsafePointer<Float>) -> VowpalRow {
        let start = offsets[index]
        return VowpalRow(indices: indices + start, values: values + start, count: offsets[index + 1] - start)
    }

    /// Fetches the slots of a record to come.
    @inline(__always)
    private func prefetch(_ index: Int) {
        guard index < rows else { return }
        let base = view.base
        let stride = view.classStride &* view.lanes
        for at in offsets[index]..<offsets[index + 1] {
            bytes_prefetch(base + Int(indices[at]) &* stride)
        }
    }

    /// The label of one of two classes; NaN = unknown.
    @inline(__always)
    private static func label(_ index: Int32) -> Float { index < 0 ? Float.nan : index == 0 ? -1 : 1 }

    /// Regression and two classes.
    func runSingle(isBinary: Bool, _ learns: Bool) {
        let learningValues = features.learningValues.map { UnsafePointer($0) } ?? values
        let learnsOther = features.learningValues != nil
        for index in 0..<rows {
            if view.isLarge { prefetch(index + Self.prefetchDistance) }
            let label = isBinary ? Self.label(features.classes[index]) : Float(features.targets[index])
            let weight = features.weights[index]
            let isLearned = learns && isFinite(label) && weight > 0 && isFinite(weight)
            if isLearned, Rule.widensFirst { scalars.widen(label) }
            let record = row(index, values)
            var answer = scalars.clip(rule.score(record, 0))
            var loss = rule.loss.value(answer, label)
            if isLearned {
                if !Rule.widensFirst { scalars.widen(label) }
                if learnsOther {
                    let other = row(index, learningValues)
                    _ = learn(other, 0, label, weight, scalars.clip(rule.score(other, 0)))
                } else {
                    let target = VowpalTarget(label: label, weight: weight, prediction: answer, loss: loss)
                    let judged = rule.learn(record, 0, target)
                    if Rule.answersWhileLearning { answer = judged }
                    if !Rule.widensFirst { loss = rule.loss.value(judged, label) }
                }
                scalars.base[VowpalScalars.time] += Double(weight)
            }
            predictions.losses[index] = finite(loss)
            store(index, answer, isBinary)
        }
    }

    @inline(__always)
    private func learn(_ row: VowpalRow, _ column: Int, _ label: Float, _ weight: Float, _ prediction: Float) -> Float {
        let loss = rule.loss.value(prediction, label)
        return rule.learn(
            row, column, VowpalTarget(label: label, weight: weight, prediction: prediction, loss: loss))
    }

    @inline(__always)
    private func store(_ index: Int, _ answer: Float, _ isBinary: Bool) {
        var output = Double(answer)
        if isBinary {
            predictions.classes[index] = answer > 0 ? 1 : 0
            if Rule.Loss.self == LogisticVowpalLoss.self {
                output = 1 / (1 + exp(-output))
            } else {
                output = min(max((output + 1) / 2, 0), 1)
            }
        }
        predictions.outputs(of: index)[0] = output
    }

    /// A loss that may enter an average.
    @inline(__always)
    private func finite(_ loss: Float) -> Double {
        isFinite(loss) ? Double(loss) : loss.isNaN ? 0 : Double(Float.greatestFiniteMagnitude)
    }

    /// Several classes, one against all the others.
    func runClasses(_ scores: UnsafeMutableBufferPointer<Float>, _ learns: Bool) {
        let learningValues = features.learningValues.map { UnsafePointer($0) } ?? values
        let learnsOther = features.learningValues != nil
        for index in 0..<rows {
            if view.isLarge { prefetch(index + Self.prefetchDistance) }
            let record = row(index, values)
            let best = score(record, scores)
            let target = Int(features.classes[index])
            predictions.classes[index] = Int32(best)
            predictions.losses[index] = target >= 0 && target != best ? 1 : 0
            storeShares(index, scores)
            let weight = features.weights[index]
            guard learns, target >= 0, target < scores.count, weight > 0, isFinite(weight) else { continue }
            let learned = learnsOther ? row(index, learningValues) : record
            if learnsOther { _ = score(learned, scores) }
            for column in 0..<scores.count {
                let label: Float = column == target ? 1 : -1
                scalars.widen(label)
                _ = learn(learned, column, label, weight, scores[column])
            }
            scalars.base[VowpalScalars.time] += Double(weight)
        }
    }

    /// Scores every class, clipped to the range of labels as Vowpal Wabbit compares them. Returns the first best; -1
    /// when there is no class yet.
    @inline(__always)
    private func score(_ row: VowpalRow, _ scores: UnsafeMutableBufferPointer<Float>) -> Int {
        var best = scores.isEmpty ? -1 : 0
        for column in 0..<scores.count {
            scores[column] = scalars.clip(rule.score(row, column))
            if scores[column] > scores[best] { best = column }
        }
        return best
    }

    /// Probabilities: the logistic functions of the scores, divided by their sum.
    private func storeShares(_ index: Int, _ scores: UnsafeMutableBufferPointer<Float>) {
        let outputs = predictions.outputs(of: index)
        var sum = 0.0
        for column in 0..<scores.count {
            outputs[column] = 1 / (1 + exp(-Double(scores[column])))
            sum += outputs[column]
        }
        guard sum > 0 else {
            for column in 0..<scores.count { outputs[column] = 1 / Double(scores.count) }
            return
        }
        for column in 0..<scores.count { outputs[column] /= sum }
    }
}
