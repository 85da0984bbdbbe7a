import Glibc
import State

/// How often each bin of a field met each bin of the target, and what the one tells about the other.
///
/// The last column counts records whose target is unknown; they tell nothing. Counts add, so tables of the same shape
/// merge.
public final class JointCounts: Stateful {
    public let bins: Int
    /// Bins of the target, known ones.
    public let targetBins: Int
    public let stride: Int
    private let counts: StateArray<Int64>

    public init(bins: Int, targetBins: Int) {
        self.bins = bins
        self.targetBins = targetBins
        stride = targetBins + 1
        counts = StateArray(count: bins * (targetBins + 1))
    }

    public var state: [StateEntry] { [StateEntry("counts", counts)] }

    /// Cell of bin b and target bin t: `b * stride + t`.
    public var cells: UnsafeMutablePointer<Int64> { counts.base }

    public func merge(_ other: JointCounts) {
        precondition(bins == other.bins && targetBins == other.targetBins, "tables of different shape do not merge")
        for index in 0..<counts.count { counts.base[index] += other.counts.base[index] }
    }

    /// What the bins tell about the target.
    public struct Information: Sendable {
        /// In nats, without the bias of finite counts (Miller 1955; Madow): at least 0.
        public let mutual: Double
        /// Of the target alone, in nats.
        public let targetEntropy: Double
        /// Records with a known target, for each bin that has any.
        public let recordsPerBin: Double
        /// `mutual` as a share of the target's entropy (the uncertainty coefficient), 0...1.
        public var share: Double { targetEntropy > 0 ? min(mutual / targetEntropy, 1) : 0 }
    }

    /// Nil: no record had a known target.
    public var information: Information? {
        var rows = [Double](repeating: 0, count: bins)
        var columns = [Double](repeating: 0, count: targetBins)
        var joint = 0.0
        var cells = 0
        for bin in 0..<bins {
            for target in 0..<targetBins {
                let count = Double(counts[bin * stride + target])
                guard count > 0 else { continue }
                rows[bin] += count
                columns[target] += count
                joint += count * log(count)
                cells += 1
            }
        }
        let n = rows.reduce(0, +)
        guard n > 0 else { return nil }
        func sum(_ counts: [Double]) -> Double { counts.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) } }
        let usedRows = rows.count { $0 > 0 }
        let usedColumns = columns.count { $0 > 0 }
        let plain = (joint - sum(rows) - sum(columns)) / n + log(n)
        let bias = Double(cells - usedRows - usedColumns + 1) / (2 * n)
        return Information(
            mutual: max(plain - bias, 0), targetEntropy: max(log(n) - sum(columns) / n, 0),
            recordsPerBin: n / Double(usedRows))
    }
}
