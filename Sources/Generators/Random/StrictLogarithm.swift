/// The natural logarithm as Java's `StrictMath.log` computes it, which is required to give the results of fdlibm 5.3.
///
/// The C library's logarithm is as accurate but rounds differently once in a while, and then normal deviates would
/// differ from Java's in the last bit. The method is the one fdlibm documents (Sun Microsystems, 1993): with
/// `x = 2^k (1 + f)` and `s = f / (2 + f)`, `log(1 + f) = f - s (f - R)` where R is a minimax polynomial in s squared.
/// The order of the operations below is part of the result.
enum StrictLogarithm {
    /// The high 33 bits of ln 2, so that a multiple by a small integer is exact, and the rest.
    private static let ln2High = Double(bitPattern: 0x3FE6_2E42_FEE0_0000)
    private static let ln2Low = Double(bitPattern: 0x3DEA_39EF_3579_3C76)

    // Coefficients of R, from s^2 to s^14.
    private static let c1 = Double(bitPattern: 0x3FE5_5555_5555_5593)
    private static let c2 = Double(bitPattern: 0x3FD9_9999_9997_FA04)
    private static let c3 = Double(bitPattern: 0x3FD2_4924_9422_9359)
    private static let c4 = Double(bitPattern: 0x3FCC_71C5_1D8E_78AF)
    private static let c5 = Double(bitPattern: 0x3FC7_4664_96CB_03DE)
    private static let c6 = Double(bitPattern: 0x3FC3_9A09_D078_C69F)
    private static let c7 = Double(bitPattern: 0x3FC2_F112_DF3E_5244)

    /// The logarithm of a positive normal number.
    static func natural(_ x: Double) -> Double {
        let high = Int32(truncatingIfNeeded: x.bitPattern >> 32)
        let fractionBits = high & 0xF_FFFF
        // 1 when the fraction is above sqrt 2: then it is halved, so that 1 + f is between sqrt(1/2) and sqrt 2.
        let carry = ((fractionBits + 0x9_5F64) >> 20) & 1
        let exponent = Double((high >> 20) - 1023 + carry)
        let significand = (x.bitPattern & 0xF_FFFF_FFFF_FFFF) | (UInt64(0x3FF - carry) << 52)
        let f = Double(bitPattern: significand) - 1
        if (fractionBits + 2) & 0xF_FFFF < 3 { return nearOne(f, exponent) }

        let s = f / (2 + f)
        let z = s * s
        let w = z * z
        let even = w * (c2 + w * (c4 + w * c6))
        let odd = z * (c1 + w * (c3 + w * (c5 + w * c7)))
        let r = odd + even
        // Away from 1, subtracting f^2 / 2 separately loses less.
        if (fractionBits - 0x6_147A) | (0x6_B851 - fractionBits) > 0 {
            let half = 0.5 * f * f
            if exponent == 0 { return f - (half - s * (half + r)) }
            return exponent * ln2High - ((half - (s * (half + r) + exponent * ln2Low)) - f)
        }
        if exponent == 0 { return f - s * (f - r) }
        return exponent * ln2High - ((s * (f - r) - exponent * ln2Low) - f)
    }

    /// When |f| < 2^-20, three terms of the series suffice.
    private static func nearOne(_ f: Double, _ exponent: Double) -> Double {
        if f == 0 { return exponent == 0 ? 0 : exponent * ln2High + exponent * ln2Low }
        let r = f * f * (0.5 - 0.33333333333333333 * f)
        if exponent == 0 { return f - r }
        return exponent * ln2High - ((r - exponent * ln2Low) - f)
    }
}
