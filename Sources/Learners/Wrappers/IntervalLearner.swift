import Records
import State

/// Puts an interval around each prediction of a regressor, for any learner: three outputs a row, the value and the
/// interval's lower and upper end.
///
/// A record's interval follows from the errors of the records before it (`mean`: before its batch); weights do not count.
public final class IntervalLearner: Learner {
    private let base: any Learner
    private let widths: any IntervalWidths
    private let batchMode: BatchMode

    /// - Parameters:
    ///   - level: the share of targets to lie inside, above 0 and below 1.
    ///   - window: errors remembered.
    public init(_ base: any Learner, _ method: IntervalMethod, level: Double, window: Int, batchMode: BatchMode) {
        self.base = base
        self.batchMode = batchMode
        widths = method.makeWidths(level: level, window: window)
    }

    public var state: [StateEntry] { base.state + widths.state.prefixed("intervals") }

    public func stateDidChange() {
        base.stateDidChange()
        widths.stateDidChange()
    }

    public var classCount: Int { base.classCount }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predict(features, into: predictions)
        predictions.widen(to: 3)
        let errors = widths.errors
        for row in 0..<features.rows { Self.write(errors, row, predictions) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predictThenLearn(features, into: predictions)
        predictions.widen(to: 3)
        let start = widths.errors
        for row in 0..<features.rows {
            Self.write(batchMode == .mean ? start : widths.errors, row, predictions)
            let error = features.targets[row] - predictions.outputs(of: row)[0]
            guard features.hasWeight(row), error.isFinite else { continue }
            widths.learn(error)
        }
    }

    private static func write(
        _ errors: (below: Double, above: Double), _ row: Int, _ predictions: PredictionBatch
    ) {
        let outputs = predictions.outputs(of: row)
        let most = Double.greatestFiniteMagnitude
        outputs[1] = min(max(outputs[0] + errors.below, -most), most)
        outputs[2] = min(max(outputs[0] + errors.above, -most), most)
    }
}
