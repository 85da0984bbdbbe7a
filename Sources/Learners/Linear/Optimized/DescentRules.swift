/// w -= rate g.
struct DescentRule: UpdateRule {
    static var lanes: Int { 1 }
    let rate: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        rate = isIntercept ? settings.interceptRate : settings.rate
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let weight = slot[0] - rate * gradient
        if isFinite(weight) { slot[0] = weight }
    }
}

/// Heavy ball (Polyak 1964): s = rho s + rate g; w -= s. Slot: w, s.
struct MomentumRule: UpdateRule {
    static var lanes: Int { 2 }
    let rate: Double
    let momentum: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        rate = isIntercept ? settings.interceptRate : settings.rate
        momentum = settings.momentum
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let velocity = momentum * slot[1] + rate * gradient
        let weight = slot[0] - velocity
        guard isFinite(weight), isFinite(velocity) else { return }
        slot[0] = weight
        slot[1] = velocity
    }
}

/// Nesterov's (1983) momentum: the heavy ball with the gradient taken at w - rho s. Slot: w, s.
struct NesterovRule: UpdateRule {
    static var lanes: Int { 2 }
    static var looksAhead: Bool { true }
    private let ball: MomentumRule

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        ball = MomentumRule(settings, isIntercept: isIntercept)
    }

    @inline(__always) func aheadWeight(_ slot: UnsafeMutablePointer<Double>) -> Double {
        slot[0] - ball.momentum * slot[1]
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        ball.update(slot, gradient, scale)
    }
}
