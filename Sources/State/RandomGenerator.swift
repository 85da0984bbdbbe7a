/// A seeded generator whose state is a named array, so that a resumed run draws the same numbers.
///
/// xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64.
public final class RandomGenerator: Stateful {
    private let words: StateArray<UInt64>

    public init(seed: UInt64) {
        words = StateArray(count: 4)
        restart(seed: seed)
    }

    /// Begins anew, as if it were made from `seed`.
    public func restart(seed: UInt64) {
        var mixer = SplitMix64(seed: seed)
        for index in 0..<4 { words[index] = mixer.next() }
    }

    public var state: [StateEntry] { [StateEntry("generator", words)] }

    public func next() -> UInt64 {
        let s = words.base
        let result = Self.rotate(s[1] &* 5, 7) &* 9
        let shifted = s[1] << 17
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = Self.rotate(s[3], 45)
        return result
    }

    /// Uniform in [0, 1).
    public func nextUniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        (value << count) | (value >> (64 - count))
    }
}
