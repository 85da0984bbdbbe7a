import Glibc

extension VowpalGradient {
    /// The smallest |x| whose square is a normal float.
    static var smallest: Float { 1.084202e-19 }

    /// Updates gradient sums and scales for a row with squared gradient `g`, leaves each feature's rate
    /// 1 / (scale sqrt(sum)) in its slot and returns how far a step of 1 moves the prediction (not finite: nothing can
    /// be learned); the case of all defaults. Features of value 0 do not take part.
    @inline(__always)
    func adapt(_ row: VowpalRow, _ column: Int, _ g: Float, _ weight: Float) -> Float {
        guard g > 0, isFinite(g) else { return g == 0 ? 1 : .infinity }
        let largest = Float.greatestFiniteMagnitude
        var reach: Float = 0
        var norm: Float = 0
        for at in 0..<row.count {
            let element = view.element(row.indices[at], column)
            let slot = view.base + element &* 4
            var x = abs(row.values[at])
            if x < Self.smallest {
                if x == 0 { continue }
                x = Self.smallest
            }
            let square = x * x
            let sum = slot[1] + g * square
            slot[1] = sum < largest ? sum : largest
            var scale = slot[2]
            if x >= scale {
                if x > scale {
                    if scale > 0 { slot[0] *= scale / x }
                    slot[2] = x
                    scale = x
                }
                norm += 1
            } else {
                let share = square / (scale * scale)
                norm += share <= 1 ? share : 1
            }
            let rate = 1 / (scale * slot[1].squareRoot())
            slot[3] = rate < largest ? rate : largest
            reach += square * slot[3]
            view.mark(element)
        }
        return reach * multiply(column, norm, weight)
    }

    /// The same for every other choice of adaptive, normalized and exponent.
    @inline(never)
    func adaptInGeneral(_ row: VowpalRow, _ column: Int, _ g: Float, _ weight: Float) -> Float {
        guard g > 0, isFinite(g) else { return g == 0 ? 1 : .infinity }
        let largest = Float.greatestFiniteMagnitude
        var reach: Float = 0
        var norm: Float = 0
        for at in 0..<row.count {
            let element = view.element(row.indices[at], column)
            let slot = view.base + element &* 4
            if row.values[at] == 0 { continue }
            let x = max(abs(row.values[at]), Self.smallest)
            let square = x * x
            if settings.adaptive { slot[1] = min(slot[1] + g * square, largest) }
            if settings.normalized {
                if x > slot[2] { rescale(slot, to: x) }
                let share = square / (slot[2] * slot[2])
                norm += share <= 1 ? share : 1
            }
            let rate = rate(slot)
            slot[3] = rate < largest ? rate : largest
            reach += square * slot[3]
            view.mark(element)
        }
        return settings.normalized ? reach * multiply(column, norm, weight) : reach
    }

    /// A feature larger than ever: its weight shrinks as if it had been so large before.
    private func rescale(_ slot: UnsafeMutablePointer<Float>, to x: Float) {
        if slot[2] > 0 {
            let weight: Float
            if settings.usesRoots {
                let share = slot[2] / x
                weight = slot[0] * (settings.adaptive ? share : share * share)
            } else {
                let growth = x / slot[2]
                weight = slot[0] * powf(growth * growth, settings.power - 1)
            }
            if isFinite(weight) { slot[0] = weight }
        }
        slot[2] = x
    }

    private func rate(_ slot: UnsafeMutablePointer<Float>) -> Float {
        var rate: Float = 1
        if settings.adaptive {
            rate = settings.usesRoots ? 1 / slot[1].squareRoot() : powf(slot[1], -settings.power)
        }
        guard settings.normalized else { return rate }
        if settings.usesRoots {
            let inverse = 1 / slot[2]
            return rate * (settings.adaptive ? inverse : inverse * inverse)
        }
        return rate * powf(slot[2] * slot[2], settings.power - 1)
    }

    /// Adds a row's norm to the class's sums. Returns the multiplier that makes steps independent of it.
    @inline(__always)
    private func multiply(_ column: Int, _ norm: Float, _ weight: Float) -> Float {
        scalars.normSum(column).pointee += Double(weight) * Double(norm)
        scalars.weightSum(column).pointee += Double(weight)
        let total = Float(scalars.weightSum(column).pointee)
        let norms = Float(scalars.normSum(column).pointee)
        let multiplier: Float
        if settings.usesRoots {
            multiplier = settings.adaptive ? (total / norms).squareRoot() : total / norms
        } else {
            multiplier = powf(norms / total, settings.power - 1)
        }
        if isFinite(multiplier) { scalars.base[VowpalScalars.multiplier] = Double(multiplier) }
        return multiplier
    }
}
