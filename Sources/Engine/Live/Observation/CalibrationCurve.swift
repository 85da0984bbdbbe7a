/// Observed against predicted frequency, the reliability diagram: of two classes the second one's, of more how often the
/// predicted class was the right one against its probability (Guo, Pleiss, Sun and Weinberger 2017, section 2).
public struct CalibrationBin: Sendable, Equatable {
    /// The mean of the predicted probabilities.
    public let predicted: Double
    /// The share that came true.
    public let observed: Double
    /// Records in the bin.
    public let count: Int

    /// - Returns: bins of the same width that have records, in ascending order.
    static func curve(_ outcomes: some Sequence<(probability: Double, cameTrue: Bool)>, bins: Int = 10)
        -> [CalibrationBin]
    {
        var sums = [(predicted: Double, observed: Int, count: Int)](repeating: (0, 0, 0), count: bins)
        for (probability, cameTrue) in outcomes {
            let bin = min(bins - 1, Int(max(0, min(1, probability)) * Double(bins)))
            sums[bin].predicted += probability
            sums[bin].observed += cameTrue ? 1 : 0
            sums[bin].count += 1
        }
        return sums.filter { $0.count > 0 }.map { sum in
            let count = Double(sum.count)
            return CalibrationBin(
                predicted: sum.predicted / count, observed: Double(sum.observed) / count, count: sum.count)
        }
    }
}
