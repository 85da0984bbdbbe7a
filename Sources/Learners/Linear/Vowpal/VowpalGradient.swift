import Glibc

/// What the gradient descent learner is set to.
struct VowpalGradientSettings {
    var adaptive = true
    var normalized = true
    var invariant = true
    /// Learning rate, the initial time's share included.
    var rate: Float = 0.5
    /// Exponent of the rates' decay.
    var power: Float = 0.5
    var l1: Float = 0
    var l2: Float = 0

    /// The exponent for which roots are enough.
    @inline(__always) var usesRoots: Bool { power == 0.5 }
    @inline(__always) var regularizes: Bool { l1 > 0 || l2 > 0 }
}

/// Vowpal Wabbit's gradient descent: adaptive (Duchi, Hazan and Singer 2011), normalized (Ross, Mineiro and Langford
/// 2013) and importance-invariant (Karampatziakis and Langford 2011), each of which can be left out.
///
/// A slot is (weight, sum of squared gradients, largest |x|, the current record's rate).
struct VowpalGradient<Loss: VowpalLoss>: VowpalRule {
    let loss: Loss
    let settings: VowpalGradientSettings
    let view: VowpalView
    let scalars: VowpalScalars

    static var widensFirst: Bool { true }
    static var answersWhileLearning: Bool { false }

    @inline(__always)
    func score(_ row: VowpalRow, _ column: Int) -> Float {
        if settings.l1 > 0 { return truncatedScore(row, column) }
        // Two sums: additions wait for each other.
        var even: Float = 0
        var odd: Float = 0
        var at = 0
        while at &+ 1 < row.count {
            even += view.base[view.element(row.indices[at], column) &* 4] * row.values[at]
            odd += view.base[view.element(row.indices[at &+ 1], column) &* 4] * row.values[at &+ 1]
            at &+= 2
        }
        if at < row.count { even += view.base[view.element(row.indices[at], column) &* 4] * row.values[at] }
        return (even + odd) * Float(scalars.base[VowpalScalars.contraction])
    }

    private func truncatedScore(_ row: VowpalRow, _ column: Int) -> Float {
        let gravity = Float(scalars.base[VowpalScalars.gravity])
        var sum: Float = 0
        for at in 0..<row.count {
            let weight = view.base[view.element(row.indices[at], column) &* 4]
            sum += Self.truncated(weight, gravity) * row.values[at]
        }
        return sum * Float(scalars.base[VowpalScalars.contraction])
    }

    @inline(__always)
    static func truncated(_ weight: Float, _ gravity: Float) -> Float {
        abs(weight) > gravity ? weight - (weight > 0 ? gravity : -gravity) : 0
    }

    @inline(__always)
    func learn(_ row: VowpalRow, _ column: Int, _ target: VowpalTarget) -> Float {
        let (p, y, weight) = (target.prediction, target.label, target.weight)
        guard target.loss > 0 else { return p }
        var reach: Float = 0
        if settings.adaptive || settings.normalized {
            let g = weight * loss.squaredGradient(p, y)
            let isDefault = settings.adaptive && settings.normalized && settings.usesRoots
            reach = isDefault ? adapt(row, column, g, weight) : adaptInGeneral(row, column, g, weight)
            guard isFinite(reach) else { return p }
        } else {
            for at in 0..<row.count { reach += row.values[at] * row.values[at] }
        }
        var scale = settings.rate * weight
        if !settings.adaptive {
            scale *= powf(Float(scalars.base[VowpalScalars.time] + Double(weight)), -settings.power)
        }
        var step = settings.invariant ? loss.invariantStep(p, y, scale, reach) : loss.step(p, y, scale)
        if settings.regularizes { step = regularized(step, loss.derivative(p, y)) }
        if settings.normalized { step *= Float(scalars.base[VowpalScalars.multiplier]) }
        if step != 0, isFinite(step) { move(row, column, step) }
        if settings.regularizes { flush() }
        return p
    }

    /// Adds the step to the weights of a row; a weight that would overflow stays as it is.
    @inline(never)
    private func move(_ row: VowpalRow, _ column: Int, _ step: Float) {
        if settings.adaptive || settings.normalized {
            // Whole slots are stored, because whole slots are loaded by `adapt` at the next record.
            let slots = UnsafeMutableRawPointer(view.base).assumingMemoryBound(to: SIMD4<Float>.self)
            for at in 0..<row.count {
                let element = view.element(row.indices[at], column)
                var slot = slots[element]
                let moved = slot.x + step * (row.values[at] * slot.w)
                if isFinite(moved) { slot.x = moved }
                slots[element] = slot
            }
        } else {
            for at in 0..<row.count {
                let element = view.element(row.indices[at], column)
                let slot = view.base + element &* 4
                let moved = slot[0] + step * row.values[at]
                if isFinite(moved) { slot[0] = moved }
                view.mark(element)
            }
        }
    }

    /// Lets L1 and L2 pull at all weights at once, through their common threshold and factor. Returns the step in
    /// units of the unscaled weights.
    private func regularized(_ step: Float, _ slope: Float) -> Float {
        guard abs(Double(step)) > 1e-8 else { return step }
        var pull = 0.0
        if abs(Double(slope)) > 1e-8 {
            pull = Double(-step) / Double(slope)
            let contraction = scalars.base[VowpalScalars.contraction] * (1 - Double(settings.l2) * pull)
            let gravity = scalars.base[VowpalScalars.gravity] + pull * Double(settings.l1)
            guard contraction.isFinite, gravity.isFinite else { return 0 }
            scalars.base[VowpalScalars.contraction] = contraction
            scalars.base[VowpalScalars.gravity] = gravity
        }
        return step / Float(scalars.base[VowpalScalars.contraction])
    }

    /// Applies threshold and factor to every weight before they leave their good range.
    private func flush() {
        let contraction = scalars.base[VowpalScalars.contraction]
        let gravity = scalars.base[VowpalScalars.gravity]
        guard contraction < 1e-9 || gravity > 1000 else { return }
        for element in 0..<view.elementCount {
            let slot = view.base + element * 4
            guard slot[0] != 0 else { continue }
            let weight = Self.truncated(slot[0], Float(gravity)) * Float(contraction)
            slot[0] = isFinite(weight) ? weight : 0
            view.mark(element)
        }
        scalars.base[VowpalScalars.gravity] = 0
        scalars.base[VowpalScalars.contraction] = 1
    }
}
