/// AdaGrad (Duchi, Hazan and Singer 2011): G += g²; w -= rate g / sqrt(G + epsilon). Slot: w, G.
struct AdaGradRule: UpdateRule {
    static var lanes: Int { 2 }
    let rate: Double
    let epsilon: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        rate = isIntercept ? settings.interceptRate : settings.rate
        epsilon = settings.epsilon
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let squares = slot[1] + gradient * gradient
        let weight = slot[0] - rate / (squares + epsilon).squareRoot() * gradient
        guard isFinite(weight), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = squares
    }
}

/// RMSProp (Tieleman and Hinton 2012): G = rho G + (1 - rho) g²; w -= rate g / sqrt(G + epsilon). Slot: w, G.
struct RMSPropRule: UpdateRule {
    static var lanes: Int { 2 }
    let rate: Double
    let decay: Double
    let epsilon: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        rate = isIntercept ? settings.interceptRate : settings.rate
        decay = settings.momentum
        epsilon = settings.epsilon
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let squares = decay * slot[1] + (1 - decay) * gradient * gradient
        let weight = slot[0] - rate / (squares + epsilon).squareRoot() * gradient
        guard isFinite(weight), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = squares
    }
}

/// AdaDelta (Zeiler 2012, algorithm 1), with the rate as a factor of its step. Slot: w, E[g²], E[d²].
struct AdaDeltaRule: UpdateRule {
    static var lanes: Int { 3 }
    let rate: Double
    let decay: Double
    let epsilon: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        rate = isIntercept ? settings.interceptRate : settings.rate
        decay = settings.momentum
        epsilon = settings.epsilon
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let squares = decay * slot[1] + (1 - decay) * gradient * gradient
        let step = -(slot[2] + epsilon).squareRoot() / (squares + epsilon).squareRoot() * gradient
        let steps = decay * slot[2] + (1 - decay) * step * step
        let weight = slot[0] + rate * step
        guard isFinite(weight), isFinite(squares), isFinite(steps) else { return }
        slot[0] = weight
        slot[1] = squares
        slot[2] = steps
    }
}
