import Records

/// What a run does besides its model: for those who watch it. Counts are of this process, not of the model's life.
public struct RunActivity: Sendable {
    /// Seconds the learning thread took for each mini-batch.
    public var batchSeconds = DurationHistogram()
    /// Records learned by the model until now, published or not.
    public var learned = 0
    /// Records taken in, rejected ones too: of the input, and those handed in by other threads.
    public var ingestedFromInput = 0
    public var ingestedFromInbox = 0
    /// Rejected records of each class, in the order of `RejectionClass.allCases`.
    public private(set) var rejections = [Int](repeating: 0, count: RejectionClass.allCases.count)
    public var publications = 0
    /// Changes of the records against the schema, in the order of `SchemaChange.Kind.allCases`; the model's life long.
    public var schemaChanges = [Int](repeating: 0, count: SchemaChange.Kind.allCases.count)
    public var snapshots = SnapshotActivity()
    /// The run is over: no version comes after the current one.
    public var isOver = false

    init() {}

    public func rejected(_ rejection: RejectionClass) -> Int {
        RejectionClass.allCases.firstIndex(of: rejection).map { rejections[$0] } ?? 0
    }

    /// Counts a batch that was taken in.
    mutating func add(_ batch: RecordBatch, isInbox: Bool) {
        let records = batch.rows + batch.rejected.count
        if isInbox { ingestedFromInbox += records } else { ingestedFromInput += records }
        for record in batch.rejected {
            guard let place = RejectionClass.allCases.firstIndex(of: RejectionClass(reason: record.reason)) else {
                continue
            }
            rejections[place] += 1
        }
    }
}

/// Snapshots of one run.
public struct SnapshotActivity: Sendable {
    /// Whether any are wanted.
    public var isOn = false
    public var taken = 0
    public var failures = 0
    /// Of the newest: when it was durable, in seconds since 1970; how long it took; its size.
    public var lastTime: Double?
    public var lastSeconds = 0.0
    public var lastBytes = 0
    /// Records in it.
    public var lastRecords = 0
}
