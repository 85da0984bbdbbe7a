import JSON
import State

/// What became of the records that waited for their targets, and of the targets that came; part of the model's state, so
/// that a resumed run counts on.
public final class TargetCounts: Stateful {
    /// One thing that is counted, under its name in reports.
    public enum Kind: Int, CaseIterable, Sendable {
        /// Records predicted, whether or not they wait: the clock of time-outs by records.
        case arrivals
        /// Records that wait now.
        case pending
        /// Targets that wait now for their record.
        case early
        /// Records that were kept to wait.
        case kept
        /// Records learned when their target came, or when it was due.
        case joined
        /// Records whose time was over.
        case expired
        /// Those of them that learned the default.
        case defaulted
        /// Records that left because there was no room.
        case evicted
        /// Records predicted again under the same id before their target came.
        case overwritten
        /// Targets of ids that nobody predicted, or that are forgotten.
        case unknown
        /// Targets that came when the record's time was over.
        case late
        /// Targets that came again as they were.
        case duplicates
        /// Targets that came again with another value: the record is not learned twice.
        case corrections
        /// Records that nothing can be joined with: they have no id, and no target.
        case withoutID

        public var name: String { self == .withoutID ? "without_id" : "\(self)" }
    }

    private let counts: StateArray<Int64>
    /// Sums over the joined records: records, and seconds where both times are known; and the number of the latter.
    private let lags: StateArray<Double>

    init() {
        counts = StateArray(count: Kind.allCases.count)
        lags = StateArray(count: 3)
    }

    public var state: [StateEntry] { [StateEntry("counts", counts), StateEntry("lags", lags)] }

    public subscript(_ kind: Kind) -> Int { Int(counts.base[kind.rawValue]) }

    func add(_ kind: Kind, _ count: Int = 1) { counts.base[kind.rawValue] += Int64(count) }

    func set(_ kind: Kind, _ count: Int) { counts.base[kind.rawValue] = Int64(count) }

    /// - Parameter seconds: between prediction and target; NaN = not known.
    func addLag(records: Int, seconds: Double) {
        lags.base[0] += Double(records)
        guard seconds.isFinite else { return }
        lags.base[1] += seconds
        lags.base[2] += 1
    }

    /// Grows with everything that happens to records and targets that wait.
    var events: Int { Kind.allCases.reduce(0) { $0 + ([.pending, .early, .arrivals].contains($1) ? 0 : self[$1]) } }

    /// Targets that found no record.
    public var unmatched: Int { self[.unknown] + self[.late] }

    /// Between prediction and target, over the joined records; nil: none has both times.
    public var lagSeconds: (sum: Double, count: Int) { (lags.base[1], Int(lags.base[2])) }

    /// Records that came between a prediction and its target, on average; nil: no target came.
    public var meanLagRecords: Double? { self[.joined] > 0 ? lags.base[0] / Double(self[.joined]) : nil }

    var json: JSONValue {
        var members = Kind.allCases.filter { $0 != .arrivals }.map { ($0.name, JSONValue(self[$0])) }
        let lag = lagSeconds
        members.append(("mean_lag_records", JSONValue(meanLagRecords)))
        members.append(("mean_lag_seconds", JSONValue(lag.count > 0 ? lag.sum / Double(lag.count) : nil)))
        return .object(members)
    }

    /// For people, what is not 0.
    var summary: String {
        let shown = Kind.allCases.filter { $0 != .arrivals && self[$0] != 0 }
        return shown.map { "\(self[$0]) \($0.name)" }.joined(separator: ", ")
    }
}

/// The counts of one published version.
public struct TargetStatus: Sendable {
    private let counts: [Int]
    public let unmatched: Int
    public let lagSeconds: (sum: Double, count: Int)
    /// As in reports.
    public let json: JSONValue
    /// For people.
    let summary: String

    init(_ counts: TargetCounts) {
        self.counts = TargetCounts.Kind.allCases.map { counts[$0] }
        unmatched = counts.unmatched
        lagSeconds = counts.lagSeconds
        json = counts.json
        summary = counts.summary
    }

    public subscript(_ kind: TargetCounts.Kind) -> Int { counts[kind.rawValue] }
}
