import State

/// Hashes of numbers for sketches, which need all 64 bits well spread.
public enum HashMixing {
    /// One step of SplitMix64, which adds before it mixes, so that 0 is no fixed point.
    @inlinable @inline(__always)
    public static func mix(_ word: UInt64) -> UInt64 {
        var mixer = SplitMix64(seed: word)
        return mixer.next()
    }

    /// A number's hash; negative zero counts as zero.
    @inlinable @inline(__always)
    public static func hash(_ value: Double) -> UInt64 { mix((value + 0).bitPattern) }
}
