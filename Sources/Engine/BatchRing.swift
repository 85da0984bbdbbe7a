import Connectors
import Dispatch
import Records
import Synchronization

/// A decoded batch on its way to the learner, with where its source stands after it.
final class FilledBatch: @unchecked Sendable {
    let records: RecordBatch
    /// Of every part read so far, after this batch's last record.
    var positions: [PartPosition] = []
    /// Set: the producer waits until everything up to here is learned and durable, and this is signalled.
    var barrier: Barrier?

    init(_ records: RecordBatch) { self.records = records }
}

/// Where the decoding thread waits for the learning thread.
final class Barrier: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() { semaphore.wait() }
    func signal() { semaphore.signal() }
}

/// How a stream of batches ended.
enum StreamEnd: Sendable {
    case endOfInput
    case stopped
    /// These parts are another worker's now, who starts at the last durable snapshot.
    case lost([String])
    case failed(EngineError)
}

/// Hands recycled batches from the decoding thread to the learning thread and back: one producer, one consumer,
/// bounded, so that a slow learner slows the source.
final class BatchRing: @unchecked Sendable {
    private let depth: Int
    private var slots: [FilledBatch]
    private var written = 0
    private var read = 0
    private let free = DispatchSemaphore(value: 0)
    /// Signalled for every batch passed on and for the end; several rings may share it.
    private let filled: DispatchSemaphore
    /// What was signalled of this ring and not taken yet.
    private let ready = Atomic<Int>(0)
    /// Set by the producer before its last signal.
    private var end: StreamEnd?
    private let lastWritten = Atomic<Int>(Int.max)

    init(depth: Int, filled: DispatchSemaphore = DispatchSemaphore(value: 0), make: () -> RecordBatch) {
        self.depth = depth
        self.filled = filled
        slots = (0..<depth).map { _ in FilledBatch(make()) }
        // A semaphore must not end below its first value, so it starts at 0.
        for _ in 0..<depth { free.signal() }
    }

    /// Producer: the next batch to fill, empty. Waits until there is one.
    func nextFree() -> FilledBatch {
        free.wait()
        let batch = slots[written % depth]
        batch.records.recycle()
        batch.barrier = nil
        return batch
    }

    /// Producer: passes on the batch of the last `nextFree`.
    func passOn() {
        written += 1
        ready.add(1, ordering: .releasing)
        filled.signal()
    }

    /// Producer: the batch of the last `nextFree` stays unused.
    func returnFree() { free.signal() }

    /// Producer: nothing comes after what was passed on.
    func finish(_ end: StreamEnd) {
        self.end = end
        lastWritten.store(written, ordering: .releasing)
        ready.add(1, ordering: .releasing)
        filled.signal()
    }

    /// Consumer, once `filled` was waited for: whether it was this ring's.
    func takeReady() -> Bool {
        guard ready.load(ordering: .acquiring) > 0 else { return false }
        ready.subtract(1, ordering: .acquiring)
        return true
    }

    /// Consumer of a ring that shares its semaphore with no other: waits for a batch or the end.
    func waitForReady(_ seconds: Double?) -> Bool {
        guard let seconds else {
            filled.wait()
            return takeReady()
        }
        return filled.wait(timeout: .now() + seconds) == .success && takeReady()
    }

    /// Consumer, after `takeReady`: the next batch, nil at the end.
    func nextFilled() -> FilledBatch? {
        if read == lastWritten.load(ordering: .acquiring), end != nil { return nil }
        return slots[read % depth]
    }

    /// Consumer: gives back the batch of the last `nextFilled`.
    func giveBack() {
        read += 1
        free.signal()
    }

    /// Consumer, after `nextFilled` returned nil.
    var outcome: StreamEnd { end ?? .endOfInput }
}
