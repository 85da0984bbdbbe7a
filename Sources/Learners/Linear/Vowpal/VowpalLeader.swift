import Glibc

/// Settings of the follow-the-regularized-leader family.
struct VowpalLeaderSettings {
    var alpha: Float
    var beta: Float
    var l1: Float = 0
    var l2: Float = 0
}

extension VowpalRule {
    /// The sum of the stored weights times values.
    @inline(__always)
    func storedScore(_ view: VowpalView, _ row: VowpalRow, _ column: Int) -> Float {
        var sum: Float = 0
        for at in 0..<row.count {
            sum += view.base[view.element(row.indices[at], column) &* view.lanes] * row.values[at]
        }
        return sum
    }
}

/// FTRL-Proximal (McMahan et al. 2013, algorithm 1) as in Vowpal Wabbit. A slot is (weight, z, sum of squared
/// gradients, -).
struct VowpalProximal<Loss: VowpalLoss>: VowpalRule {
    let loss: Loss
    let settings: VowpalLeaderSettings
    let view: VowpalView
    let scalars: VowpalScalars

    static var widensFirst: Bool { false }
    static var answersWhileLearning: Bool { false }

    func score(_ row: VowpalRow, _ column: Int) -> Float { storedScore(view, row, column) }

    @inline(__always)
    func learn(_ row: VowpalRow, _ column: Int, _ target: VowpalTarget) -> Float {
        let p = scalars.clip(score(row, column))
        let u = loss.derivative(p, target.label) * target.weight
        for at in 0..<row.count {
            let element = view.element(row.indices[at], column)
            let slot = view.base + element &* 4
            let gradient = u * row.values[at]
            let sum = slot[2] + gradient * gradient
            let root = sum.squareRoot()
            let sigma = (root - slot[2].squareRoot()) / settings.alpha
            let z = slot[1] + (gradient - sigma * slot[0])
            let sign: Float = z <= 0 ? -1 : 1
            var moved: Float = 0
            if z * sign > settings.l1 {
                let step = 1 / (settings.l2 + (settings.beta + root) / settings.alpha)
                moved = (step * sign) * (settings.l1 - z * sign)
            }
            guard isFinite(sum), isFinite(z), isFinite(moved) else { continue }
            slot[0] = moved
            slot[1] = z
            slot[2] = sum
            view.mark(element)
        }
        return p
    }
}

/// PiSTOL (Orabona 2014, "Simultaneous model selection and optimization through parameter-free stochastic learning",
/// algorithm 1) as in Vowpal Wabbit. A slot is (weight, z, sum of |gradients|, largest |x|).
struct VowpalPistol<Loss: VowpalLoss>: VowpalRule {
    let loss: Loss
    let settings: VowpalLeaderSettings
    let view: VowpalView
    let scalars: VowpalScalars

    static var widensFirst: Bool { false }
    static var answersWhileLearning: Bool { true }

    func score(_ row: VowpalRow, _ column: Int) -> Float { storedScore(view, row, column) }

    @inline(__always)
    func learn(_ row: VowpalRow, _ column: Int, _ target: VowpalTarget) -> Float {
        var sum: Float = 0
        for at in 0..<row.count where row.values[at] != 0 {
            let element = view.element(row.indices[at], column)
            let slot = view.base + element &* 4
            slot[3] = max(slot[3], abs(row.values[at]))
            let share = 1 / ((settings.alpha * slot[3]) * (slot[2] + slot[3]))
            let growth = expf(((slot[1] * slot[1]) / 2) * share)
            let moved = (((slot[2].squareRoot() * settings.beta) * slot[1]) * growth) * share
            if isFinite(moved) { slot[0] = moved }
            sum += slot[0] * row.values[at]
            view.mark(element)
        }
        let p = scalars.clip(sum)
        let u = loss.derivative(p, target.label) * target.weight
        for at in 0..<row.count {
            let slot = view.base + view.element(row.indices[at], column) &* 4
            let gradient = u * row.values[at]
            let z = slot[1] - gradient
            let total = slot[2] + abs(gradient)
            guard isFinite(z), isFinite(total) else { continue }
            slot[1] = z
            slot[2] = total
        }
        return p
    }
}

/// Coin betting (Orabona and Tommasi 2017, "Training deep networks without learning rates through coin betting",
/// algorithm 1), normalized, as in Vowpal Wabbit. A slot is (weight, z, sum of |gradients|, largest |x|, wealth,
/// largest |gradient|, -, -).
struct VowpalCoin<Loss: VowpalLoss>: VowpalRule {
    let loss: Loss
    let settings: VowpalLeaderSettings
    let view: VowpalView
    let scalars: VowpalScalars

    static var widensFirst: Bool { false }
    static var answersWhileLearning: Bool { false }

    func score(_ row: VowpalRow, _ column: Int) -> Float { storedScore(view, row, column) }

    /// The bet that a slot makes when its largest |x| is `largest`.
    @inline(__always)
    private func bet(_ slot: UnsafeMutablePointer<Float>, _ largest: Float) -> Float {
        let reach = slot[5] * largest
        guard reach > 0 else { return 0 }
        return ((settings.alpha + slot[4]) / (reach * (reach + slot[2]))) * slot[1]
    }

    @inline(__always)
    func learn(_ row: VowpalRow, _ column: Int, _ target: VowpalTarget) -> Float {
        var sum: Float = 0
        var norm: Float = 0
        for at in 0..<row.count {
            let slot = view.base + view.element(row.indices[at], column) &* 8
            let x = row.values[at]
            let largest = max(slot[3], abs(x))
            sum += bet(slot, largest) * x
            if largest > 0 { norm += (x / largest) * (x / largest) }
        }
        // The average norm is common to all classes.
        let norms = scalars.normSum(0)
        let weights = scalars.weightSum(0)
        norms.pointee += Double(target.weight) * Double(norm)
        weights.pointee += Double(target.weight)
        let average = Float((norms.pointee + 1e-6) / weights.pointee)
        let p = scalars.clip(sum / average)
        let u = loss.derivative(p, target.label) * target.weight
        if isFinite(u), isFinite(average), average > 0 {
            for at in 0..<row.count { update(row, at, column, u, average) }
        }
        return p
    }

    @inline(__always)
    private func update(_ row: VowpalRow, _ at: Int, _ column: Int, _ u: Float, _ average: Float) {
        let element = view.element(row.indices[at], column)
        let slot = view.base + element &* 8
        let gradient = u * row.values[at]
        slot[3] = max(slot[3], abs(row.values[at]))
        if abs(u) > slot[5] { slot[5] = max(abs(u), settings.beta) }
        let weight = bet(slot, slot[3])
        let z = slot[1] - gradient
        let total = slot[2] + abs(gradient)
        let wealth = slot[4] - gradient * weight
        let moved = weight / average
        view.mark(element)
        guard isFinite(z), isFinite(total), isFinite(wealth), isFinite(moved) else { return }
        slot[0] = moved
        slot[1] = z
        slot[2] = total
        slot[4] = wealth
    }
}
