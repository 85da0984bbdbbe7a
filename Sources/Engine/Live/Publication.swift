import Connectors
import Dispatch
import State
import Synchronization

/// What a published version is, besides its arrays.
public struct VersionInfo: Sendable {
    /// Records learned: what a prediction names as the model's version.
    public var version = 0
    /// Counts publications since the process began.
    public var sequence = 0
    /// Where the sources stood: what was consumed before is in this version.
    public var positions: [PartPosition] = []
    /// When it was published, on the clock that is never set.
    public var uptimeNanoseconds: UInt64 = 0
}

/// Two copies of the learned state that take turns: readers use the current one while the owner learns on and brings the
/// other up to date, copying what changed. A reader never sees half a change, and never stalls learning: when readers
/// still hold the copy that is due, publishing waits for the next mini-batch.
final class Publication: @unchecked Sendable {
    private final class Copy: Sendable {
        /// Guarded by `info`'s lock, as are the scratch buffers a prediction needs.
        nonisolated(unsafe) let pipeline: Pipeline
        nonisolated(unsafe) let replica: Replica
        let info = Mutex(VersionInfo())

        init(_ pipeline: Pipeline, _ replica: Replica) {
            self.pipeline = pipeline
            self.replica = replica
        }
    }

    /// Publishing may take this share of the learning thread's time.
    private static let share = 0.05
    private let pipeline: Pipeline
    private let replicas: ReplicaGroup
    private let copies: [Copy]
    private let current = Atomic<Int>(0)
    private let isPublished = Atomic<Bool>(false)
    private var sequence: Int
    private var next: UInt64 = 0
    /// Learned since the last publication.
    var isBehind = true

    /// - Parameter sequence: of the last publication before this object.
    init(_ pipeline: Pipeline, _ replicas: ReplicaGroup, sequence: Int) throws {
        self.pipeline = pipeline
        self.replicas = replicas
        self.sequence = sequence
        copies = try (0..<2).map { _ in
            let twin = try Pipeline(
                configuration: pipeline.configuration, schema: pipeline.schema, keepsPending: false)
            return Copy(twin, replicas.makeReplica(twin: twin))
        }
    }

    /// At a batch boundary: publishes when the last time is long enough ago for its cost. Returns whether it did.
    func tick(_ positions: [PartPosition]) -> Bool {
        isBehind = true
        return DispatchTime.now().uptimeNanoseconds >= next && publish(positions)
    }

    /// Publishes now, unless readers hold the copy that is due. Only the owner.
    @discardableResult func publish(_ positions: [PartPosition]) -> Bool {
        let start = DispatchTime.now().uptimeNanoseconds
        let due = 1 - current.load(ordering: .relaxed)
        let copy = copies[due]
        let done: Bool? = copy.info.withLockIfAvailable { info in
            replicas.note()
            copy.replica.update()
            sequence += 1
            info = VersionInfo(
                version: pipeline.version, sequence: sequence, positions: positions, uptimeNanoseconds: start)
            return true
        }
        guard done != nil else { return false }
        current.store(due, ordering: .releasing)
        isPublished.store(true, ordering: .releasing)
        isBehind = false
        let end = DispatchTime.now().uptimeNanoseconds
        next = end + UInt64(Double(end - start) / Self.share)
        return true
    }

    /// The owner's version; what was published last, right after `publish`.
    var version: Int { pipeline.version }

    /// False until the first publication.
    var hasVersion: Bool { isPublished.load(ordering: .acquiring) }

    /// Lets a reader use the current version; for short work only.
    func read<R, E: Error>(_ body: (Pipeline, VersionInfo) throws(E) -> R) throws(E) -> R {
        let copy = copies[current.load(ordering: .acquiring)]
        return try copy.info.withLock { info throws(E) in try body(copy.pipeline, info) }
    }
}
