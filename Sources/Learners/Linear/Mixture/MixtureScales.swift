import CBytes
import Records
import State

/// Running root mean squares by slot, for features that come raw from the record on unknown scales.
///
/// A value is divided by the RMS of its slot's earlier values and clipped to ±5; zero stays zero, so sparse rows stay
/// sparse (no centring). A slot that never held anything but zero has no scale yet: its value becomes its sign.
/// Values beyond ±1e12 enter the RMS as ±1e12, and a slot's scale stands still from a total weight of 2^23 on: so the
/// sums fit into floats, and neither of them stops growing before the other.
final class MixtureScales {
    /// {Σ h x², Σ h} of each slot.
    let array: StateArray<Float>

    init(slotCount: Int) {
        array = StateArray(count: max(slotCount, 1), lanes: 2, marksChanges: true)
        precondition(array.pageShift == Int(MixtureScaleKernel.pageShift))
    }

    /// Pointers for one batch. `scaled` holds the scaled values of a row; `fetches` = nobody else fetches the scales of
    /// rows to come.
    func kernel(
        _ features: FeatureBatch, scaled: UnsafeMutablePointer<Float>, fetches: Bool = true
    ) -> MixtureScaleKernel {
        MixtureScaleKernel(
            scales: array.bytes.assumingMemoryBound(to: SIMD2<Float>.self), pages: array.changedPages,
            indices: UnsafePointer(features.indices), fetchable: fetches ? features.featureCount : 0, scaled: scaled)
    }
}

/// Scales the rows of a batch, and learns the scales.
struct MixtureScaleKernel {
    /// Scaled values lie within ±5.
    private static let limit: Float = 5
    /// Features ahead whose scales are fetched into the cache.
    private static let lookAhead = 128
    /// Scales in a page of the map of changes, as a power of two.
    static let pageShift: UInt32 = 9

    let scales: UnsafeMutablePointer<SIMD2<Float>>
    let pages: UnsafeMutablePointer<UInt8>
    /// Of the whole batch.
    let indices: UnsafePointer<UInt32>
    /// The scales of features up to this one may be fetched.
    let fetchable: Int
    let scaled: UnsafeMutablePointer<Float>

    /// The scaled values of the row `start ..< end`, good until the next row.
    func scale(_ values: UnsafePointer<Float>, _ start: Int, _ end: Int) -> UnsafePointer<Float> {
        let count = end &- start
        let fetches = end &+ Self.lookAhead <= fetchable
        var value = values + start
        var index = indices + start
        var k = 0
        while k &+ 4 <= count {
            if fetches { for lane in 0..<4 { bytes_prefetch(scales + Int(index[Self.lookAhead &+ lane])) } }
            let x = UnsafeRawPointer(value).loadUnaligned(as: SIMD4<Float>.self)
            let (first, second) = (scales[Int(index[0])], scales[Int(index[1])])
            let (third, fourth) = (scales[Int(index[2])], scales[Int(index[3])])
            let squares = SIMD4(first.x, second.x, third.x, fourth.x)
            let weights = SIMD4(first.y, second.y, third.y, fourth.y)
            UnsafeMutableRawPointer(scaled + k).storeBytes(
                of: vector_scale4(x, squares, weights, Self.limit), as: SIMD4<Float>.self)
            value += 4
            index += 4
            k &+= 4
        }
        while k < count {
            scaled[k] = scale(value.pointee, scales[Int(index.pointee)])
            value += 1
            index += 1
            k &+= 1
        }
        return UnsafePointer(scaled)
    }

    @inline(__always) private func scale(_ x: Float, _ scale: SIMD2<Float>) -> Float {
        vector_scale4(SIMD4(x, 0, 0, 0), SIMD4(scale.x, 1, 1, 1), SIMD4(scale.y, 1, 1, 1), Self.limit).x
    }

    /// Adds h x² and h for each value of the row `start ..< end`.
    func learn(_ values: UnsafePointer<Float>, _ start: Int, _ end: Int, weight: Float) {
        var k = start
        while k < end {
            let slot = indices[k]
            let scale = scales[Int(slot)]
            if scale.y < 0x1p23 {
                let x = clamped(values[k], -1e12, 1e12)
                scales[Int(slot)] = scale + SIMD2(x * x, 1) * weight
                pages[Int(slot &>> Self.pageShift)] = 1
            }
            k &+= 1
        }
    }
}
