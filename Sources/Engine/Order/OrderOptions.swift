import JSON

/// How records are put in the order of their times.
public struct OrderOptions: Sendable, Equatable {
    /// What becomes of a record that comes too late.
    public enum LatePolicy: String, Sendable, CaseIterable {
        /// It goes to the quarantine.
        case reject
        /// It is forgotten, and counted.
        case drop
        /// It is learned at once, and counted.
        case keep
    }

    /// Seconds that a record may lie behind the latest one.
    public var lateness: Double
    public var late = LatePolicy.reject
    /// Records that may wait; more, and the earliest has its turn before its time.
    public var maximumRecords = 100_000
    /// Bytes they may take in all.
    public var maximumBytes = 256 << 20
    /// Seconds; a jump of the time further than this is taken for an error until it lasts.
    public var ahead = 86_400.0

    public init(lateness: Double) { self.lateness = lateness }
}

/// What putting records in order came to.
public struct OrderStatus: Sendable, Equatable {
    /// Records that wait now.
    public var waiting = 0
    public var late = 0
    /// Records that had their turn before their time, because there was no room.
    public var forced = 0
    /// Records without a time, which were given the latest.
    public var withoutTime = 0

    public var json: JSONValue {
        .object([
            ("waiting", JSONValue(waiting)), ("late", JSONValue(late)), ("forced", JSONValue(forced)),
            ("without_time", JSONValue(withoutTime)),
        ])
    }

    /// Empty: nothing worth saying.
    public var summary: String {
        [
            (waiting, "waiting"), (late, "late"), (forced, "released early for want of room"),
            (withoutTime, "without a time"),
        ]
        .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
}
