/// Short decimals between two delimiters: most numbers of feature texts.
///
/// Knowing where the number ends leaves no branch on its form, and branches on data are what parsing costs: a stream
/// that mixes `0` with `1.609` would be guessed wrong at every other number.
enum FeatureDecimal {
    /// 1, 10, ... 10^7.
    nonisolated(unsafe) static let powers: UnsafeMutablePointer<Float> = {
        let powers = UnsafeMutablePointer<Float>.allocate(capacity: 8)
        var power: Float = 1
        for exponent in 0..<8 {
            powers[exponent] = power
            power *= 10
        }
        return powers
    }()

    /// Every byte the same.
    private static let zeros: UInt64 = 0x3030_3030_3030_3030
    private static let points: UInt64 = 0x1e1e_1e1e_1e1e_1e1e
    private static let low7: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
    private static let high: UInt64 = 0x8080_8080_8080_8080

    /// Reads `-?digits[.digits]` of up to 7 bytes besides the sign; nil: not of that form. Reads 9 bytes.
    ///
    /// Digits and power are whole numbers that a Float holds, so that one division rounds correctly; by way of a Double
    /// the result would be the same, because no such quotient lies within 2^-45 of the middle between two Floats.
    @inline(__always)
    static func read(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ powers: UnsafeMutablePointer<Float>
    ) -> Float? {
        let isNegative = start.pointee == UInt8(ascii: "-")
        let first = isNegative ? start + 1 : start
        let count = end - first
        guard UInt(bitPattern: count &- 1) < 7 else { return nil }
        let bits = UInt64(truncatingIfNeeded: 8 &* count)
        let inside = UInt64.max &>> (64 &- bits)
        let text = UInt64(littleEndian: UnsafeRawPointer(first).loadUnaligned(as: UInt64.self)) ^ zeros
        // High bits of the bytes that are no digit, and of those that are a point.
        let others = (((text & low7) &+ 0x7676_7676_7676_7676) | text) & high & inside
        let marks = ~((((text ^ points) & low7) &+ low7) | (text ^ points)) & high & inside
        let edges = (UInt64(1) &<< (bits &- 1)) | 0x80
        // At most one, a point, neither first nor last.
        guard (others ^ marks) | (others & (others &- 1)) | (others & edges) == 0 else { return nil }
        let pointBits = min(bits, UInt64(truncatingIfNeeded: others.trailingZeroBitCount) & 0x78)
        let pointCount: UInt64 = others == 0 ? 0 : 1
        let before = (UInt64(1) &<< pointBits) &- 1
        let digitBits = bits &- 8 &* pointCount
        let digits = ((text & before) | ((text &>> 8) & ~before)) &<< (64 &- digitBits)
        let value = Float(Int(whole(digits))) / powers[Int((digitBits &- pointBits) &>> 3)]
        return Float(bitPattern: value.bitPattern | (isNegative ? 0x8000_0000 : 0))
    }

    /// The number of eight digits, the first in the lowest byte: pairs, fours and all (Lemire 2018).
    @inline(__always)
    private static func whole(_ digits: UInt64) -> UInt32 {
        let pairs = digits &* 10 &+ (digits &>> 8)
        let even = (pairs & 0x0000_00ff_0000_00ff) &* 0x000f_4240_0000_0064
        let odd = ((pairs &>> 16) & 0x0000_00ff_0000_00ff) &* 0x0000_2710_0000_0001
        return UInt32(truncatingIfNeeded: (even &+ odd) &>> 32)
    }
}
