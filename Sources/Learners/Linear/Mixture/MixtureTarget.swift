/// Running statistics of a regression target, in the layout of one array of eight doubles.
///
/// Mean and variance are winsorised: after ten records a deviation counts as at most ten standard deviations, so that
/// one absurd target cannot ruin the scale. Targets beyond ±1e100 count as ±1e100, so that squares stay finite.
struct MixtureTarget {
    static let limit = 1e100

    /// Sum of the weights, and number of records.
    var weight = 0.0
    var records = 0.0
    var mean = 0.0
    /// Weighted sum of squared deviations.
    var squares = 0.0
    /// The range seen.
    var low = 0.0
    var high = 0.0
    /// N: the decayed number of squared errors in the experts' sums.
    var errorWeight = 0.0
    private var spare = 0.0

    @inline(__always) var deviation: Double { weight > 0 ? (squares / weight).squareRoot() : 0 }

    /// d = y - mean, within ±10 deviations; mean += d h / weight; squares += h d (old mean + d - mean).
    @inline(__always) mutating func learn(_ y: Double, deviation: Double, weight h: Double) {
        records += 1
        weight += h
        var d = y - mean
        if records > 10 && deviation > 0 { d = clamped(d, -10 * deviation, 10 * deviation) }
        let seen = mean + d
        mean += d * h / weight
        squares += h * d * (seen - mean)
        low = records == 1 || y < low ? y : low
        high = records == 1 || y > high ? y : high
    }

    /// `value` within the range seen, widened by a tenth on both sides; 0 before the first record.
    @inline(__always) func plausible(_ value: Double) -> Double {
        let margin = 0.1 * (high - low)
        return records > 0 ? clamped(value, low - margin, high + margin) : 0
    }
}
