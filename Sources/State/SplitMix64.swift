/// Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014: a generator that is nothing but its
/// position, for what is drawn from a seed on the spot. What is drawn on and on is `RandomGenerator`'s.
@frozen public struct SplitMix64: Sendable {
    @usableFromInline var position: UInt64

    @inlinable @inline(__always) public init(seed: UInt64) { position = seed }

    @inlinable @inline(__always)
    public mutating func next() -> UInt64 {
        position &+= 0x9e37_79b9_7f4a_7c15
        var z = position
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    @inlinable @inline(__always) public mutating func nextUniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
