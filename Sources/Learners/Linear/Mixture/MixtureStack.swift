import State

/// The stacked combination z6 = v · z of six logits (or standardised values), learned by a Kalman filter whose noise
/// is the curvature of the loss.
///
/// P starts as .1 I and gains 1e-6 a record on its diagonal (never above .1): v follows drift.
/// u = P z; s = 1 / (1 / (h·curvature) + u·z); v -= u s g / curvature; P -= s u uᵀ.
final class MixtureStack {
    static let variance = 0.1
    static let drift = 1e-6

    /// v in lanes 0..<6.
    let weights = StateArray<Double>(count: 8)
    /// P by rows of eight, the last two lanes zero.
    let covariance = StateArray<Double>(count: 6, lanes: 8)

    init() {
        for lane in 0..<3 { weights[lane] = 1 / 3.0 }
        for lane in 0..<6 { covariance[9 * lane] = Self.variance }
    }

    var state: [StateEntry] {
        [StateEntry("stack/weights", weights), StateEntry("stack/covariance", covariance)]
    }

    var kernel: MixtureStackKernel {
        MixtureStackKernel(
            weights: weights.bytes.assumingMemoryBound(to: SIMD8<Double>.self),
            covariance: covariance.bytes.assumingMemoryBound(to: SIMD8<Double>.self))
    }
}

/// Pointers into a `MixtureStack`, good for one batch.
struct MixtureStackKernel {
    let weights: UnsafeMutablePointer<SIMD8<Double>>
    let covariance: UnsafeMutablePointer<SIMD8<Double>>

    /// The six lanes in use, so that no work goes into the fillers.
    struct Six {
        var low: SIMD4<Double>
        var high: SIMD2<Double>

        @inline(__always) init(_ low: SIMD4<Double>, _ high: SIMD2<Double>) {
            self.low = low
            self.high = high
        }

        @inline(__always) func dot(_ other: Six) -> Double {
            let products = low * other.low
            let two = products.lowHalf + products.highHalf + high * other.high
            return two.x + two.y
        }

        @inline(__always) static func * (a: Six, b: Double) -> Six { Six(a.low * b, a.high * b) }
        @inline(__always) static func + (a: Six, b: Six) -> Six { Six(a.low + b.low, a.high + b.high) }
        @inline(__always) static func - (a: Six, b: Six) -> Six { Six(a.low - b.low, a.high - b.high) }
    }

    @inline(__always) private func load(_ row: UnsafeMutablePointer<SIMD8<Double>>) -> Six {
        let bytes = UnsafeRawPointer(row)
        return Six(
            bytes.load(as: SIMD4<Double>.self), bytes.load(fromByteOffset: 32, as: SIMD2<Double>.self))
    }

    @inline(__always) private func store(_ six: Six, _ row: UnsafeMutablePointer<SIMD8<Double>>) {
        let bytes = UnsafeMutableRawPointer(row)
        bytes.storeBytes(of: six.low, as: SIMD4<Double>.self)
        bytes.storeBytes(of: six.high, toByteOffset: 32, as: SIMD2<Double>.self)
    }

    /// v · z.
    @inline(__always) func combine(_ z: Six) -> Double { load(weights).dot(z) }

    /// One measurement with loss derivative `slope` and second derivative `curvature`, worth `weight` measurements.
    @inline(__always) func learn(_ z: Six, slope: Double, curvature: Double, weight: Double) {
        // P is symmetric: the sum of its rows, weighted by z, is P z.
        let even =
            load(covariance) * z.low.x + load(covariance + 2) * z.low.z + load(covariance + 4) * z.high.x
        let odd =
            load(covariance + 1) * z.low.y + load(covariance + 3) * z.low.w + load(covariance + 5) * z.high.y
        let u = even + odd
        let explained = u.dot(z)
        let s = 1 / (1 / (curvature * weight) + (explained > 0 ? explained : 0))
        store(load(weights) - u * (s * slope / curvature), weights)
        // With the root on both sides, entry (a, b) is the same product as (b, a): P stays symmetric to the bit.
        let root = u * s.squareRoot()
        store(load(covariance) - root * root.low.x, covariance)
        store(load(covariance + 1) - root * root.low.y, covariance + 1)
        store(load(covariance + 2) - root * root.low.z, covariance + 2)
        store(load(covariance + 3) - root * root.low.w, covariance + 3)
        store(load(covariance + 4) - root * root.high.x, covariance + 4)
        store(load(covariance + 5) - root * root.high.y, covariance + 5)
    }

    /// P_aa = min(.1, P_aa + 1e-6).
    @inline(__always) func loosen() {
        let diagonal = UnsafeMutableRawPointer(covariance).assumingMemoryBound(to: Double.self)
        for a in 0..<6 {
            let raised = diagonal[9 * a] + MixtureStack.drift
            diagonal[9 * a] = raised < MixtureStack.variance ? raised : MixtureStack.variance
        }
    }
}
