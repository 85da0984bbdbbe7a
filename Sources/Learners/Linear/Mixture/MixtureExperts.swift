/// The mixing weights e of seven probabilistic experts (lanes 0..<7), for log loss.
///
/// e_k *= p_k(y)^h, normalised, then e = (1 - share) e + share / 7 (fixed share, Herbster and Warmuth 1998).
enum MixtureExperts {
    @inline(__always) static func learn(
        _ experts: UnsafeMutablePointer<SIMD8<Double>>, _ likelihood: SIMD8<Double>, _ importance: MixtureImportance
    ) {
        var e = experts.pointee
        if importance.weight == 1 { e *= likelihood } else { e = raised(e, likelihood, importance.weight) }
        e[7] = 0
        e = e * ((1 - importance.share) / e.total) + importance.share / 7
        e[7] = 0
        experts.pointee = e
    }

    /// e · likelihood^h, up to a factor that makes the largest power 1.
    @inline(never) private static func raised(
        _ e: SIMD8<Double>, _ likelihood: SIMD8<Double>, _ h: Double
    ) -> SIMD8<Double> {
        var powers = SIMD8(
            lowHalf: MixtureArithmetic.log(likelihood.lowHalf), highHalf: MixtureArithmetic.log(likelihood.highHalf))
        var largest = powers[0]
        for lane in 1..<7 { largest = max(largest, powers[lane]) }
        for lane in 0..<8 { powers[lane] = clamped((powers[lane] - largest) * h, -600, 0) }
        return e * MixtureArithmetic.exp(powers)
    }
}
