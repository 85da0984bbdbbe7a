import Components
import Glibc
import State

/// How the distributions of two windows are compared.
public enum DistributionTest: String, Sendable, CaseIterable {
    /// Population stability index: the sum over bins of (p - q) ln(p / q) (Siddiqi, Credit Risk Scorecards, 2006).
    case psi
    /// Kolmogorov-Smirnov: the largest distance of the empirical distributions.
    case ks

    public var descriptor: Descriptor {
        let window = HyperparameterField("window", .integer(20...100_000), default: "1000", "records in a window")
        let renew = HyperparameterField(
            "renew", .boolean, default: "true", "after a drift, the window that showed it is the reference")
        switch self {
        case .psi:
            return Descriptor(
                "psi", "--feature-drift: population stability index of each field against a reference window",
                fields: [
                    window,
                    HyperparameterField("bins", .integer(2...1000), default: "10", "of equal size, by quantiles"),
                    HyperparameterField("threshold", .number(0...1000), default: "0.2", "index of a drift"), renew,
                ])
        case .ks:
            return Descriptor(
                "ks", "--feature-drift: Kolmogorov-Smirnov test of each number (categories: psi above 0.2)",
                fields: [
                    window,
                    HyperparameterField(
                        "alpha", .number(1e-12...0.5), default: "0.001", "significance, for all fields together"),
                    renew,
                ])
        }
    }
}

/// Watches the distribution of each column against a reference window: the first `window` rows, later the window that
/// showed a drift. Windows do not overlap.
///
/// A bin of its own each: missing values, and, where the reference has no more values than bins, every value; values
/// that the reference does not have share one.
public final class DistributionDrift: Stateful {
    /// Told of a column that changed: the statistic and its threshold.
    public typealias Report = (_ column: Int, _ statistic: Double, _ threshold: Double) -> Void

    private enum Slot {
        static let rows = 0
        /// 1: there is a reference.
        static let hasReference = 1
        static let size = 2
    }

    private let test: DistributionTest
    private let columns: Int
    private let isNominal: [Bool]
    private let window: Int
    private let bins: Int
    private let threshold: Double
    private let alpha: Double
    private let renews: Bool
    private let place = StateArray<Int64>(count: Slot.size)
    /// Column after column: the values of the reference window, sorted, missing ones (NaN as 0) left out at the end.
    private let reference: StateArray<Double>
    private let referenceCounts: StateArray<Int64>
    /// Likewise, of the window that is filling: present values in the order in which they came.
    private let current: StateArray<Double>
    private let currentCounts: StateArray<Int64>
    /// 1: the column's last window differed.
    private let differs: StateArray<UInt8>

    /// - Parameter isNominal: for each column, whether its values are codes without an order.
    public init(_ test: DistributionTest, _ fields: Hyperparameters, isNominal: [Bool]) {
        self.test = test
        self.isNominal = isNominal
        columns = isNominal.count
        window = fields.integer("window")
        bins = test == .psi ? fields.integer("bins") : 10
        threshold = test == .psi ? fields.double("threshold") : 0.2
        alpha = test == .ks ? fields.double("alpha") : 0.001
        renews = fields.boolean("renew")
        reference = StateArray(count: columns * window, marksChanges: true)
        referenceCounts = StateArray(count: columns)
        current = StateArray(count: columns * window, marksChanges: true)
        currentCounts = StateArray(count: columns)
        differs = StateArray(count: columns)
    }

    public var state: [StateEntry] {
        [
            StateEntry("place", place), StateEntry("reference", reference),
            StateEntry("reference-counts", referenceCounts), StateEntry("window", current),
            StateEntry("window-counts", currentCounts), StateEntry("differs", differs),
        ]
    }

    /// Rows until the window is full; at least 1.
    public var rowsLeft: Int { max(1, window - Int(place[Slot.rows])) }

    /// Takes a column's values of the next rows, at most `rowsLeft`. What is not finite is missing.
    public func add(_ values: UnsafePointer<Double>, _ count: Int, column: Int) {
        for row in 0..<count {
            let value = values[row]
            guard value.isFinite else { continue }
            let index = Int(currentCounts.base[column])
            guard index < window else { return }
            current[column * window + index] = value
            currentCounts.base[column] += 1
        }
    }

    /// Counts rows whose columns were added. At the end of a window compares it with the reference.
    public func advance(_ rows: Int, report: Report) {
        place[Slot.rows] += Int64(rows)
        guard Int(place[Slot.rows]) >= window else { return }
        place[Slot.rows] = 0
        let isFirst = place[Slot.hasReference] == 0
        place[Slot.hasReference] = 1
        for column in 0..<columns { close(column, isFirst, report) }
    }

    private func close(_ column: Int, _ isFirst: Bool, _ report: Report) {
        let count = Int(currentCounts[column])
        var values = UnsafeMutableBufferPointer(start: current.base + column * window, count: count)
        values.sort()
        defer { currentCounts[column] = 0 }
        guard !isFirst else { return adopt(column, count) }
        let old = UnsafeBufferPointer(start: reference.base + column * window, count: Int(referenceCounts[column]))
        let new = UnsafeBufferPointer(values)
        let (statistic, limit) = compare(old, new, isNominal: isNominal[column])
        let isDrift = statistic > limit
        if isDrift, renews || differs[column] == 0 { report(column, statistic, limit) }
        differs[column] = isDrift ? 1 : 0
        if isDrift, renews { adopt(column, count) }
    }

    /// The window becomes the reference.
    private func adopt(_ column: Int, _ count: Int) {
        for index in 0..<count { reference[column * window + index] = current.base[column * window + index] }
        referenceCounts[column] = Int64(count)
    }

    /// The statistic of two windows, sorted, and its threshold.
    func compare(
        _ old: UnsafeBufferPointer<Double>, _ new: UnsafeBufferPointer<Double>, isNominal: Bool
    ) -> (statistic: Double, threshold: Double) {
        guard test == .ks, !isNominal else { return (stability(old, new, isNominal: isNominal), threshold) }
        guard !old.isEmpty, !new.isEmpty else { return (old.isEmpty == new.isEmpty ? 0 : 1, 0.5) }
        let (n, m) = (Double(old.count), Double(new.count))
        // Columns share the significance (Bonferroni); asymptotic critical distance (Smirnov 1948).
        let level = alpha / Double(max(columns, 1))
        return (Self.distance(old, new), (-log(level / 2) / 2 * (n + m) / (n * m)).squareRoot())
    }

    /// The largest distance of two empirical distributions of sorted values.
    static func distance(_ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>) -> Double {
        var (i, j, largest) = (0, 0, 0.0)
        while i < a.count, j < b.count {
            let value = min(a[i], b[j])
            while i < a.count, a[i] == value { i += 1 }
            while j < b.count, b[j] == value { j += 1 }
            largest = max(largest, abs(Double(i) / Double(a.count) - Double(j) / Double(b.count)))
        }
        return largest
    }

    private func stability(
        _ old: UnsafeBufferPointer<Double>, _ new: UnsafeBufferPointer<Double>, isNominal: Bool
    ) -> Double {
        let (edges, areValues) = edges(old, isNominal: isNominal)
        // Two more: all other values, and missing ones.
        let (p, q) = (counts(old, edges, areValues, isNominal), counts(new, edges, areValues, isNominal))
        let size = Double(window) + 0.5 * Double(p.count)
        var sum = 0.0
        for bin in p.indices {
            // Half a record more in each bin: an empty one has no logarithm.
            let (share, other) = ((p[bin] + 0.5) / size, (q[bin] + 0.5) / size)
            sum += (share - other) * log(share / other)
        }
        return sum
    }

    /// The values themselves where there are no more than bins; else upper ends of bins of equal size.
    private func edges(_ old: UnsafeBufferPointer<Double>, isNominal: Bool) -> (edges: [Double], areValues: Bool) {
        if isNominal { return ((0..<bins).map(Double.init), true) }
        var distinct: [Double] = []
        for value in old where distinct.last != value {
            distinct.append(value)
            if distinct.count > bins { break }
        }
        guard distinct.count > bins else { return (distinct, true) }
        var edges: [Double] = []
        for bin in 1..<bins {
            let edge = old[old.count * bin / bins]
            if edges.last != edge { edges.append(edge) }
        }
        return (edges, false)
    }

    private func counts(
        _ values: UnsafeBufferPointer<Double>, _ edges: [Double], _ areValues: Bool, _ isNominal: Bool
    ) -> [Double] {
        var counts = [Double](repeating: 0, count: edges.count + 2)
        for value in values {
            // Codes without an order: hashed into bins.
            let value = isNominal ? Double(((value.bitPattern &* 0x9e37_79b9_7f4a_7c15) >> 32) % UInt64(bins)) : value
            var (low, high) = (0, edges.count)
            while low < high {
                let middle = (low + high) / 2
                if edges[middle] < value { low = middle + 1 } else { high = middle }
            }
            counts[areValues && (low == edges.count || edges[low] != value) ? edges.count : low] += 1
        }
        counts[edges.count + 1] = Double(window - values.count)
        return counts
    }
}
