import Records
import State

/// Running root mean squares by slot, for features that come raw from the record on unknown scales.
///
/// A value is divided by the RMS of its slot's earlier values and clipped to ±5; zero stays zero, so sparse rows stay
/// sparse (no centring). A slot that never held anything but zero has no scale yet: its value becomes its sign.
/// Values beyond ±1e18 enter the RMS as ±1e18, so that squares fit into a float.
final class MixtureScales {
    /// {mean square, total weight} of each slot. The weight stops growing at 2^24, where float32 counts end; from
    /// there the mean forgets exponentially.
    let array: StateArray<Float>

    init(slotCount: Int) { array = StateArray(count: max(slotCount, 1), lanes: 2, marksChanges: true) }

    /// Writes the scaled values of a row.
    @inline(__always) func scale(
        _ values: UnsafePointer<Float>, at indices: UnsafePointer<UInt32>, count: Int,
        into scaled: UnsafeMutablePointer<Float>
    ) {
        let scales = UnsafeRawPointer(array.bytes).assumingMemoryBound(to: SIMD2<Float>.self)
        for k in 0..<count {
            let x = values[k]
            let meanSquare = scales[Int(indices[k])].x
            let signed: Float = x > 0 ? 1 : x < 0 ? -1 : 0
            scaled[k] = meanSquare > 0 ? clamped(x / meanSquare.squareRoot(), -5, 5) : signed
        }
    }

    /// mean += (x² - mean) h / weight, for each value of a row.
    @inline(__always) func learn(
        _ values: UnsafePointer<Float>, at indices: UnsafePointer<UInt32>, count: Int, weight: Float
    ) {
        let scales = array.bytes.assumingMemoryBound(to: SIMD2<Float>.self)
        let pages = array.changedPages
        let shift = array.pageShift
        for k in 0..<count {
            let slot = Int(indices[k])
            let x = clamped(values[k], -1e18, 1e18)
            var scale = scales[slot]
            scale.y += weight
            scale.x += (x * x - scale.x) * (weight / scale.y)
            scales[slot] = scale
            pages[slot >> shift] = 1
        }
    }
}
