import CBytes
import Glibc

/// What a row's features add up to, in their order.
struct VowpalRowSums {
    /// Of squared values over squared scales.
    var norm: Float = 0
    /// How far a step of 1 moves the prediction.
    var reach: Float = 0

    @inline(__always)
    mutating func add(_ norms: SIMD4<Float>, _ reaches: SIMD4<Float>) {
        norm = (((norm + norms.x) + norms.y) + norms.z) + norms.w
        reach = (((reach + reaches.x) + reaches.y) + reaches.z) + reaches.w
    }
}

extension VowpalGradient {
    /// The smallest |x| whose square is a normal float.
    static var smallest: Float { 1.084202e-19 }

    /// Updates gradient sums and scales for a row with squared gradient `g`, leaves each feature's rate
    /// 1 / (scale sqrt(sum)) in its slot and returns how far a step of 1 moves the prediction (not finite: nothing can
    /// be learned); the case of all defaults. Features of value 0 do not take part.
    ///
    /// Four features at a time: roots and divisions are what it costs. The results are those of one by one, to the bit;
    /// where one slot stands twice among the four, or a value is tiny, it is done one by one. Not inlined: alone, its
    /// loop has enough registers.
    @inline(never)
    func adapt(_ row: VowpalRow, _ column: Int, _ g: Float, _ weight: Float) -> Float {
        guard g > 0, isFinite(g) else { return g == 0 ? 1 : .infinity }
        var sums = VowpalRowSums()
        let slots = UnsafeMutableRawPointer(view.base).assumingMemoryBound(to: SIMD4<Float>.self)
        var at = 0
        while at &+ 4 <= row.count {
            let indices = row.indices + at
            let x = vector_size4(UnsafeRawPointer(row.values + at).loadUnaligned(as: SIMD4<Float>.self))
            if vector_repeats4(indices) == 0, vector_reaches4(x, Self.smallest) != 0 {
                let (i, j) = (view.element(indices[0], column), view.element(indices[1], column))
                let (k, l) = (view.element(indices[2], column), view.element(indices[3], column))
                var (norm, reach) = (SIMD4<Float>(), SIMD4<Float>())
                vector_adapt4(
                    slots + i, slots + j, slots + k, slots + l, x, g, Float.greatestFiniteMagnitude, &norm, &reach)
                sums.add(norm, reach)
                view.mark(i)
                view.mark(j)
                view.mark(k)
                view.mark(l)
            } else {
                for one in at..<at &+ 4 { adaptOne(row, one, column, g, &sums) }
            }
            at &+= 4
        }
        while at < row.count {
            adaptOne(row, at, column, g, &sums)
            at &+= 1
        }
        return sums.reach * multiply(column, sums.norm, weight)
    }

    @inline(__always)
    private func adaptOne(_ row: VowpalRow, _ at: Int, _ column: Int, _ g: Float, _ sums: inout VowpalRowSums) {
        let largest = Float.greatestFiniteMagnitude
        let element = view.element(row.indices[at], column)
        let slot = view.base + element &* 4
        if row.values[at] == 0 { return }
        let size = abs(row.values[at])
        let x = size < Self.smallest ? Self.smallest : size
        let square = x * x
        let sum = slot[1] + g * square
        slot[1] = sum < largest ? sum : largest
        if x > slot[2] {
            if slot[2] > 0 { slot[0] *= slot[2] / x }
            slot[2] = x
        }
        let share = square / (slot[2] * slot[2])
        let rate = 1 / (slot[2] * slot[1].squareRoot())
        slot[3] = rate < largest ? rate : largest
        sums.norm += share <= 1 ? share : 1
        sums.reach += square * slot[3]
        view.mark(element)
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
