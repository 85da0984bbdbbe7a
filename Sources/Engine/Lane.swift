import Connectors
import Dispatch
import Records

/// One source of a run with the thread that reads and decodes it. A run has one for its input, and one for records that
/// other threads hand in.
final class Lane {
    let source: any Source
    let reader: any BatchReader
    let ledger: WorkerLedger?
    let isInbox: Bool
    /// Ends this lane alone, for the run to begin again; an inbox does not hear of other stops.
    private let laneStop = StopRequest()
    private let thread: DispatchQueue
    /// Where this lane's parts stand after what was learned of them.
    var positions: [PartPosition] = []

    init(
        _ source: any Source, _ configuration: Configuration, _ options: RunOptions, _ directory: WorkerDirectory?
    ) throws {
        self.source = source
        isInbox = source is RecordInbox
        thread = DispatchQueue(label: isInbox ? "thalweg.inbox" : "thalweg.decoding")
        if let messages = source as? any MessageSource {
            nonisolated(unsafe) let warn = options.warn
            // Nobody else can take an inbox over: it needs no locks.
            let ledger = WorkerLedger(isInbox ? nil : directory, group: messages.group) { warn($0) }
            self.ledger = ledger
            reader = MessageReader(
                source: messages, configuration: configuration, stop: isInbox ? laneStop : options.stop,
                ledger: ledger,
                // Whoever hands a record in waits for it.
                batchWait: isInbox ? 0 : configuration.batchWait)
        } else if let bytes = source as? any ByteSource {
            ledger = nil
            reader = RecordReader(source: bytes, configuration: configuration, stop: options.stop)
        } else {
            throw EngineError("a source must be a ByteSource or a MessageSource")
        }
    }

    /// Ends an inbox's lane: for good, or until the run begins again.
    func stopInbox(forGood: Bool) {
        guard isInbox else { return }
        if forGood { reader.close() } else { laneStop.request(-1) }
    }

    /// Whether a part of a snapshot is this lane's.
    func owns(_ part: PartPosition) -> Bool { (part.name == RecordInbox.partName) == isInbox }

    func start(_ ring: BatchRing) {
        let reader = reader
        laneStop.request(0)
        if reader.format != nil { thread.async { reader.run(ring) } } else { ring.finish(.endOfInput) }
    }

    /// Waits until the thread has left the reader for good.
    func join() { thread.sync {} }
}
