import Connectors
import Dispatch
import Evaluation
import Records
import Synchronization

/// The model of a run while it learns, for readers on other threads.
///
/// Every answer comes from one published version and says which. There is none before the first publication.
public final class LiveModel: Sendable {
    private struct Waiter {
        let id: UInt64
        let part: String
        let offset: Int
        let deadline: UInt64
        /// Told the version that has the record; nil: it did not come in time.
        let wake: @Sendable (Int?) -> Void
    }
    private struct Contents {
        var publication: Publication?
        var observer: StreamObserver?
        /// Decoder options and format of the records that predictors take.
        var configuration: Configuration?
        var format = ""
        /// Of the current version.
        var positions: [PartPosition] = []
        var version = 0
        var waiters: [Waiter] = []
        var nextWaiter: UInt64 = 0
        var isExpirySet = false
        var activity = RunActivity()
        /// Offsets of the latest targets over HTTP that found no record.
        var unmatched: [Int] = []
        var snapshots: SnapshotCatalog?
    }
    private let contents = Mutex(Contents())
    let snapshotRequests = SnapshotRequests()

    public init() {}

    // MARK: The owner

    /// A run begins, or begins again from a snapshot.
    func begin(
        _ publication: Publication, _ observer: StreamObserver?, _ configuration: Configuration, format: String
    ) {
        contents.withLock {
            $0.publication = publication
            $0.observer = observer
            $0.configuration = configuration
            $0.format = format
            $0.positions = []
        }
    }

    /// The sequence of the last publication, so that a run that begins again counts on.
    var sequence: Int { info?.sequence ?? 0 }

    /// Wakes those who wait for what was published now.
    func didPublish(_ positions: [PartPosition], version: Int) {
        let due = contents.withLock { contents in
            contents.positions = positions
            contents.version = version
            contents.activity.publications += 1
            return Self.takeWaiters(&contents) { Self.has(positions, $0.part, $0.offset) }
        }
        for waiter in due { waiter.wake(version) }
    }

    /// The run keeps its snapshots there.
    func keep(_ snapshots: SnapshotCatalog) { contents.withLock { $0.snapshots = snapshots } }

    /// Changes what is told of the run's activity.
    func note(_ change: (inout RunActivity) -> Void) { contents.withLock { change(&$0.activity) } }

    /// Remembers, for those who wait for them, targets that found no record.
    func noteUnmatched(_ offsets: [Int]) {
        guard !offsets.isEmpty else { return }
        contents.withLock { contents in
            contents.unmatched += offsets
            contents.unmatched.removeFirst(max(contents.unmatched.count - 4096, 0))
        }
    }

    /// How many of the targets handed in at these offsets found no record.
    public func unmatched(in offsets: Range<Int>) -> Int {
        contents.withLock { contents in contents.unmatched.count { offsets.contains($0) } }
    }

    /// The run is over: nobody waits in vain.
    func end() {
        let due = contents.withLock { contents in
            contents.activity.isOver = true
            return Self.takeWaiters(&contents) { _ in true }
        }
        for waiter in due { waiter.wake(nil) }
        snapshotRequests.end()
    }

    private static func takeWaiters(_ contents: inout Contents, where isDue: (Waiter) -> Bool) -> [Waiter] {
        guard !contents.waiters.isEmpty else { return [] }
        let due = contents.waiters.filter(isDue)
        if !due.isEmpty { contents.waiters.removeAll(where: isDue) }
        return due
    }

    private static func has(_ positions: [PartPosition], _ part: String, _ offset: Int) -> Bool {
        positions.contains { $0.name == part && $0.offset > offset }
    }

    // MARK: Readers

    /// What is known of the current version; nil before the first one.
    public var info: VersionInfo? { read { $1 } }

    /// Everything there is to say of the current version; nil before the first one.
    public var status: ModelStatus? {
        let configuration = contents.withLock { $0.configuration }
        guard let configuration else { return nil }
        return read { ModelStatus($0, $1, configuration) }
    }

    /// The run's snapshots; nil: it keeps none.
    public var snapshots: SnapshotCatalog? { contents.withLock { $0.snapshots } }

    public var activity: RunActivity { contents.withLock { $0.activity } }

    /// What the run's records look like; nil before the first version. Takes some milliseconds.
    public func observe() -> StreamObservation? {
        guard let publication = published?.publication else { return nil }
        return contents.withLock { $0.observer }?.look(publication)
    }

    /// Uses the current version, for a short while; nil before the first one.
    func read<R>(_ body: (Pipeline, VersionInfo) -> R) -> R? { published?.publication.read(body) }

    /// Whether versions still come from there.
    func isCurrent(_ publication: Publication) -> Bool { contents.withLock { $0.publication === publication } }

    /// What versions come from, and what predictors need to decode records; nil before the first version.
    var published: (publication: Publication, configuration: Configuration, format: String)? {
        contents.withLock { contents in
            guard let publication = contents.publication, publication.hasVersion,
                let configuration = contents.configuration
            else { return nil }
            return (publication, configuration, contents.format)
        }
    }

    // MARK: Waiting

    /// Waits until a version is published in which the record at `offset` of `part` counts. Blocks the thread.
    /// - Returns: that version; nil when it took longer than `seconds`, or the run is over.
    public func wait(for part: String, offset: Int, seconds: Double) -> Int? {
        let woken = DispatchSemaphore(value: 0)
        let found = Mutex<Int?>(nil)
        enlist(part, offset, seconds) { version in
            found.withLock { $0 = version }
            woken.signal()
        }
        woken.wait()
        return found.withLock { $0 }
    }

    /// Like `wait`, suspending the task instead of blocking a thread.
    public func applied(_ part: String, offset: Int, seconds: Double) async -> Int? {
        await withCheckedContinuation { continuation in
            enlist(part, offset, seconds) { continuation.resume(returning: $0) }
        }
    }

    private func enlist(_ part: String, _ offset: Int, _ seconds: Double, wake: @escaping @Sendable (Int?) -> Void) {
        let now = DispatchTime.now().uptimeNanoseconds
        let deadline = now &+ UInt64(max(0, min(seconds, 86_400)) * 1e9)
        enum Outcome {
            case decided(Int?)
            case waiting(setsExpiry: Bool)
        }
        let outcome: Outcome = contents.withLock { contents in
            if Self.has(contents.positions, part, offset) { return .decided(contents.version) }
            if contents.activity.isOver { return .decided(nil) }
            contents.waiters.append(
                Waiter(id: contents.nextWaiter, part: part, offset: offset, deadline: deadline, wake: wake))
            contents.nextWaiter += 1
            defer { contents.isExpirySet = true }
            return .waiting(setsExpiry: !contents.isExpirySet)
        }
        switch outcome {
        case .decided(let version): wake(version)
        case .waiting(let setsExpiry): if setsExpiry { setExpiry() }
        }
    }

    /// One timer for all who wait.
    private func setExpiry() {
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.05) { [self] in
            let now = DispatchTime.now().uptimeNanoseconds
            let (due, rest) = contents.withLock { contents in
                let due = Self.takeWaiters(&contents) { $0.deadline <= now }
                contents.isExpirySet = !contents.waiters.isEmpty
                return (due, contents.isExpirySet)
            }
            for waiter in due { waiter.wake(nil) }
            if rest { setExpiry() }
        }
    }
}

/// What a model is and how it does, at one published version.
public struct ModelStatus: Sendable {
    public let info: VersionInfo
    public let task: Task
    public let classes: [String]
    public let fields: [Field]
    /// Names of several targets; none: there is one.
    public let outputs: [String]
    /// Names of what stands behind a predicted number: ends of an interval, quantiles.
    public let bounds: [String]
    public let isFeatureNative: Bool
    public let learner: String
    public let hyperparameters: [(name: String, value: String)]
    public let records: Int
    public let learned: Int
    public let rejected: Int
    public let metrics: [NamedValue]
    public let baselines: [NamedValue]
    /// Bytes of all learned arrays.
    public let bytes: Int
    /// Records that wait for their targets, and what became of others; nil: targets come with their records.
    public let targets: TargetStatus?
    /// What detectors saw; nil: nothing is watched.
    public let drift: DriftStatus?
    /// The same by component: preprocessing, target, learner, evaluation.
    public let componentBytes: [(name: String, bytes: Int)]

    init(_ pipeline: Pipeline, _ info: VersionInfo, _ configuration: Configuration) {
        self.info = info
        task = pipeline.schema.task
        classes = pipeline.classNames
        fields = pipeline.schema.fields
        outputs = pipeline.schema.severalOutputNames
        bounds = outputs.isEmpty ? configuration.wrappers.layout.names : []
        isFeatureNative = pipeline.schema.isFeatureNative
        learner = configuration.learner.name
        hyperparameters = pipeline.hyperparameters.resolved.map { (name: $0.0, value: $0.1) }
        let evaluation = pipeline.evaluation
        records = evaluation.records
        learned = evaluation.learned
        rejected = evaluation.rejected
        metrics = evaluation.metrics
        baselines = evaluation.baselines
        var components: [(name: String, bytes: Int)] = []
        for entry in pipeline.state {
            let name = String(entry.name.prefix { $0 != "/" })
            if components.last?.name != name { components.append((name, 0)) }
            components[components.count - 1].bytes += entry.array.byteCount
        }
        componentBytes = components
        bytes = components.reduce(0) { $0 + $1.bytes }
        targets = pipeline.targetCounts.map(TargetStatus.init)
        drift = DriftStatus(pipeline)
    }

    /// Seconds since this version was published.
    public var ageSeconds: Double {
        Double(DispatchTime.now().uptimeNanoseconds &- info.uptimeNanoseconds) / 1e9
    }
}
