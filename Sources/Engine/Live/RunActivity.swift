/// What a run does besides its model: for those who watch it.
public struct RunActivity: Sendable {
    /// Seconds the learning thread took for each mini-batch.
    public var batchSeconds = DurationHistogram()
    /// Records learned by now, published or not.
    public var learned = 0
    public var publications = 0
    public var snapshots = SnapshotActivity()
    /// The run is over: no version comes after the current one.
    public var isOver = false

    init() {}
}

/// Snapshots of one run.
public struct SnapshotActivity: Sendable {
    public var taken = 0
    public var failures = 0
    /// Of the newest: when it was durable, in seconds since 1970; how long it took; its size.
    public var lastTime: Double?
    public var lastSeconds = 0.0
    public var lastBytes = 0
    /// Records in it.
    public var lastRecords = 0
}
