import Glibc

/// One step of Adam (Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, Algorithm 1):
///
///     m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g²      w -= rate · m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)
///
/// A gradient that is no number counts as 0, and one beyond `largest` as that, so that moments and weights stay finite.
struct AdamStep {
    static var largest: Float { 1e6 }

    private let decay1: Float
    private let decay2: Float
    /// rate / (1 - b1^t).
    private let rate: Float
    /// 1 / (1 - b2^t).
    private let correction: Float
    private let epsilon: Float
    private let l2: Float

    /// - Parameter count: steps with this one, t.
    init(_ settings: PerceptronSettings, count: Int64) {
        let count = Double(count)
        decay1 = Float(settings.beta1)
        decay2 = Float(settings.beta2)
        rate = Float(settings.learningRate / (1 - pow(settings.beta1, count)))
        correction = Float(1 / (1 - pow(settings.beta2, count)))
        epsilon = Float(settings.epsilon)
        l2 = Float(settings.l2)
    }

    /// Takes `count` weights a step along their gradients. The loop has no branches, so that vector registers take it.
    func take(
        _ weights: UnsafeMutablePointer<Float>, _ firsts: UnsafeMutablePointer<Float>,
        _ seconds: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, count: Int
    ) {
        let (decay1, decay2, rate, correction, epsilon, l2) = (decay1, decay2, rate, correction, epsilon, l2)
        for index in 0..<count {
            let weight = weights[index]
            let gradient = Self.bounded(Self.flushed(gradients[index] + l2 * weight))
            let first = Self.flushed(decay1 * firsts[index] + (1 - decay1) * gradient)
            let second = Self.flushed(decay2 * seconds[index] + (1 - decay2) * gradient * gradient)
            firsts[index] = first
            seconds[index] = second
            weights[index] = Self.bounded(weight - rate * first / ((second * correction).squareRoot() + epsilon))
        }
    }

    /// 0 for no number, and for what is so small that arithmetic with it would soon be a hundred times slower: moments
    /// of units that no longer take part go there.
    @inline(__always)
    private static func flushed(_ value: Float) -> Float { abs(value) > 1e-18 ? value : 0 }

    @inline(__always)
    private static func bounded(_ value: Float) -> Float {
        let low = value > -largest ? value : -largest
        return low < largest ? low : largest
    }
}
