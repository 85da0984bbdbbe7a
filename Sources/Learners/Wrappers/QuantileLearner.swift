import Records
import State

/// Says below what numbers the next target lies with given probabilities, for any regressor: one more output a level.
///
/// A quantile is the prediction plus that quantile of the latest errors (target less prediction), each made before its
/// record was learned: the conformal predictive distribution of a sliding window (Vovk, Shen, Manokhin and Xie 2019).
/// `adaptive`: a level tau takes the share s_t of the errors instead, with s_t+1 = s_t + .005 (tau - [target <= quantile]),
/// kept in 0...1, so that tau of the targets lie below whatever the stream does (Gibbs and Candes 2021, equation 2, of one
/// side). Quantiles never cross. Weights do not count.
public final class QuantileLearner: Learner {
    private static let rate = 0.005

    private let base: any Learner
    private let levels: [Double]
    private let first: Int
    private let method: IntervalMethod
    private let batchMode: BatchMode
    private let window: ResidualWindow
    /// s_t, by level.
    private let shares: StateArray<Double>
    /// The errors that the quantiles reach to, by level.
    private var errors: [Double]

    /// - Parameters:
    ///   - levels: above 0, below 1 and rising.
    ///   - first: outputs of the regressor itself, behind which quantiles stand.
    ///   - window: errors remembered.
    public init(
        _ base: any Learner, _ method: IntervalMethod, levels: [Double], first: Int, window: Int, batchMode: BatchMode
    ) {
        self.first = first
        self.base = base
        self.levels = levels
        self.method = method
        self.batchMode = batchMode
        self.window = ResidualWindow(capacity: window)
        shares = StateArray(levels)
        errors = Array(repeating: 0, count: levels.count)
    }

    public var state: [StateEntry] {
        base.state + (window.state + [StateEntry("shares", shares)]).prefixed("quantiles")
    }

    public func stateDidChange() {
        base.stateDidChange()
        window.stateDidChange()
        refresh()
    }

    public var classCount: Int { base.classCount }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predict(features, into: predictions)
        predictions.widen(to: first + levels.count)
        for row in 0..<features.rows { write(row, predictions) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predictThenLearn(features, into: predictions)
        predictions.widen(to: first + levels.count)
        for row in 0..<features.rows {
            write(row, predictions)
            let error = features.targets[row] - predictions.outputs(of: row)[0]
            guard features.hasWeight(row), error.isFinite else { continue }
            learn(error)
            if batchMode == .sequential { refresh() }
        }
        if batchMode == .mean { refresh() }
    }

    private func learn(_ error: Double) {
        if method == .adaptive {
            for index in levels.indices {
                let isBelow = error <= window.quantile(shares[index])
                shares[index] = min(max(shares[index] + Self.rate * (levels[index] - (isBelow ? 1 : 0)), 0), 1)
            }
        }
        window.add(error)
    }

    /// Brings the errors up to date, none below the one before.
    private func refresh() {
        var least = -Double.infinity
        for index in levels.indices {
            least = max(least, window.quantile(shares[index]))
            errors[index] = least
        }
    }

    private func write(_ row: Int, _ predictions: PredictionBatch) {
        let outputs = predictions.outputs(of: row)
        let most = Double.greatestFiniteMagnitude
        for index in levels.indices { outputs[first + index] = min(max(outputs[0] + errors[index], -most), most) }
    }
}
