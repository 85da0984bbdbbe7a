import Glibc
import State

/// The numbers that latent vectors begin with: normal, with mean 0, drawn from the seed and the vector's place, so that
/// they do not depend on when a vector is first used.
struct LatentDraw {
    let sigma: Double
    let seed: UInt64

    /// Fills `count` numbers of vector `place`, a pair from two uniform ones (Box and Muller 1958).
    func fill(_ place: Int, _ vector: UnsafeMutablePointer<Float>, count: Int) {
        var draw = SplitMix64(seed: seed ^ (UInt64(truncatingIfNeeded: place) &* 0xd134_2543_de82_ef95))
        for index in stride(from: 0, to: count, by: 2) {
            let radius = sigma * (-2 * log(1 - draw.nextUniform())).squareRoot()
            let angle = 2 * Double.pi * draw.nextUniform()
            vector[index] = Float(radius * cos(angle))
            if index + 1 < count { vector[index + 1] = Float(radius * sin(angle)) }
        }
    }
}
