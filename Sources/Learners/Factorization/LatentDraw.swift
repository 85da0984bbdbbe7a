import Glibc

/// The numbers that latent vectors begin with: normal, with mean 0, drawn from the seed and the vector's place, so that
/// they do not depend on when a vector is first used.
struct LatentDraw {
    let sigma: Double
    let seed: UInt64

    /// Fills `count` numbers of vector `place`, a pair from two uniform ones (Box and Muller 1958).
    func fill(_ place: Int, _ vector: UnsafeMutablePointer<Float>, count: Int) {
        var state = seed ^ (UInt64(truncatingIfNeeded: place) &* 0xd134_2543_de82_ef95)
        for index in stride(from: 0, to: count, by: 2) {
            let radius = sigma * (-2 * log(1 - Self.uniform(&state))).squareRoot()
            let angle = 2 * Double.pi * Self.uniform(&state)
            vector[index] = Float(radius * cos(angle))
            if index + 1 < count { vector[index + 1] = Float(radius * sin(angle)) }
        }
    }

    /// SplitMix64 (Steele, Lea and Flood 2014), in [0, 1).
    private static func uniform(_ state: inout UInt64) -> Double {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }
}
