import Glibc

/// Durations in buckets of four an octave, from a microsecond to a minute: fine enough for percentiles, small enough to
/// keep for ever.
public struct DurationHistogram: Sendable {
    private static let bucketsPerOctave = 4.0
    public static let bucketCount = 106
    public private(set) var counts = [Int](repeating: 0, count: bucketCount)
    public private(set) var count = 0
    /// Of all durations, in seconds.
    public private(set) var sum = 0.0

    public init() {}

    /// The largest duration of a bucket, in seconds; the last one has no bound.
    public static func bound(_ bucket: Int) -> Double {
        bucket + 1 < bucketCount ? 1e-6 * exp2(Double(bucket) / bucketsPerOctave) : .infinity
    }

    public mutating func add(_ seconds: Double) {
        let octaves = seconds > 1e-6 ? log2(seconds * 1e6) * Self.bucketsPerOctave : 0
        let bucket = octaves < Double(Self.bucketCount) ? Int(octaves.rounded(.up)) : Self.bucketCount - 1
        counts[min(bucket, Self.bucketCount - 1)] += 1
        count += 1
        sum += seconds
    }

    /// What came since an earlier state of the same histogram.
    public func since(_ earlier: DurationHistogram) -> DurationHistogram {
        var difference = self
        for bucket in counts.indices { difference.counts[bucket] = counts[bucket] - earlier.counts[bucket] }
        difference.count = count - earlier.count
        difference.sum = sum - earlier.sum
        return difference
    }

    /// The duration that this share of all does not exceed; nil: there are none.
    public func quantile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        var seen = 0
        for bucket in counts.indices {
            seen += counts[bucket]
            if Double(seen) >= share * Double(count) { return Self.bound(min(bucket, Self.bucketCount - 2)) }
        }
        return nil
    }
}
