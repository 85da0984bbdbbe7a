import Connectors
import Glibc

/// What one run does besides learning.
public struct RunOptions {
    /// False: score only, learn nothing (`predict`).
    public var learns = true
    public var predictions: (any Sink)?
    public var quarantine: (any Sink)?
    public var snapshots: SnapshotOptions?
    /// A snapshot file to start from (`predict --snapshot`), instead of the newest of `snapshots`.
    public var snapshotPath: String?
    /// Published versions of the model, for readers on other threads.
    public var live: LiveModel?
    /// Records that other threads hand in, beside the input.
    public var inbox: RecordInbox?
    /// Targets of records that came without, joined by id.
    public var targets: (any Source)?
    /// Input and targets are files that end: a record of one, a target of the other, the same way each time.
    public var joinsInTurns = false
    /// Seconds since 1970, where records say no time and it matters.
    public var clock: () -> Double = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
    public var progress: ProgressTable?
    /// Told of things a person should know (a damaged snapshot, a failed one).
    public var warn: (String) -> Void = { _ in }
    public var stop = StopRequest()

    public init() {}
}

/// Where and how often snapshots are taken.
public struct SnapshotOptions: Sendable {
    public var directory: String
    public var everyRecords = 0
    public var everySeconds = 10.0
    public var keep = 3

    public init(directory: String) { self.directory = directory }
}
