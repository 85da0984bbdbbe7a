import Glibc

/// A loss as Vowpal Wabbit 9.11.9 computes it, in Float, operation by operation: `p` is the prediction, `y` the label.
///
/// The invariant update solves the differential equation of a step whose importance is applied in infinitely many
/// parts (Karampatziakis and Langford 2011, "Online importance weight aware updates", table 1).
protocol VowpalLoss {
    /// The loss; 0 means that there is nothing to learn.
    func value(_ p: Float, _ y: Float) -> Float
    /// Its derivative by the prediction.
    func derivative(_ p: Float, _ y: Float) -> Float
    /// The square of the derivative.
    func squaredGradient(_ p: Float, _ y: Float) -> Float
    /// The plain step: -derivative times `scale` (learning rate times importance).
    func step(_ p: Float, _ y: Float, _ scale: Float) -> Float
    /// The importance-invariant step; `reach` is how far the prediction moves for a step of 1.
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float
}

/// (p - y)^2
struct SquaredVowpalLoss: VowpalLoss {
    @inline(__always) func value(_ p: Float, _ y: Float) -> Float { (p - y) * (p - y) }
    @inline(__always) func derivative(_ p: Float, _ y: Float) -> Float { 2 * (p - y) }
    @inline(__always) func squaredGradient(_ p: Float, _ y: Float) -> Float { (4 * (p - y)) * (p - y) }
    @inline(__always) func step(_ p: Float, _ y: Float, _ scale: Float) -> Float { (2 * (y - p)) * scale }
    @inline(__always)
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float {
        if Double(scale * reach) < 1e-6 { return step(p, y, scale) }
        return ((y - p) * (1 - expf((-2 * scale) * reach))) / reach
    }
}

/// log(1 + e^(-y p)) for labels 1 and -1, a mixture of the two for labels between them.
struct LogisticVowpalLoss: VowpalLoss {
    @inline(__always)
    private func mixed(_ y: Float, _ at: (Float) -> Float) -> Float {
        if y == 1 || y == -1 { return at(y) }
        let share = (y + 1) / 2
        return share * at(1) + (1 - share) * at(-1)
    }

    @inline(__always) func value(_ p: Float, _ y: Float) -> Float { mixed(y) { logf(1 + expf(-$0 * p)) } }
    @inline(__always) func derivative(_ p: Float, _ y: Float) -> Float { mixed(y) { -$0 / (1 + expf($0 * p)) } }
    @inline(__always)
    func squaredGradient(_ p: Float, _ y: Float) -> Float {
        let slope = derivative(p, y)
        return slope * slope
    }
    @inline(__always)
    func step(_ p: Float, _ y: Float, _ scale: Float) -> Float { mixed(y) { ($0 * scale) / (1 + expf($0 * p)) } }
    @inline(__always)
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float {
        mixed(y) { label in
            let power = expf(label * p)
            if Double(scale * reach) < 1e-6 { return (label * scale) / (1 + power) }
            let x = (scale * reach + label * p) + power
            return -(label * Self.lambertMinus(x) + p) / reach
        }
    }

    /// W(e^x) - x, W being Lambert's function: Vowpal Wabbit's approximation (absolute error below 9e-5), one step of
    /// Fritsch, Shafer and Crowley (1973) from a linear guess.
    @inline(__always)
    static func lambertMinus(_ argument: Float) -> Float {
        let x = Double(argument)
        let w = x >= 1 ? 0.86 * x + 0.01 : exp(0.8 * x - 0.65)
        let r = x >= 1 ? x - log(w) - w : 0.2 * x + 0.65 - w
        let t = 1 + w
        let u = 2 * t * (t + 2 * r / 3)
        return Float(w * (1 + r / t * (u - r) / (u - 2 * r)) - x)
    }
}

/// max(0, 1 - y p)
struct HingeVowpalLoss: VowpalLoss {
    @inline(__always) func value(_ p: Float, _ y: Float) -> Float {
        let error = 1 - y * p
        return error > 0 ? error : 0
    }
    @inline(__always) func derivative(_ p: Float, _ y: Float) -> Float { y * p >= 1 ? 0 : -y }
    @inline(__always) func squaredGradient(_ p: Float, _ y: Float) -> Float {
        let slope = derivative(p, y)
        return slope * slope
    }
    @inline(__always) func step(_ p: Float, _ y: Float, _ scale: Float) -> Float { y * p >= 1 ? 0 : y * scale }
    @inline(__always)
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float {
        if y * p >= 1 { return 0 }
        let error = 1 - y * p
        return y * (scale * reach < error ? scale : error / reach)
    }
}

/// tau (y - p) where the prediction is too low, (1 - tau) (p - y) where it is too high: the tau-quantile.
struct QuantileVowpalLoss: VowpalLoss {
    let tau: Float

    @inline(__always) func value(_ p: Float, _ y: Float) -> Float {
        let error = y - p
        return error > 0 ? tau * error : -(1 - tau) * error
    }
    @inline(__always) func derivative(_ p: Float, _ y: Float) -> Float {
        let error = y - p
        return error == 0 ? 0 : error > 0 ? -tau : 1 - tau
    }
    @inline(__always) func squaredGradient(_ p: Float, _ y: Float) -> Float {
        let slope = derivative(p, y)
        return slope * slope
    }
    @inline(__always) func step(_ p: Float, _ y: Float, _ scale: Float) -> Float {
        let error = y - p
        return error == 0 ? 0 : error > 0 ? tau * scale : -(1 - tau) * scale
    }
    @inline(__always)
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float {
        let error = y - p
        if error == 0 { return 0 }
        let move = scale * reach
        if error > 0 { return tau * move < error ? tau * scale : error / reach }
        return -(1 - tau) * move > error ? (tau - 1) * scale : error / reach
    }
}

/// The squared loss, times tau where the prediction is too high and 1 - tau where it is too low.
struct ExpectileVowpalLoss: VowpalLoss {
    let tau: Float
    private let squared = SquaredVowpalLoss()

    init(tau: Float) { self.tau = tau }

    @inline(__always) private func side(_ p: Float, _ y: Float) -> Float { y - p < 0 ? tau : 1 - tau }
    @inline(__always) func value(_ p: Float, _ y: Float) -> Float { squared.value(p, y) * side(p, y) }
    @inline(__always) func derivative(_ p: Float, _ y: Float) -> Float { squared.derivative(p, y) * side(p, y) }
    @inline(__always) func squaredGradient(_ p: Float, _ y: Float) -> Float {
        squared.squaredGradient(p, y) * (side(p, y) * side(p, y))
    }
    @inline(__always) func step(_ p: Float, _ y: Float, _ scale: Float) -> Float {
        squared.step(p, y, side(p, y) * scale)
    }
    @inline(__always)
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float {
        squared.invariantStep(p, y, side(p, y) * scale, reach)
    }
}

/// Twice the Poisson deviance, the prediction being the logarithm of the mean.
struct PoissonVowpalLoss: VowpalLoss {
    /// Keeps e^p and its products within Float.
    @inline(__always) private func clamped(_ p: Float) -> Float { p > 44 ? 44 : p < -44 ? -44 : p }

    func value(_ p: Float, _ y: Float) -> Float {
        let c = clamped(p)
        return 2 * (y * (logf(y + 1e-6) - c) - (y - expf(c)))
    }
    func derivative(_ p: Float, _ y: Float) -> Float { expf(clamped(p)) - y }
    func squaredGradient(_ p: Float, _ y: Float) -> Float {
        let slope = derivative(p, y)
        return slope * slope
    }
    func step(_ p: Float, _ y: Float, _ scale: Float) -> Float { (y - expf(clamped(p))) * scale }
    func invariantStep(_ p: Float, _ y: Float, _ scale: Float, _ reach: Float) -> Float {
        let c = clamped(p)
        let mean = expf(c)
        if y > 0 {
            let a = (y * scale) * reach
            if a > 44 { return -(c - logf(y)) / reach }
            return y * scale - log1pf((mean * expm1f(a)) / y) / reach
        }
        let inner = (mean * scale) * reach
        if !inner.isFinite { return -(c + logf(scale * reach)) / reach }
        return -log1pf(inner) / reach
    }
}
