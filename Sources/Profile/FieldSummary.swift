import Formats
import Records
import Statistics

/// A value and how often it occurred; the true count is at most `error` higher.
public struct ValueCount: Sendable {
    public let value: String
    public let count: Int
    public let error: Int
}

/// Counts between edges: one more edge than counts.
public struct Histogram: Sendable {
    public let edges: [Double]
    public let counts: [Int]
}

/// What is known of one field.
public struct FieldSummary: Sendable {
    public enum Kind: String, Sendable {
        case number
        case text
    }

    public static let quantileShares: [(name: String, share: Double)] = [
        ("0", 0), ("0.01", 0.01), ("0.05", 0.05), ("0.1", 0.1), ("0.25", 0.25), ("0.5", 0.5), ("0.75", 0.75),
        ("0.9", 0.9), ("0.95", 0.95), ("0.99", 0.99), ("1", 1),
    ]
    static let topCount = 10
    private static let bars = 24

    public let name: String
    public let kind: Kind
    public let role: FieldRole
    /// Present values.
    public let count: Int
    public let missing: Int
    public let distinct: Int
    /// Every different value was counted by itself.
    public let isDistinctExact: Bool
    public let top: [ValueCount]
    public let information: JointCounts.Information?

    // Of numbers.
    public var moments = PairMoments()
    public var zeros = 0
    public var negatives = 0
    public var quantiles: [(name: String, value: Double)] = []
    public var histogram: Histogram?
    // Of texts.
    public var lengths: (shortest: Int, mean: Double, longest: Int)?

    public var minimum: Double? { quantiles.first?.value }
    public var maximum: Double? { quantiles.last?.value }
    public var missingShare: Double { count + missing > 0 ? Double(missing) / Double(count + missing) : 0 }
    /// Different values as a share of the values.
    public var distinctShare: Double { count > 0 ? Double(distinct) / Double(count) : 0 }

    public func quantile(_ name: String) -> Double? { quantiles.first { $0.name == name }?.value }

    init(_ field: ProfilePlan.PlannedField, _ profile: NumberProfile, isTarget: Bool) {
        name = field.name
        kind = .number
        role = field.role
        count = profile.count
        missing = profile.missing
        isDistinctExact = profile.frequent.purged == 0
        distinct = Self.distinct(profile.frequent, profile.distinct, count)
        top = Self.top(profile.frequent) { canonicalText(ofNumber: Double(bitPattern: ~$0.key)) }
        information = isTarget ? nil : profile.joint.information
        moments = profile.moments
        if isTarget { moments.pairs = 0 }
        zeros = profile.zeros
        negatives = profile.negatives
        let sorted = profile.quantiles.sorted
        quantiles = Self.quantileShares.compactMap { shown in sorted.quantile(shown.share).map { (shown.name, $0) } }
        histogram = Self.histogram(sorted, bars: Self.bars)
    }

    init(_ field: ProfilePlan.PlannedField, _ profile: TextProfile, isTarget: Bool) {
        name = field.name
        kind = .text
        role = field.role
        count = profile.count
        missing = profile.missing
        isDistinctExact = profile.frequent.purged == 0
        distinct = Self.distinct(profile.frequent, profile.distinct, count)
        top = Self.top(profile.frequent) { item in
            let text = String(decoding: item.text, as: UTF8.self)
            return item.text.count == FrequentItems.textBytes ? text + "..." : text
        }
        information = isTarget ? nil : profile.joint.information
        lengths = profile.lengths
    }

    private static func distinct(_ frequent: FrequentItems, _ sketch: HyperLogLog, _ count: Int) -> Int {
        frequent.purged == 0 ? frequent.keptCount : min(max(Int(sketch.estimate.rounded()), frequent.keptCount), count)
    }

    /// Values that are surely as frequent as they are said to be: a count within its error says nothing.
    private static func top(_ frequent: FrequentItems, _ text: (FrequentItems.Item) -> String) -> [ValueCount] {
        frequent.top(topCount).filter { $0.count > frequent.purged || frequent.purged == 0 }
            .map { ValueCount(value: text($0), count: $0.count, error: frequent.purged) }
    }

    /// Bars of equal width between the 1 % and the 99 % quantile; the first and the last reach to the extremes, so that
    /// one wild value does not squeeze all others into one bar.
    private static func histogram(_ sorted: SortedValues, bars: Int) -> Histogram? {
        guard let low = sorted.quantile(0), let high = sorted.quantile(1), let from = sorted.quantile(0.01),
            let to = sorted.quantile(0.99)
        else { return nil }
        guard high > low else { return Histogram(edges: [low, high], counts: [sorted.count]) }
        let start = from < to ? from : low
        let end = from < to ? to : high
        var edges = [low]
        for bar in 1..<bars {
            // Shares instead of a difference, which may overflow.
            let share = Double(bar) / Double(bars)
            let edge = start * (1 - share) + end * share
            if edge > edges[edges.count - 1], edge < high { edges.append(edge) }
        }
        edges.append(high)
        let upTo = edges.dropFirst().map { sorted.countUpTo($0) }
        return Histogram(edges: edges, counts: zip(upTo, [0] + upTo).map { $0 - $1 })
    }
}

/// What is known of a stream, ready to be shown.
public struct DatasetSummary: Sendable {
    public struct Times: Sendable {
        public let field: String
        public let unit: TimeUnit
        public let first: Double
        public let last: Double
        public let outOfOrder: Int
        public let unknown: Int
        /// Seconds from one record to the next, where they are in order.
        public let gaps: [(name: String, value: Double)]
        public let longestGaps: [(after: Double, seconds: Double)]
    }

    public let plan: ProfilePlan
    public let records: Int
    public let rejected: Int
    /// Records whose bytes had come before.
    public let duplicates: Int
    public let areDuplicatesExact: Bool
    public let fields: [FieldSummary]
    public let times: Times?
    public var target: FieldSummary? { plan.target.map { fields[$0] } }

    /// - Parameter profile: settled.
    public init(_ profile: DatasetProfile) {
        plan = profile.plan
        records = profile.records
        rejected = profile.rejected
        duplicates = profile.contents.repeated
        areDuplicatesExact = profile.contents.isExact
        fields = profile.plan.fields.enumerated().map { index, field in
            let isTarget = index == profile.plan.target
            return field.isNumber
                ? FieldSummary(field, profile.numbers[field.column], isTarget: isTarget)
                : FieldSummary(field, profile.texts[field.column], isTarget: isTarget)
        }
        times = Self.times(profile)
    }

    private static func times(_ profile: DatasetProfile) -> Times? {
        guard let time = profile.time, let field = profile.plan.time, let first = time.earliest, let last = time.latest
        else { return nil }
        let sorted = time.gaps.sorted
        let shown: [(String, Double)] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99), ("1", 1)]
        return Times(
            field: profile.plan.fields[field].name, unit: profile.plan.timeUnit, first: first, last: last,
            outOfOrder: time.outOfOrder, unknown: time.unknown,
            gaps: shown.compactMap { name, share in sorted.quantile(share).map { (name, $0) } },
            longestGaps: time.longest)
    }
}

extension FieldSummary {
    /// Standard error of `distinct` where it is not exact, as a share of it.
    public static var distinctError: Double { HyperLogLog.standardError(precision: 12) }
    /// Error of a quantile's rank, as a share of the count, with 99 % confidence.
    public static var rankError: Double { KLLSketch.rankError(k: NumberProfile.accuracy) }
}
