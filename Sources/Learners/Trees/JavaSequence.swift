import Glibc

/// The 48-bit linear congruential generator of java.util.Random, whose state fits a double: leaves and trees keep it among
/// their numbers, and draw what MOA's draw.
struct JavaSequence {
    private static let multiplier: UInt64 = 0x5_DEEC_E66D
    private static let mask: UInt64 = (1 << 48) - 1
    private static let e = exp(1.0)

    private(set) var state: UInt64

    init(seed: UInt64) { state = (seed ^ Self.multiplier) & Self.mask }

    init(state: UInt64) { self.state = state & Self.mask }

    /// The next `count` bits, at most 32.
    private mutating func next(_ count: UInt64) -> UInt64 {
        state = (state &* Self.multiplier &+ 0xB) & Self.mask
        return state >> (48 - count)
    }

    /// In 0 ..< bound, which is below 2^31.
    mutating func nextIndex(_ bound: Int) -> Int {
        if bound & (bound - 1) == 0 { return Int((UInt64(bound) &* next(31)) >> 31) }
        while true {
            let bits = Int(next(31))
            let value = bits % bound
            // Otherwise the last, incomplete run of values would make small ones more likely.
            if bits - value + (bound - 1) < 1 << 31 { return value }
        }
    }

    /// So many different numbers of 0 ..< total.
    mutating func nextSubset(_ count: Int, of total: Int) -> [Int] {
        var left = Array(0..<total)
        return (0..<min(count, total)).map { _ in left.remove(at: nextIndex(left.count)) }
    }

    /// From a Poisson distribution with mean 1, by inversion with one uniform number.
    mutating func nextPoisson() -> Double {
        let high = next(26) << 27
        let threshold = Double(high + next(27)) * 0x1p-53 * Self.e
        var (product, sum, count) = (1.0, 1.0, 1.0)
        while count < 100, sum <= threshold {
            product *= 1 / count
            sum += product
            count += 1
        }
        return count - 1
    }
}
