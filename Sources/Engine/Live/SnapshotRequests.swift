import Synchronization

/// A durable snapshot, as the one who asked for it is told.
public struct TakenSnapshot: Sendable {
    /// Of the file in the directory of snapshots.
    public let name: String
    /// Records consumed.
    public let records: Int
    public let version: Int
    public let bytes: Int
}

/// Wishes of other threads for a snapshot, which the learning thread fulfils at the next batch boundary.
final class SnapshotRequests: Sendable {
    typealias Answer = @Sendable (Result<TakenSnapshot, EngineError>) -> Void

    private struct Contents {
        var answers: [Answer] = []
        var wake: @Sendable () -> Void = {}
        var isOver = false
    }
    private let contents = Mutex(Contents())
    private let isAny = Atomic<Bool>(false)

    /// - Parameter wake: makes the learning thread look, however little comes.
    func begin(wake: @escaping @Sendable () -> Void) { contents.withLock { $0.wake = wake } }

    func add(_ answer: @escaping Answer) {
        let wake: (@Sendable () -> Void)? = contents.withLock { contents in
            guard !contents.isOver else { return nil }
            contents.answers.append(answer)
            isAny.store(true, ordering: .releasing)
            return contents.wake
        }
        guard let wake else { return answer(.failure(EngineError("the run is over", .stopped))) }
        wake()
    }

    /// Looked at between mini-batches, so no lock.
    var isWanted: Bool { isAny.load(ordering: .acquiring) }

    func take() -> [Answer] {
        contents.withLock { contents in
            isAny.store(false, ordering: .releasing)
            defer { contents.answers = [] }
            return contents.answers
        }
    }

    /// The run is over: nobody waits in vain.
    func end() {
        contents.withLock { $0.isOver = true }
        for answer in take() { answer(.failure(EngineError("the run is over", .stopped))) }
    }
}

extension LiveModel {
    /// Takes a snapshot now and waits until it is durable.
    ///
    /// - Throws: when the run has no directory of snapshots, knows no record, or the snapshot cannot be written.
    public func takeSnapshot() async throws(EngineError) -> TakenSnapshot {
        let outcome = await withCheckedContinuation { continuation in
            snapshotRequests.add { continuation.resume(returning: $0) }
        }
        return try outcome.get()
    }
}
