/// Passive-aggressive steps (Crammer et al. 2006, JMLR 7), written as a gradient for plain descent with rate 1.
///
/// Loss: classes max(0, 1 - yz), numbers max(0, |z - y| - epsilon). Step: w += tau d x with d the direction to the
/// target, tau = min(C, loss / ||x||²) (PA-I) or loss / (||x||² + 1/2C) (PA-II). The intercept counts as a feature
/// of value 1, and a record's weight scales its C; River leaves it out of the norm, ignores weights, and compares
/// regression with 2y - 1.
struct PassiveAggressiveLoss<Kind: PassiveAggressiveTask>: PointLoss {
    static var isClassification: Bool { Kind.isClassification }
    static var needsNorm: Bool { true }
    let c: Double
    let isSecond: Bool
    /// The insensitive zone of regression, in units of the target.
    let epsilon: Double
    let hasIntercept: Bool
    let isRiver: Bool

    @inline(__always) func evaluate(_ raw: Double, _ target: Double) -> (output: Double, loss: Double) {
        if Kind.isClassification { return (sigmoid(raw, isRiver: isRiver), max(0, 1 - raw * target)) }
        return (raw, max(0, abs(raw - target) - epsilon))
    }

    @inline(__always) func gradient(_ raw: Double, _ target: Double, weight: Double, norm: Double) -> Double {
        let direction: Double
        let loss: Double
        if Kind.isClassification {
            direction = target
            loss = max(0, 1 - raw * target)
        } else {
            direction = target > raw ? 1 : target < raw ? -1 : 0
            loss = max(0, abs(raw - (isRiver ? 2 * target - 1 : target)) - epsilon)
        }
        let c = isRiver ? c : c * weight
        let norm = norm + (hasIntercept && !isRiver ? 1 : 0)
        guard loss > 0, norm > 0 || isSecond, c > 0 else { return 0 }
        return -direction * (isSecond ? loss / (norm + 0.5 / c) : min(c, loss / norm))
    }
}

/// What passive-aggressive learning is about.
protocol PassiveAggressiveTask: Sendable { static var isClassification: Bool { get } }
enum PassiveAggressiveClasses: PassiveAggressiveTask { static var isClassification: Bool { true } }
enum PassiveAggressiveNumbers: PassiveAggressiveTask { static var isClassification: Bool { false } }
