/// A 64-bit generator of which each output is a hash of a counter (Steele, Lea and Flood, OOPSLA 2014), with the mixing
/// function that paper recommends.
struct SplitMix64: Sendable, Equatable {
    private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    private var state: UInt64

    init(seed: UInt64) {
        // Mixed once, so that the streams of neighbouring seeds do not overlap shifted by one draw.
        state = Self.mix(seed &+ Self.gamma)
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= Self.gamma
        return Self.mix(state)
    }

    /// A bijection of the 64-bit integers that scatters neighbours.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
