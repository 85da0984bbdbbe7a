import CBytes
import Glibc

/// One step of Adam (Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, Algorithm 1):
///
///     m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g²      w -= rate · m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)
///
/// A gradient that is no number counts as 0, and one beyond a million as that, so that moments and weights stay finite.
/// Moments that have become tiny are 0: those of units that no longer take part go there, and arithmetic with what is
/// almost nothing is a hundred times slower.
struct AdamStep {
    private var rule: vector_adam_rule

    /// - Parameter count: steps with this one, t.
    init(_ settings: PerceptronSettings, count: Int64) {
        let count = Double(count)
        rule = vector_adam_rule(
            decay1: Float(settings.beta1), decay2: Float(settings.beta2),
            rate: Float(settings.learningRate / (1 - pow(settings.beta1, count))),
            correction: Float(1 / (1 - pow(settings.beta2, count))), epsilon: Float(settings.epsilon),
            l2: Float(settings.l2), largest: 1e6, least: 1e-18)
    }

    /// Takes `count` weights a step along their gradients.
    func take(
        _ weights: UnsafeMutablePointer<Float>, _ firsts: UnsafeMutablePointer<Float>,
        _ seconds: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, count: Int
    ) {
        withUnsafePointer(to: rule) { rule in
            let wide = count & ~3
            for index in stride(from: 0, to: wide, by: 4) {
                vector_adam4(weights + index, firsts + index, seconds + index, gradients + index, rule)
            }
            guard wide < count else { return }
            // The last ones take the same way, in a place of their own.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { room in
                guard let start = room.baseAddress else { return }
                room.update(repeating: 0)
                start.update(from: weights + wide, count: count - wide)
                (start + 4).update(from: firsts + wide, count: count - wide)
                (start + 8).update(from: seconds + wide, count: count - wide)
                (start + 12).update(from: gradients + wide, count: count - wide)
                vector_adam4(start, start + 4, start + 8, start + 12, rule)
                (weights + wide).update(from: start, count: count - wide)
                (firsts + wide).update(from: start + 4, count: count - wide)
                (seconds + wide).update(from: start + 8, count: count - wide)
            }
        }
    }
}
