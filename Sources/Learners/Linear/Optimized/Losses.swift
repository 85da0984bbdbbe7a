import Glibc

/// A loss of one raw score z = w·x + b. Classification: target y is +1 or -1; regression: any finite number.
protocol PointLoss: Sendable {
    static var isClassification: Bool { get }
    /// Whether `gradient` wants the squared norm of the features.
    static var needsNorm: Bool { get }
    /// The prediction for z, and its loss against y (meaningless when y is NaN).
    func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double)
    /// d loss / dz, times the record's weight.
    func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double
}

extension PointLoss {
    static var needsNorm: Bool { false }
}

/// 1 / (1 + e^-z). River rounds to 0 and 1 beyond +-30.
@inline(__always) func sigmoid(_ raw: Double, isRiver: Bool) -> Double {
    if isRiver { return raw < -30 ? 0 : raw > 30 ? 1 : 1 / (1 + exp(-raw)) }
    return 1 / (1 + exp(-raw))
}

/// ln(1 + e^-yz).
struct LogisticLoss: PointLoss {
    static var isClassification: Bool { true }
    let isRiver: Bool

    @inline(__always) func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double) {
        // One exponential serves both; e^-|z| cannot overflow.
        let small = exp(-abs(raw))
        let margin = raw * target
        let loss = log(1 + small) + (margin < 0 ? -margin : 0)
        if isRiver, abs(raw) > 30 { return (raw > 0 ? 1 : 0, loss) }
        return ((raw >= 0 ? 1 : small) / (1 + small), loss)
    }

    @inline(__always) func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double {
        let margin = raw * target
        if isRiver {
            if margin > 18 { return -target * exp(-margin) * weight }
            if margin < -18 { return -target * weight }
        }
        return -target / (exp(margin) + 1) * weight
    }
}

/// max(0, threshold - yz): threshold 1 is the support vector machine's hinge, 0 the perceptron's.
struct HingeLoss: PointLoss {
    static var isClassification: Bool { true }
    let threshold: Double
    let isRiver: Bool

    @inline(__always) func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double) {
        (sigmoid(raw, isRiver: isRiver), max(0, threshold - raw * target))
    }

    /// The corner itself still counts as a mistake, so that a perceptron leaves 0.
    @inline(__always) func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double {
        raw * target <= threshold ? -target * weight : 0
    }
}

/// (z - y)².
struct SquaredLoss: PointLoss {
    static var isClassification: Bool { false }

    @inline(__always) func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double) {
        (raw, (raw - target) * (raw - target))
    }

    @inline(__always) func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double {
        2 * (raw - target) * weight
    }
}

/// Poisson deviance up to a constant, e^z - yz; predicts the mean e^z.
struct PoissonLoss: PointLoss {
    static var isClassification: Bool { false }
    /// e^700 is still finite.
    private static let largest = 700.0

    @inline(__always) func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double) {
        let mean = exp(min(raw, Self.largest))
        return (mean, mean - target * raw)
    }

    @inline(__always) func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double {
        (exp(min(raw, Self.largest)) - target) * weight
    }
}

/// The losses of the residual r = z - y other than its square. Chosen once a record, not once a feature.
struct ResidualLoss: PointLoss {
    enum Kind: Sendable { case absolute, quantile, expectile, huber, insensitive }

    static var isClassification: Bool { false }
    let kind: Kind
    /// quantile and expectile: tau; huber and insensitive: epsilon, in units of the target.
    let parameter: Double
    let isRiver: Bool

    @inline(__always) func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double) {
        let r = raw - target
        switch kind {
        case .absolute: return (raw, abs(r))
        case .quantile: return (raw, r > 0 ? (1 - parameter) * r : -parameter * r)
        case .expectile: return (raw, (r > 0 ? 1 - parameter : parameter) * r * r)
        case .huber: return (raw, abs(r) <= parameter ? r * r / 2 : parameter * (abs(r) - parameter / 2))
        case .insensitive: return (raw, max(0, abs(r) - parameter))
        }
    }

    /// At the corners River steps to one side; the subgradient 0 taken otherwise keeps an exact fit where it is.
    @inline(__always) func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double {
        let r = raw - target
        switch kind {
        case .absolute: return (r > 0 ? 1 : r == 0 && !isRiver ? 0 : -1) * weight
        case .quantile: return (r > 0 ? 1 - parameter : r == 0 && !isRiver ? 0 : -parameter) * weight
        case .expectile: return 2 * (r > 0 ? 1 - parameter : parameter) * r * weight
        case .huber: return max(-parameter, min(parameter, r)) * weight
        case .insensitive:
            // River compares with 2y - 1 as if every target were a class.
            let centre = isRiver ? 2 * target - 1 : target
            return (raw > centre + parameter ? 1 : raw + parameter < centre ? -1 : 0) * weight
        }
    }
}
