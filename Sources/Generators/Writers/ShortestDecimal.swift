/// The shortest decimal that reads back as the same number; of several, the nearest to it.
///
/// Source: Giulietti, "The Schubfach way to render doubles", 2021. The number is `c * 2^q`; what rounds to it is the
/// interval of half a unit of c to both sides. With k such that the interval is between one and ten units of 10^k
/// wide, the interval contains at least one multiple of 10^k and at most one of 10^(k+1), and three products with a
/// power of ten decide which to take.
struct ShortestDecimal {
    /// The number is `digits * 10^exponent`.
    var digits: UInt64
    var exponent: Int

    /// The decimal of a finite number above 0.
    init(_ value: Double) {
        let fraction = value.bitPattern & 0xF_FFFF_FFFF_FFFF
        let biased = Int(value.bitPattern >> 52)
        let c = biased == 0 ? fraction : fraction | 1 << 52
        let q = max(biased, 1) - 1075
        // Below a power of two the neighbour is only half as far away.
        let isLowerCloser = fraction == 0 && biased > 1
        let k = Self.floorLog10(ofTwoTo: q, threeQuarters: isLowerCloser)
        let shift = UInt64(q + Self.floorLog2(ofTenTo: -k) + 1)
        let power = PowersOfTen.significands[-k - PowersOfTen.exponents.lowerBound]
        // All in quarters of units of 10^k. When c is odd, reading rounds the ends of the interval away from it.
        let openEnds = c & 1
        let lower = Self.product(power, (4 * c - (isLowerCloser ? 1 : 2)) << shift) + openEnds
        let middle = Self.product(power, (4 * c) << shift)
        let upper = Self.product(power, (4 * c + 2) << shift) - openEnds

        let units = middle / 4
        if units >= 10 {
            let tens = units / 10
            let isDownInside = lower <= 40 * tens
            let isUpInside = 40 * tens + 40 <= upper
            if isDownInside != isUpInside {
                (digits, exponent) = (tens + (isUpInside ? 1 : 0), k + 1)
                return
            }
        }
        let isDownInside = lower <= 4 * units
        let isUpInside = 4 * units + 4 <= upper
        exponent = k
        if isDownInside != isUpInside {
            digits = units + (isUpInside ? 1 : 0)
        } else {
            let half = 4 * units + 2
            digits = units + (middle > half || (middle == half && units & 1 == 1) ? 1 : 0)
        }
    }

    /// The high part of `power * factor / 2^128`; its last bit tells whether anything was lost.
    @inline(__always)
    private static func product(_ power: UInt128, _ factor: UInt64) -> UInt64 {
        let low = UInt64(truncatingIfNeeded: power).multipliedFullWidth(by: factor)
        let high = UInt64(truncatingIfNeeded: power >> 64).multipliedFullWidth(by: factor)
        let (rest, carry) = high.low.addingReportingOverflow(low.high)
        return (high.high + (carry ? 1 : 0)) | (rest > 1 ? 1 : 0)
    }

    /// The floor of log10(2^q), or of log10(3/4 * 2^q); exact for all exponents of a `Double`.
    @inline(__always)
    private static func floorLog10(ofTwoTo q: Int, threeQuarters: Bool) -> Int {
        (q * 1_262_611 - (threeQuarters ? 524_031 : 0)) >> 22
    }

    /// The floor of log2(10^k); exact for all exponents of a `Double`.
    @inline(__always)
    private static func floorLog2(ofTenTo k: Int) -> Int {
        (k * 1_741_647) >> 19
    }
}
