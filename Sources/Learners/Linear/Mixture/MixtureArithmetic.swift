/// Exponential and logarithm of several doubles side by side, in plain IEEE operations: equal bits on every machine,
/// which the C library's variants for different processors do not promise. Relative error below 1e-14.
enum MixtureArithmetic {
    /// Adding 1.5 · 2^52 leaves the nearest integer in the low bits.
    private static let rounder = 0x1.8p52

    /// e^x for x in -700...700.
    ///
    /// x = k ln 2 + f, |f| <= ln 2 / 2; e^f by its Taylor polynomial of degree 11 (remainder 7e-15), evaluated by
    /// Estrin's scheme, because the chain of dependent operations is what costs; 2^k by shifting exponents.
    @inline(__always) static func exp(_ x: SIMD4<Double>) -> SIMD4<Double> {
        let shifted = x * 0x1.71547652b82fep0 + rounder
        let k = shifted - rounder
        let f = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33
        let f2 = f * f
        let f4 = f2 * f2
        let low = line(1, 1, f) + f2 * line(1 / 2, 1 / 6, f)
        let middle = line(1 / 24, 1 / 120, f) + f2 * line(1 / 720, 1 / 5040, f)
        let high = line(1 / 40320, 1 / 362_880, f) + f2 * line(1 / 3_628_800, 1 / 39_916_800, f)
        let power = unsafeBitCast(shifted, to: SIMD4<UInt64>.self) &<< 52
        let polynomial = low + f4 * (middle + f4 * high)
        return unsafeBitCast(unsafeBitCast(polynomial, to: SIMD4<UInt64>.self) &+ power, to: SIMD4<Double>.self)
    }

    @inline(__always) static func exp(_ x: SIMD8<Double>) -> SIMD8<Double> {
        SIMD8(lowHalf: exp(x.lowHalf), highHalf: exp(x.highHalf))
    }

    /// 1 / (1 + e^-x).
    @inline(__always) static func sigmoid(_ x: SIMD4<Double>) -> SIMD4<Double> { 1 / (1 + exp(-x)) }

    /// ln x for normal x > 0.
    ///
    /// x = 2^k m, m in [sqrt(1/2), sqrt 2); ln m = 2 atanh s, s = (m - 1) / (m + 1), by its series up to s^17.
    @inline(__always) static func log(_ x: SIMD2<Double>) -> SIMD2<Double> {
        let bits = unsafeBitCast(x, to: SIMD2<UInt64>.self)
        // Offset so that the exponent field counts from sqrt(1/2), not from 1.
        let biased = (bits &+ (0x3ff0_0000_0000_0000 - 0x3fe6_a09e_667f_3bcd)) &>> 52
        let m = unsafeBitCast(bits &- ((biased &- 1023) &<< 52), to: SIMD2<Double>.self)
        // Integers below 2^52 become doubles by putting them into the mantissa of 2^52.
        let k = unsafeBitCast(biased | 0x4330_0000_0000_0000, to: SIMD2<Double>.self) - (0x1p52 + 1023)
        let s = (m - 1) / (m + 1)
        let t = s * s
        let t2 = t * t
        let low = line(1, 1 / 3, t) + t2 * line(1 / 5, 1 / 7, t)
        let high = line(1 / 9, 1 / 11, t) + t2 * line(1 / 13, 1 / 15, t) + t2 * t2 * (1 / 17)
        let series = low + t2 * t2 * high
        return k * 0x1.62e42fefa39efp-1 + (s + s) * series
    }

    @inline(__always) static func log(_ x: SIMD4<Double>) -> SIMD4<Double> {
        SIMD4(lowHalf: log(x.lowHalf), highHalf: log(x.highHalf))
    }

    /// Replaces probabilities of what came true (positive) by their natural log losses.
    static func logLosses(_ p: UnsafeMutablePointer<Double>, count: Int) {
        var row = 0
        while row + 1 < count {
            let losses = -log(SIMD2(p[row], p[row + 1]))
            p[row] = losses.x
            p[row + 1] = losses.y
            row += 2
        }
        if row < count { p[row] = -log(SIMD2(p[row], 1)).x }
    }

    /// a + b x.
    @inline(__always) private static func line<V: SIMD<Double>>(_ a: Double, _ b: Double, _ x: V) -> V {
        x * b + a
    }
}

extension SIMD8<Double> {
    /// The sum, in a fixed order.
    @inline(__always) var total: Double {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
}

/// `value` within `low ... high`; one minimum and one maximum instruction, and NaN becomes `low`.
@inline(__always) func clamped<T: FloatingPoint>(_ value: T, _ low: T, _ high: T) -> T {
    let raised = value > low ? value : low
    return raised < high ? raised : high
}
