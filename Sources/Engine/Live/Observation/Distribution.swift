import Glibc

/// How often values fall into parts of a range.
public struct Distribution: Sendable, Equatable {
    public let low: Double
    public let high: Double
    /// Bins of the same width from `low` to `high`.
    public let counts: [Int]

    /// Values outside count in the bin at their end.
    init(_ values: some Sequence<Double>, low: Double, high: Double, bins: Int) {
        self.low = low
        self.high = high
        var counts = [Int](repeating: 0, count: bins)
        // The quotient of halves: the width of a range may itself be too large for a number.
        let width = high / 2 - low / 2
        for value in values {
            let share = width > 0 ? (value / 2 - low / 2) / width : 0.5
            counts[min(bins - 1, Int(max(0, min(1, share)) * Double(bins)))] += 1
        }
        self.counts = counts
    }

    /// Over the range that holds all but one in a hundred, so that a stray value does not hide the others; those are left
    /// out. Nil: no values.
    init?(of values: [Double], bins: Int) {
        guard let (low, high) = Self.range(of: values) else { return nil }
        self.init(values.lazy.filter { $0 >= low && $0 <= high }, low: low, high: high, bins: low < high ? bins : 1)
    }

    /// From the 0.5th to the 99.5th percentile, of few values from the least to the largest.
    static func range(of values: [Double]) -> (low: Double, high: Double)? {
        let sorted = values.sorted()
        let skipped = sorted.count / 200
        guard let first = sorted.dropFirst(skipped).first, let last = sorted.dropLast(skipped).last else { return nil }
        return (first, last)
    }
}

func logarithm(_ value: Double) -> Double { log(value) }
