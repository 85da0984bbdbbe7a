import State

/// Online Platt scaling (Gupta and Ramdas 2023, "Online Platt Scaling with Calibeating", section 2; Platt 1999):
/// p = sigmoid(a l + b) of log-odds l, from a = 1, b = 0, by online Newton steps on the log loss.
///
/// With the gradient g of (a, b): A <- A + g g', (a, b) <- (a, b) - A^-1 g / gamma, A = 100 I at the start, gamma = .1,
/// a and b kept within +-100. A weight w counts as w equal records in one step.
final class PlattScaling: Calibrator {
    private static let start = 100.0
    private static let gamma = 0.1
    private static let bound = 100.0
    private static let heaviest = 1e6

    /// By class: a - 1, b, and of A - 100 I the three different numbers; so zeros are the start.
    private let parameters = StateArray<Double>(count: 1, lanes: 5, grows: true)

    var state: [StateEntry] { [StateEntry("platt", parameters)] }

    func grow(toClasses count: Int) { if count > parameters.count { parameters.resize(to: count) } }

    func probability(of logOdds: Double, class index: Int) -> Double {
        let theta = parameters.base + index * 5
        return LogOdds.probability((theta[0] + 1) * logOdds + theta[1])
    }

    func learn(_ logOdds: Double, class index: Int, isTrue: Bool, weight: Double) {
        let theta = parameters.base + index * 5
        let slope = probability(of: logOdds, class: index) - (isTrue ? 1 : 0)
        let h = min(weight, Self.heaviest)
        let (g, k) = (slope * logOdds, slope)
        theta[2] += h * g * g
        theta[3] += h * g * k
        theta[4] += h * k * k
        let (p, q, r) = (Self.start + theta[2], theta[3], Self.start + theta[4])
        let scale = h / (Self.gamma * (p * r - q * q))
        guard scale.isFinite else { return }
        let bound = Self.bound
        theta[0] = min(max(theta[0] + 1 - scale * (r * g - q * k), -bound), bound) - 1
        theta[1] = min(max(theta[1] - scale * (p * k - q * g), -bound), bound)
    }
}
