/// The generator documented for `java.util.Random`: a 48-bit linear congruential generator, from which MOA draws.
///
/// The recurrence is `s = (s * 0x5DEECE66D + 0xB) mod 2^48`; each draw takes high bits of `s` (Java SE 17 API, class
/// `java.util.Random`; Lehmer 1949, Knuth, The Art of Computer Programming 2, section 3.2.1). Every method gives the
/// value Java gives, to the bit.
struct JavaRandom: Sendable, Equatable {
    private static let multiplier: UInt64 = 0x5_DEEC_E66D
    private static let increment: UInt64 = 0xB
    private static let mask: UInt64 = (1 << 48) - 1

    private var state: UInt64
    /// The polar method makes two deviates at a time; the second waits here.
    private var spareGaussian: Double?

    /// Java scrambles the seed with the multiplier; bits above the 48th are lost there too.
    init(seed: UInt64) {
        state = (seed ^ Self.multiplier) & Self.mask
    }

    /// The next `count` (at most 32) random bits, as the signed integer Java makes of them.
    @inline(__always)
    private mutating func bits(_ count: UInt64) -> Int32 {
        state = (state &* Self.multiplier &+ Self.increment) & Self.mask
        return Int32(truncatingIfNeeded: state >> (48 - count))
    }

    /// A uniform integer in `0 ..< bound`.
    @inline(__always)
    mutating func nextInt(_ bound: Int32) -> Int32 {
        precondition(bound > 0, "the bound of a random integer must be positive")
        var draw = bits(31)
        if bound & (bound - 1) == 0 {
            return Int32(truncatingIfNeeded: (Int64(bound) * Int64(draw)) >> 31)
        }
        var value = draw % bound
        // The last, incomplete block of `bound` values is refused; Java detects it by 32-bit overflow.
        while draw &- value &+ (bound - 1) < 0 {
            draw = bits(31)
            value = draw % bound
        }
        return value
    }

    /// A uniform multiple of 2^-53 in `0 ..< 1`.
    @inline(__always)
    mutating func nextDouble() -> Double {
        let high = Int64(bits(26)) << 27
        return Double(high + Int64(bits(27))) * 0x1p-53
    }

    /// A fair coin.
    mutating func nextBoolean() -> Bool { bits(1) != 0 }

    /// A standard normal deviate by the polar method (Marsaglia and Bray, SIAM Review 6, 1964).
    mutating func nextGaussian() -> Double {
        if let spare = spareGaussian {
            spareGaussian = nil
            return spare
        }
        while true {
            let x = 2 * nextDouble() - 1
            let y = 2 * nextDouble() - 1
            let square = x * x + y * y
            if square >= 1 || square == 0 { continue }
            let scale = (-2 * StrictLogarithm.natural(square) / square).squareRoot()
            spareGaussian = y * scale
            return x * scale
        }
    }

    /// Whether an event of `percent` percent happens, drawn as MOA draws it: from the integers 1 to 100.
    @inline(__always)
    mutating func happens(percent: Int32) -> Bool { 1 + nextInt(100) <= percent }
}
