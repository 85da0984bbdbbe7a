import Glibc

/// Poisson(1) weights from the 48-bit linear congruential generator of java.util.Random, whose state fits a double: so a
/// leaf keeps it among its statistics, and draws what MOA's Hoeffding adaptive tree draws.
enum LeafWeights {
    private static let multiplier: UInt64 = 0x5_DEEC_E66D
    private static let mask: UInt64 = (1 << 48) - 1
    /// The state after seeding with 1.
    private static let first = (1 ^ multiplier) & mask
    private static let e = exp(1.0)

    /// - Parameter state: 0 = it begins now.
    static func draw(_ state: inout Double) -> Double {
        var bits = state == 0 ? first : UInt64(state)
        bits = (bits &* multiplier &+ 0xB) & mask
        let high = bits >> 22
        bits = (bits &* multiplier &+ 0xB) & mask
        let threshold = Double(high << 27 + bits >> 21) * 0x1p-53 * e
        state = Double(bits)
        var (product, sum, count) = (1.0, 1.0, 1.0)
        while count < 100, sum <= threshold {
            product *= 1 / count
            sum += product
            count += 1
        }
        return count - 1
    }
}
