import State

/// How wide intervals are.
public enum IntervalMethod: String, Sendable, CaseIterable {
    case conformal
    case adaptive

    func makeWidths(level: Double, window: Int) -> any IntervalWidths {
        switch self {
        case .conformal: ConformalWidths(level: level, window: window)
        case .adaptive: AdaptiveWidths(level: level, window: window)
        }
    }
}

/// Says between what errors the next target lies with a probability.
protocol IntervalWidths: Stateful {
    /// The errors, target less prediction, that the interval reaches to; `below` is at most `above`. Changes nothing.
    var errors: (below: Double, above: Double) { get }

    /// - Parameter error: target less prediction; finite.
    func learn(_ error: Double)
}

/// Quantiles (1 - level) / 2 and (1 + level) / 2 of the latest errors, as River's `conf.RegressionJackknife` with a window
/// (Barber, Candes, Ramdas and Tibshirani 2021): each error was made before its record was learned.
final class ConformalWidths: IntervalWidths {
    private let level: Double
    private let window: ResidualWindow

    init(level: Double, window: Int) {
        self.level = level
        self.window = ResidualWindow(capacity: window)
    }

    var state: [StateEntry] { window.state }

    func stateDidChange() { window.stateDidChange() }

    var errors: (below: Double, above: Double) {
        let tail = (1 - level) / 2
        return (window.quantile(tail), window.quantile(1 - tail))
    }

    func learn(_ error: Double) { window.add(error) }
}

/// Adaptive conformal inference (Gibbs and Candes 2021, equation 2): symmetric intervals of the 1 - alpha_t quantile of the
/// latest absolute errors, with alpha_t+1 = alpha_t + .005 (alpha - miss_t), so that the share of misses comes to alpha
/// whatever the stream does.
///
/// alpha_t is kept in 0...1; at 0 the interval is as wide as the largest error of the window, where the paper has all numbers.
final class AdaptiveWidths: IntervalWidths {
    private static let rate = 0.005

    private let alpha: Double
    private let window: ResidualWindow
    /// alpha_t.
    private let current: StateArray<Double>

    init(level: Double, window: Int) {
        alpha = 1 - level
        self.window = ResidualWindow(capacity: window)
        current = StateArray([1 - level])
    }

    var state: [StateEntry] { window.state + [StateEntry("alpha", current)] }

    func stateDidChange() { window.stateDidChange() }

    var errors: (below: Double, above: Double) {
        let reach = window.conformalQuantile(1 - current[0])
        return (-reach, reach)
    }

    func learn(_ error: Double) {
        let isMiss = abs(error) > errors.above
        current[0] = min(max(current[0] + Self.rate * (alpha - (isMiss ? 1 : 0)), 0), 1)
        window.add(abs(error))
    }
}
