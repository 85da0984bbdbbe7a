import Glibc

/// What a record's weight h means to each part of the mixture: h records in one step.
///
/// The sums are those of h repetitions; weight 1 gives the plain constants, to the bit.
struct MixtureImportance {
    /// Weights above this count as this.
    static let limit = 1e6

    /// h.
    let weight: Double
    /// What experts share out evenly after each record: 1 - (1 - .0003)^h.
    let share: Double
    /// Rates of the three levels: 1 - (1 - rate)^h.
    let levelRates: SIMD4<Double>
    /// How much of the experts' squared errors is kept, .999^h, and how many errors a record stands for.
    let kept: Double
    let gain: Double

    @inline(__always) static var one: MixtureImportance {
        MixtureImportance(weight: 1, share: 0.0003, levelRates: SIMD4(1, 0.2, 0.02, 0), kept: 0.999, gain: 1)
    }

    /// Nil: nothing is to be learned (weight 0, negative or not a number).
    @inline(__always) static func of(_ weight: Float) -> MixtureImportance? {
        if weight == 1 { return one }
        return weight > 0 ? other(weight) : nil
    }

    @inline(never) private static func other(_ weight: Float) -> MixtureImportance {
        let h = min(Double(weight), limit)
        let kept = pow(0.999, h)
        return MixtureImportance(
            weight: h, share: -expm1(h * log1p(-0.0003)),
            levelRates: SIMD4(1, -expm1(h * log1p(-0.2)), -expm1(h * log1p(-0.02)), 0), kept: kept,
            gain: -expm1(h * log1p(-0.001)) / 0.001)
    }
}
