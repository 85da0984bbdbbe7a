/// What the Adam family shares: rate, decays and guard. Steps are counted for the whole model, not for each weight,
/// so a weight that appears late starts with small steps.
struct AdamSettings: Sendable {
    let rate: Double
    let beta1: Double
    let beta2: Double
    let epsilon: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        rate = isIntercept ? settings.interceptRate : settings.rate
        beta1 = settings.beta1
        beta2 = settings.beta2
        epsilon = settings.epsilon
    }

    /// rate sqrt(1 - beta2^t) / (1 - beta1^t).
    @inline(__always) func correctedRate(_ clock: Clock) -> StepScale {
        let correction = clock.corrections(beta1, beta2)
        return StepScale(first: rate * correction.second.squareRoot() / correction.first, second: 0)
    }
}

/// Adam (Kingma and Ba 2015) in the form of the end of its section 2: epsilon guards the uncorrected root.
/// Slot: w, m, v.
struct AdamRule: UpdateRule {
    static var lanes: Int { 3 }
    let adam: AdamSettings

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        adam = AdamSettings(settings, isIntercept: isIntercept)
    }

    @inline(__always) func scale(_ clock: Clock) -> StepScale { adam.correctedRate(clock) }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let mean = adam.beta1 * slot[1] + (1 - adam.beta1) * gradient
        let squares = adam.beta2 * slot[2] + (1 - adam.beta2) * gradient * gradient
        let weight = slot[0] - scale.first * mean / (squares.squareRoot() + adam.epsilon)
        guard isFinite(weight), isFinite(mean), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = mean
        slot[2] = squares
    }
}

/// AMSGrad (Reddi, Kale and Kumar 2018) with Adam's bias correction. Slot: w, m, v, largest v.
struct AMSGradRule: UpdateRule {
    static var lanes: Int { 4 }
    let adam: AdamSettings

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        adam = AdamSettings(settings, isIntercept: isIntercept)
    }

    @inline(__always) func scale(_ clock: Clock) -> StepScale { adam.correctedRate(clock) }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let mean = adam.beta1 * slot[1] + (1 - adam.beta1) * gradient
        let squares = adam.beta2 * slot[2] + (1 - adam.beta2) * gradient * gradient
        let largest = max(slot[3], squares)
        let weight = slot[0] - scale.first * mean / (largest.squareRoot() + adam.epsilon)
        guard isFinite(weight), isFinite(mean), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = mean
        slot[2] = squares
        slot[3] = largest
    }
}

/// AdaMax (Kingma and Ba 2015, algorithm 2). Slot: w, m, u.
struct AdaMaxRule: UpdateRule {
    static var lanes: Int { 3 }
    let adam: AdamSettings

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        adam = AdamSettings(settings, isIntercept: isIntercept)
    }

    @inline(__always) func scale(_ clock: Clock) -> StepScale {
        StepScale(first: adam.rate / clock.corrections(adam.beta1, adam.beta2).first, second: 0)
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let mean = adam.beta1 * slot[1] + (1 - adam.beta1) * gradient
        let largest = max(adam.beta2 * slot[2], abs(gradient))
        let weight = slot[0] - scale.first * mean / (largest + adam.epsilon)
        guard isFinite(weight), isFinite(mean), isFinite(largest) else { return }
        slot[0] = weight
        slot[1] = mean
        slot[2] = largest
    }
}

/// Nadam (Dozat 2016): Adam with Nesterov's momentum; epsilon guards the corrected root. Slot: w, m, v.
struct NadamRule: UpdateRule {
    static var lanes: Int { 3 }
    let adam: AdamSettings

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        adam = AdamSettings(settings, isIntercept: isIntercept)
    }

    @inline(__always) func scale(_ clock: Clock) -> StepScale {
        let correction = clock.corrections(adam.beta1, adam.beta2)
        return StepScale(first: adam.rate / correction.first, second: 1 / correction.second)
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let mean = adam.beta1 * slot[1] + (1 - adam.beta1) * gradient
        let squares = adam.beta2 * slot[2] + (1 - adam.beta2) * gradient * gradient
        let ahead = adam.beta1 * mean + (1 - adam.beta1) * gradient
        let weight = slot[0] - scale.first * ahead / ((squares * scale.second).squareRoot() + adam.epsilon)
        guard isFinite(weight), isFinite(mean), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = mean
        slot[2] = squares
    }
}
