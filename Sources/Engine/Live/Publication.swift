import Connectors
import Dispatch
import Glibc
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
/// still hold the copy that is due, publishing waits for the next mini-batch. As new readers take the current one, those
/// that are at it when turns change are all it ever waits for.
final class Publication: @unchecked Sendable {
    private struct Turn {
        var info = VersionInfo()
        /// Readers that hold the copy: it stays as it is.
        var readers = 0
    }

    fileprivate final class Copy: Sendable {
        nonisolated(unsafe) let pipeline: Pipeline
        nonisolated(unsafe) let replica: Replica
        /// Held while the copy is brought up to date.
        private let turn = Mutex(Turn())
        /// Held while a prediction uses the pipeline's scratch buffers.
        private let use = Mutex(())

        init(_ pipeline: Pipeline, _ replica: Replica) {
            self.pipeline = pipeline
            self.replica = replica
        }

        /// Lets `update` change the copy; nil: readers hold it.
        func change(_ update: () -> VersionInfo) -> Bool {
            let done: Bool? = turn.withLockIfAvailable { turn in
                guard turn.readers == 0 else { return false }
                turn.info = update()
                return true
            }
            return done ?? false
        }

        func take() -> VersionInfo {
            turn.withLock {
                $0.readers += 1
                return $0.info
            }
        }

        func giveBack() { turn.withLock { $0.readers -= 1 } }

        func withPipeline<R, E: Error>(_ body: (Pipeline) throws(E) -> R) throws(E) -> R {
            try use.withLock { _ throws(E) in try body(pipeline) }
        }
    }

    /// A version that stays as long as it is held.
    struct Held {
        fileprivate let copy: Copy
        let info: VersionInfo

        /// Lets one reader at a time use the version's pipeline: for a mini-batch, so that others get their turn.
        func use<R, E: Error>(_ body: (Pipeline) throws(E) -> R) throws(E) -> R { try copy.withPipeline(body) }
    }

    /// Publishing may take this share of the learning thread's time. Beside the copying itself, learning pays for what
    /// it pushed out of the caches.
    private static let share = 0.05
    /// While learning is busy, nothing is published more often than this: fresher would cost and nobody would notice.
    private static let shortest: UInt64 = 15_000_000
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
        let used = Self.threadNanoseconds
        let due = 1 - current.load(ordering: .relaxed)
        let copy = copies[due]
        let isDone = copy.change {
            replicas.note()
            copy.replica.update()
            sequence += 1
            return VersionInfo(
                version: pipeline.version, sequence: sequence, positions: positions, uptimeNanoseconds: start)
        }
        guard isDone else { return false }
        current.store(due, ordering: .releasing)
        isPublished.store(true, ordering: .releasing)
        isBehind = false
        let end = DispatchTime.now().uptimeNanoseconds
        next = max(start + Self.shortest, end + UInt64(Double(Self.threadNanoseconds - used) / Self.share))
        return true
    }

    /// What the calling thread has worked: on a busy machine the time that passes says little of what publishing costs.
    private static var threadNanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The owner's version; what was published last, right after `publish`.
    var version: Int { pipeline.version }

    /// False until the first publication.
    var hasVersion: Bool { isPublished.load(ordering: .acquiring) }

    /// Lets a reader use the current version; for short work only.
    func read<R, E: Error>(_ body: (Pipeline, VersionInfo) throws(E) -> R) throws(E) -> R {
        try hold { held throws(E) in try held.use { pipeline throws(E) in try body(pipeline, held.info) } }
    }

    /// Lets a reader hold the current version for several uses; until then at most one more is published.
    func hold<R, E: Error>(_ body: (Held) throws(E) -> R) throws(E) -> R {
        let copy = copies[current.load(ordering: .acquiring)]
        let info = copy.take()
        defer { copy.giveBack() }
        return try body(Held(copy: copy, info: info))
    }
}
