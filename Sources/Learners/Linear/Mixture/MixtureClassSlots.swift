import CBytes
import Records
import State

/// The big table of a multiclass mixture: for each slot, 16 bytes a class, {w0, w1, w2, n}, where n counts in the
/// slot's first class only. Slots stand `classStride` classes apart, a power of two, so that classes can be added.
final class MixtureClassSlots {
    let array: StateArray<Float>
    let scales: MixtureScales?
    private let slotCount: Int
    private let interceptValue: Float
    /// Indices, clipped values and rates of the row at hand; the intercept comes last.
    private var capacity = 0
    private var indices: UnsafeMutablePointer<UInt32> = .allocate(capacity: 0)
    private var values: UnsafeMutablePointer<Float> = .allocate(capacity: 0)
    private var rates: UnsafeMutablePointer<Float> = .allocate(capacity: 0)

    init(slotCount: Int, intercept: Bool, isFeatureNative: Bool) {
        self.slotCount = slotCount
        interceptValue = intercept ? 1 : 0
        array = StateArray(count: (slotCount + 1) * 4, lanes: 4, marksChanges: true)
        scales = isFeatureNative ? MixtureScales(slotCount: slotCount) : nil
    }

    deinit { free() }

    private func free() {
        indices.deallocate()
        values.deallocate()
        rates.deallocate()
    }

    var state: [StateEntry] {
        [StateEntry("slots", array)] + (scales.map { [StateEntry("scales", $0.array)] } ?? [])
    }

    /// Derived from the array, because a replica's array is resized from outside.
    var classStride: Int { array.count / (slotCount + 1) }

    /// Moves the slots apart, from the last to the first; slots never used stay untouched memory.
    func grow(toClasses count: Int) {
        let old = classStride
        var new = old
        while new < count { new *= 2 }
        guard new > old else { return }
        array.resize(to: (slotCount + 1) * new)
        let slots = array.bytes.assumingMemoryBound(to: SIMD4<Float>.self)
        for slot in stride(from: slotCount, to: 0, by: -1) {
            let from = slots + slot * old
            guard (0..<old).contains(where: { from[$0] != .zero }) else { continue }
            (slots + slot * new).update(from: from, count: old)
            from.update(repeating: .zero, count: old)
        }
    }

    func kernel(_ features: FeatureBatch) -> MixtureClassSlotKernel {
        reserve(longestRow(features) + 1)
        return MixtureClassSlotKernel(
            slots: array.bytes.assumingMemoryBound(to: SIMD4<Float>.self), pages: array.changedPages,
            stride: classStride, source: UnsafePointer(features.indices), intercept: UInt32(slotCount),
            interceptValue: interceptValue, indices: indices, values: values, rates: rates,
            scales: scales?.kernel(features, scaled: values))
    }

    private func reserve(_ count: Int) {
        guard count > capacity else { return }
        free()
        capacity = max(count, capacity * 2)
        indices = .allocate(capacity: capacity)
        values = .allocate(capacity: capacity)
        rates = .allocate(capacity: capacity)
    }
}

/// The inner loops over the slots of the row at hand.
struct MixtureClassSlotKernel {
    let slots: UnsafeMutablePointer<SIMD4<Float>>
    let pages: UnsafeMutablePointer<UInt8>
    /// Classes from one slot to the next; a multiple of four.
    let stride: Int
    /// Feature indices of the whole batch.
    let source: UnsafePointer<UInt32>
    let intercept: UInt32
    let interceptValue: Float
    /// The row at hand, the intercept last.
    let indices: UnsafeMutablePointer<UInt32>
    let values: UnsafeMutablePointer<Float>
    let rates: UnsafeMutablePointer<Float>
    let scales: MixtureScaleKernel?

    /// Takes a row: scaled if need be, clipped to ±1e6, the intercept appended; and fetches its slots into the cache.
    func load(_ row: UnsafePointer<Float>, _ start: Int, _ end: Int) {
        let count = end - start
        if let scales {
            _ = scales.scale(row, start, end)
        } else {
            let limit = MixtureSlots.valueLimit
            for k in 0..<count { values[k] = clamped(row[start &+ k], -limit, limit) }
        }
        for k in 0..<count {
            let index = source[start &+ k]
            indices[k] = index
            bytes_prefetch(slots + Int(index) &* stride)
        }
        indices[count] = intercept
        values[count] = interceptValue
    }

    /// Σ w x of each class into `sums` (rounded up to a multiple of four classes), over `count` features and the
    /// intercept. The row's own `sums` are those of class 0.
    func forward(_ count: Int, _ classes: Int, _ sums: UnsafeMutablePointer<SIMD4<Float>>) -> MixtureRow {
        var energy: Float = 0
        var ratedEnergy: Float = 0
        for k in 0...count {
            let square = values[k] * values[k]
            let rate = 1 / (slots[Int(indices[k]) &* stride].w + square + 1).squareRoot()
            rates[k] = rate
            energy += square
            ratedEnergy += square * rate
        }
        var check = SIMD4<Float>.zero
        var first = 0
        while first < classes {
            check += forwardFour(count, slots + first, sums + first)
            first += 4
        }
        // n stands in lane 3 of class 0 and would spoil the check.
        check.w = 0
        return MixtureRow(sums: check, energy: energy, ratedEnergy: ratedEnergy)
    }

    /// Four classes, kept in registers. Returns their total.
    @inline(__always) private func forwardFour(
        _ count: Int, _ table: UnsafeMutablePointer<SIMD4<Float>>, _ sums: UnsafeMutablePointer<SIMD4<Float>>
    ) -> SIMD4<Float> {
        var (a, b, c, d) = (SIMD4<Float>.zero, SIMD4<Float>.zero, SIMD4<Float>.zero, SIMD4<Float>.zero)
        for k in 0...count {
            let slot = table + Int(indices[k]) &* stride
            let x = values[k]
            a += slot[0] * x
            b += slot[1] * x
            c += slot[2] * x
            d += slot[3] * x
        }
        sums[0] = a
        sums[1] = b
        sums[2] = c
        sums[3] = d
        return a + b + c + d
    }

    /// Turns the slopes of each class into steps, and takes them: w0 -= s0 x, w1 -= s1 r x, w2 -= s2 r x, n += h x².
    func update(
        _ count: Int, _ classes: Int, _ slopes: UnsafeMutablePointer<SIMD4<Float>>, _ row: MixtureRow, weight: Float
    ) {
        var scale = MixtureLanes.steps(SIMD4(1, 1, 1, 0), row, inverseCurvature: 4, weight: weight)
        scale.w = 0
        for index in 0..<classes { slopes[index] *= scale }
        for k in 0...count {
            let offset = Int(indices[k]) &* stride
            let slot = slots + offset
            let x = values[k]
            let rated = x * rates[k]
            let direction = SIMD4(x, rated, rated, 0)
            for index in 0..<classes { slot[index] += slopes[index] * direction }
            slot[0].w += weight * x * x
            var page = offset &>> Int(MixtureSlotKernel.pageShift)
            let last = (offset &+ classes &- 1) &>> Int(MixtureSlotKernel.pageShift)
            while page <= last {
                pages[page] = 1
                page &+= 1
            }
        }
    }
}
