/// Hashes of numbers for sketches, which need all 64 bits well spread.
public enum HashMixing {
    /// The finalizer of SplitMix64 (Steele et al. 2014) over its increment, so that 0 is no fixed point.
    @inlinable @inline(__always)
    public static func mix(_ word: UInt64) -> UInt64 {
        var z = word &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number's hash; negative zero counts as zero.
    @inlinable @inline(__always)
    public static func hash(_ value: Double) -> UInt64 { mix((value + 0).bitPattern) }
}
