import CBytes

/// The inner loops over a row's slots, four features at a time; pointers are good for one batch.
///
/// `forward` and then `update` on the same row: the first leaves the direction (x, x r, x r, x²) of each feature
/// behind, which the second multiplies with the steps. A row ends with one group of its last 0...3 features, the
/// intercept, and fillers with x = 0.
struct MixtureSlotKernel {
    /// Slots in a page of the map of changes, as a power of two.
    static let pageShift: UInt32 = 8

    let slots: UnsafeMutablePointer<SIMD4<Float>>
    let pages: UnsafeMutablePointer<UInt8>
    /// Feature indices of the whole batch.
    let indices: UnsafePointer<UInt32>
    /// Rows that start before this feature fetch slots `lookAhead` features ahead.
    let fetchable: Int
    let lookAhead: Int
    let intercept: UInt32
    let interceptValue: Float
    let directions: UnsafeMutablePointer<SIMD4<Float>>
    let scales: MixtureScaleKernel?

    /// The values of a row as the lanes see them: scaled where features come raw from the record.
    @inline(__always) func seen(_ values: UnsafePointer<Float>, _ start: Int, _ end: Int) -> UnsafePointer<Float> {
        if let scales { return scales.scale(values, start, end) }
        return values + start
    }

    private struct Sums {
        var dot = SIMD4<Float>.zero
        var energy = SIMD4<Float>.zero
        var ratedEnergy = SIMD4<Float>.zero
    }

    /// Sums over the features `start ..< end` of the batch, whose values stand at `values`.
    @inline(__always) func forward(_ start: Int, _ end: Int, _ values: UnsafePointer<Float>) -> MixtureRow {
        var sums = Sums()
        var index = indices + start
        var value = UnsafeRawPointer(values)
        var direction = directions
        let fetches = start < fetchable
        var left = end &- start
        while left >= 4 {
            if fetches { prefetch(index + lookAhead) }
            let x = value.loadUnaligned(as: SIMD4<Float>.self)
            add(index[0], index[1], index[2], index[3], x, direction, &sums)
            index += 4
            value += 16
            direction += 4
            left &-= 4
        }
        addLast(index, value.assumingMemoryBound(to: Float.self), left, direction, &sums)
        return MixtureRow(sums: sums.dot, energy: sums.energy.total, ratedEnergy: sums.ratedEnergy.total)
    }

    /// w0 -= s0 x, w1 -= s1 r x, w2 -= s2 r x, n += h x² on the row that `forward` saw last; steps (-s0, -s1, -s2, h).
    @inline(__always) func update(_ start: Int, _ end: Int, _ steps: SIMD4<Float>) {
        var index = indices + start
        let last = indices + end
        var direction = directions
        // Slots to come are fetched by `forward`, scales here: the memory does not take both at once.
        if let scales, start < fetchable {
            while index < last {
                bytes_prefetch(scales.scales + Int(index[lookAhead]))
                change(index.pointee, direction.pointee * steps)
                index += 1
                direction += 1
            }
        }
        while index < last {
            change(index.pointee, direction.pointee * steps)
            index += 1
            direction += 1
        }
        change(intercept, direction.pointee * steps)
    }

    @inline(__always) private func add(
        _ i: UInt32, _ j: UInt32, _ k: UInt32, _ l: UInt32, _ values: SIMD4<Float>,
        _ direction: UnsafeMutablePointer<SIMD4<Float>>, _ sums: inout Sums
    ) {
        let x = vector_clip4(values, MixtureSlots.valueLimit)
        let (first, second) = (slots[Int(i)], slots[Int(j)])
        let (third, fourth) = (slots[Int(k)], slots[Int(l)])
        let squares = x * x
        let n = SIMD4(first.w, second.w, third.w, fourth.w)
        let rate = 1 / vector_sqrt4(n + squares + 1)
        sums.dot += first * x.x + second * x.y
        sums.dot += third * x.z + fourth * x.w
        sums.energy += squares
        sums.ratedEnergy += squares * rate
        let rated = x * rate
        vector_transpose4(x, rated, rated, squares, direction)
    }

    /// The group that ends a row: its last `left` features and the intercept.
    @inline(__always) private func addLast(
        _ index: UnsafePointer<UInt32>, _ value: UnsafePointer<Float>, _ left: Int,
        _ direction: UnsafeMutablePointer<SIMD4<Float>>, _ sums: inout Sums
    ) {
        var x = SIMD4<Float>(interceptValue, 0, 0, 0)
        var (i, j, k) = (intercept, intercept, intercept)
        if left == 1 {
            x = SIMD4(value[0], interceptValue, 0, 0)
            i = index[0]
        } else if left == 2 {
            x = SIMD4(value[0], value[1], interceptValue, 0)
            (i, j) = (index[0], index[1])
        } else if left == 3 {
            x = SIMD4(value[0], value[1], value[2], interceptValue)
            (i, j, k) = (index[0], index[1], index[2])
        }
        add(i, j, k, intercept, x, direction, &sums)
    }

    @inline(__always) private func change(_ index: UInt32, _ change: SIMD4<Float>) {
        slots[Int(index)] += change
        pages[Int(index &>> Self.pageShift)] = 1
    }

    @inline(__always) private func prefetch(_ index: UnsafePointer<UInt32>) {
        bytes_prefetch(slots + Int(index[0]))
        bytes_prefetch(slots + Int(index[1]))
        bytes_prefetch(slots + Int(index[2]))
        bytes_prefetch(slots + Int(index[3]))
    }
}

/// The three lanes of weights.
enum MixtureLanes {
    /// What `MixtureSlotKernel.update` takes: -(rho / c) h g / (1 + rho h A) in lanes 0..<3, h in lane 3; rho = 1, .4,
    /// .05; A = A0 for lane 0, A1 for lanes 1 and 2.
    @inline(__always) static func steps(
        _ slopes: SIMD4<Float>, _ row: MixtureRow, inverseCurvature: Float, weight: Float
    ) -> SIMD4<Float> {
        let rates = SIMD4<Float>(1, 0.4, 0.05, 0) * weight
        let energy = SIMD4(row.energy, row.ratedEnergy, row.ratedEnergy, 0)
        var steps = rates * slopes * -inverseCurvature / (1 + rates * energy)
        steps.w = weight
        return steps
    }
}

extension SIMD4<Float> {
    /// The sum, in a fixed order.
    @inline(__always) var total: Float { (x + z) + (y + w) }
}
