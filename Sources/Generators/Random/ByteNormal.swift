/// A nearly normal deviate from one 64-bit hash: the sum of its eight bytes, standardised.
///
/// A sum of eight uniform deviates is close to normal by the central limit theorem (excess kurtosis -0.15, largest
/// deviate 4.9) and takes a few integer operations and no logarithm, so it is the same on every platform and cheap
/// enough to be computed again whenever a hidden weight is needed, in place of a table of weights.
enum ByteNormal {
    /// The largest sum: eight bytes of 255.
    static let largestSum = 2040

    /// The sum of the eight bytes of a hash.
    @inline(__always)
    static func sum(_ hash: UInt64) -> Int {
        let low: UInt64 = 0x00FF_00FF_00FF_00FF
        let pairs = (hash & low) &+ ((hash >> 8) & low)
        return Int((pairs &* 0x0001_0001_0001_0001) >> 48)
    }

    /// The deviate of a sum: its mean is 8 * 127.5, its variance 8 * (256^2 - 1) / 12.
    @inline(__always)
    static func standardised(_ sum: Int) -> Double {
        Double(sum - 1020) * inverseDeviation
    }

    private static let inverseDeviation = 1 / (8.0 * 65535 / 12).squareRoot()
}
