import Connectors
import Dispatch
import Evaluation
import Records
import Synchronization

/// The model of a run while it learns, for readers on other threads.
///
/// Every answer comes from one published version and says which. There is none before the first publication.
public final class LiveModel: Sendable {
    private struct Contents {
        var publication: Publication?
        /// Decoder options and format of the records that predictors take.
        var configuration: Configuration?
        var format = ""
        var waiters: [(part: String, offset: Int, wake: DispatchSemaphore)] = []
    }
    private let contents = Mutex(Contents())

    public init() {}

    // MARK: The owner

    /// A run begins, or begins again from a snapshot.
    func begin(_ publication: Publication, _ configuration: Configuration, format: String) {
        contents.withLock {
            $0.publication = publication
            $0.configuration = configuration
            $0.format = format
        }
    }

    /// The sequence of the last publication, so that a run that begins again counts on.
    var sequence: Int { info?.sequence ?? 0 }

    /// Wakes those who wait for what was published now.
    func didPublish() {
        guard let positions = info?.positions else { return }
        contents.withLock { contents in
            contents.waiters.removeAll { waiter in
                guard Self.has(positions, waiter.part, waiter.offset) else { return false }
                waiter.wake.signal()
                return true
            }
        }
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

    /// Uses the current version, for a short while; nil before the first one.
    func read<R>(_ body: (Pipeline, VersionInfo) -> R) -> R? {
        let publication = contents.withLock { $0.publication }
        guard let publication, publication.hasVersion else { return nil }
        return publication.read(body)
    }

    /// What predictors need to decode records; nil before the first version.
    var decoding: (configuration: Configuration, format: String)? {
        contents.withLock { contents in contents.configuration.map { ($0, contents.format) } }
    }

    /// Waits until a version is published in which the record at `offset` of `part` counts. Blocks the thread.
    /// - Returns: false when that took longer than `seconds`.
    public func wait(for part: String, offset: Int, seconds: Double) -> Bool {
        let wake = DispatchSemaphore(value: 0)
        let isThere = contents.withLock { contents in
            if let positions = contents.publication?.read({ $1 }).positions, Self.has(positions, part, offset) {
                return true
            }
            contents.waiters.append((part, offset, wake))
            return false
        }
        if isThere || wake.wait(timeout: .now() + seconds) == .success { return true }
        contents.withLock { contents in contents.waiters.removeAll { $0.wake === wake } }
        return false
    }
}

/// What a model is and how it does, at one published version.
public struct ModelStatus: Sendable {
    public let info: VersionInfo
    public let task: Task
    public let classes: [String]
    public let fields: [Field]
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

    init(_ pipeline: Pipeline, _ info: VersionInfo, _ configuration: Configuration) {
        self.info = info
        task = pipeline.schema.task
        classes = pipeline.classNames
        fields = pipeline.schema.fields
        isFeatureNative = pipeline.schema.isFeatureNative
        learner = configuration.learner.name
        hyperparameters = pipeline.hyperparameters.resolved.map { (name: $0.0, value: $0.1) }
        let evaluation = pipeline.evaluation
        records = evaluation.records
        learned = evaluation.learned
        rejected = evaluation.rejected
        metrics = evaluation.metrics
        baselines = evaluation.baselines
        bytes = pipeline.stateByteCount
    }

    /// Seconds since this version was published.
    public var ageSeconds: Double {
        Double(DispatchTime.now().uptimeNanoseconds &- info.uptimeNanoseconds) / 1e9
    }
}
