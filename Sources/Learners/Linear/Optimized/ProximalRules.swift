/// FTRL-Proximal (McMahan et al., KDD 2013, algorithm 1): z and n are learned, the weight follows from them,
/// w = 0 where |z| <= l1, else -(z - sign(z) l1) / ((beta + sqrt(n)) / alpha + l2). Slot: w, z, n.
struct ProximalRule: UpdateRule {
    static var lanes: Int { 3 }
    let proximal: ProximalSettings

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        proximal = ProximalSettings(settings, isIntercept: isIntercept)
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let squares = slot[2] + gradient * gradient
        let sigma = (squares.squareRoot() - slot[2].squareRoot()) / proximal.alpha
        let sum = slot[1] + (gradient - sigma * slot[0])
        let weight = abs(sum) <= proximal.l1 ? 0 : proximal.weight(sum, squares)
        guard isFinite(weight), isFinite(sum), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = sum
        slot[2] = squares
    }
}

/// FTRL as River computes it: the weight follows from z and n *before* the step, so predictions lag one update, and
/// stays where it is (not 0) while |z| <= l1. Slot: w, z, n.
struct RiverProximalRule: UpdateRule {
    static var lanes: Int { 3 }
    let proximal: ProximalSettings

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        proximal = ProximalSettings(settings, isIntercept: isIntercept)
    }

    @inline(__always) func update(_ slot: UnsafeMutablePointer<Double>, _ gradient: Double, _ scale: StepScale) {
        let weight = abs(slot[1]) > proximal.l1 ? proximal.weight(slot[1], slot[2]) : slot[0]
        let squares = slot[2] + gradient * gradient
        let sigma = (squares.squareRoot() - slot[2].squareRoot()) / proximal.alpha
        let sum = slot[1] + (gradient - sigma * weight)
        guard isFinite(weight), isFinite(sum), isFinite(squares) else { return }
        slot[0] = weight
        slot[1] = sum
        slot[2] = squares
    }
}

/// The constants of FTRL-Proximal.
struct ProximalSettings: Sendable {
    let alpha: Double
    let beta: Double
    let l1: Double
    let l2: Double

    init(_ settings: OptimizedSettings, isIntercept: Bool) {
        alpha = settings.alpha
        beta = settings.beta
        l1 = isIntercept ? 0 : settings.l1
        l2 = isIntercept ? 0 : settings.l2
    }

    @inline(__always) func weight(_ sum: Double, _ squares: Double) -> Double {
        let shrunk = sum > 0 ? sum - l1 : sum + l1
        return -shrunk / ((beta + squares.squareRoot()) / alpha + l2)
    }
}
