/// How one weight moves along its gradient: the per-coordinate half of an optimizer.
///
/// A slot is `lanes` numbers side by side: the weight, then the optimizer's own state of that weight, 0 at first.
/// Only slots of the features in a record are touched, as in River.
protocol UpdateRule: Sendable {
    static var lanes: Int { get }
    /// Whether the gradient is taken at `aheadWeight` rather than at the weight.
    static var looksAhead: Bool { get }
    /// - Parameter isIntercept: the intercept has its own rate and no penalty.
    init(_ settings: OptimizedSettings, isIntercept: Bool)
    /// What all weights of one step share, from the clock before the step.
    func scale(_ clock: Clock) -> StepScale
    func aheadWeight(_ slot: UnsafeMutablePointer<Double>) -> Double
    /// Moves the weight; does nothing when a number of the slot would stop being finite.
    func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale)
}

extension UpdateRule {
    static var looksAhead: Bool { false }
    @inline(__always) func scale(_ clock: Clock) -> StepScale { StepScale(first: 0, second: 0) }
    @inline(__always) func aheadWeight(_ slot: UnsafeMutablePointer<Double>) -> Double { slot[0] }
}

/// The same as `value.isFinite`, as one comparison of floating-point registers.
@inline(__always) func isFinite(_ value: Double) -> Bool { abs(value) <= .greatestFiniteMagnitude }

/// Bias corrections of one step.
struct StepScale: BitwiseCopyable, Sendable {
    let first: Double
    let second: Double
}

/// One model's steps so far, inside a state array: [steps, beta1^steps, beta2^steps, summed L1 penalty].
///
/// The powers are kept as products, so that a step costs two multiplications instead of two calls of `pow`.
struct Clock {
    static let lanes = 4
    let lanes: UnsafeMutablePointer<Double>

    @inline(__always) init(_ lanes: UnsafeMutablePointer<Double>) { self.lanes = lanes }

    @inline(__always) var hasStarted: Bool { lanes[0] > 0 }
    @inline(__always) var summedPenalty: Double { lanes[3] }

    func reset() {
        lanes[0] = 0
        lanes[1] = 1
        lanes[2] = 1
        lanes[3] = 0
    }

    /// 1 - beta^(t + 1), t = steps before this one.
    @inline(__always) func corrections(_ beta1: Double, _ beta2: Double) -> (first: Double, second: Double) {
        (1 - lanes[1] * beta1, 1 - lanes[2] * beta2)
    }

    @inline(__always) func advance(_ beta1: Double, _ beta2: Double, penalty: Double) {
        lanes[0] += 1
        lanes[1] = Self.decayed(lanes[1] * beta1)
        lanes[2] = Self.decayed(lanes[2] * beta2)
        lanes[3] += penalty
    }

    /// Products below any influence become 0: denormal numbers are slow and never vanish by themselves.
    @inline(__always) private static func decayed(_ power: Double) -> Double { power < 1e-300 ? 0 : power }
}
