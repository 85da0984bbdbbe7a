import State

/// Expected calibration error and log loss of probabilities (Guo, Pleiss, Sun and Weinberger 2017, equation 3): ten bins of
/// the same width; of two classes the second one's probability against how often it came, of more the predicted class's
/// against how often it was right.
final class ReliabilitySums: Stateful {
    private static let bins = 10

    /// By bin: records, sum of probabilities, how many came true; then the sum of losses.
    private let sums = StateArray<Double>(count: 3 * bins + 1)

    var state: [StateEntry] { [StateEntry("reliability", sums)] }

    func add(probability: Double, cameTrue: Bool, loss: Double) {
        let bin = min(Self.bins - 1, Int(max(0, min(1, probability)) * Double(Self.bins)))
        sums.base[3 * bin] += 1
        sums.base[3 * bin + 1] += probability
        sums.base[3 * bin + 2] += cameTrue ? 1 : 0
        sums.base[3 * Self.bins] += loss
    }

    private var records: Double { (0..<Self.bins).reduce(0) { $0 + sums[3 * $1] } }

    /// The mean distance of probabilities from frequencies, by the records in each bin; nil before the first record.
    var calibrationError: Double? {
        let all = records
        guard all > 0 else { return nil }
        return (0..<Self.bins).reduce(0) { $0 + abs(sums[3 * $1 + 1] - sums[3 * $1 + 2]) } / all
    }

    var logLoss: Double? {
        let all = records
        return all > 0 ? sums[3 * Self.bins] / all : nil
    }
}
