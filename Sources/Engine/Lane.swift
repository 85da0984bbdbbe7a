import Connectors
import Dispatch
import Records

/// One source of a run with the thread that reads and decodes it. A run has one for its input, and may have one for
/// targets that come later and one for records that other threads hand in.
final class Lane {
    enum Kind {
        case input
        case targets
        case inbox
    }

    let kind: Kind
    let source: any Source
    let reader: any BatchReader
    let ledger: WorkerLedger?
    var isInbox: Bool { kind == .inbox }
    /// Ends this lane alone, for the run to begin again; an inbox does not hear of other stops.
    private let laneStop = StopRequest()
    private let thread: DispatchQueue
    /// Opens the source on the lane's thread, where nothing can wait for it; false = there is nothing to read.
    var openLater: (@Sendable () throws -> Bool)?
    /// Where this lane's parts stand after what was learned of them.
    var positions: [PartPosition] = []

    init(
        _ source: any Source, _ kind: Kind, _ configuration: Configuration, _ options: RunOptions,
        _ directory: WorkerDirectory?
    ) throws {
        self.source = source
        // An inbox may also be the input.
        self.kind = source is RecordInbox ? .inbox : kind
        let isInbox = source is RecordInbox
        thread = DispatchQueue(label: isInbox ? "thalweg.inbox" : "thalweg.decoding")
        if let messages = source as? any MessageSource {
            nonisolated(unsafe) let warn = options.warn
            // Nobody else can take an inbox over: it needs no locks.
            let ledger = WorkerLedger(isInbox ? nil : directory, group: messages.group) { warn($0) }
            self.ledger = ledger
            reader = MessageReader(
                source: messages, configuration: configuration, stop: isInbox ? laneStop : options.stop,
                ledger: ledger,
                sources: self.kind == .input ? configuration.sources : [],
                // Whoever hands a record in waits for it.
                batchWait: isInbox ? 0 : configuration.batchWait)
        } else if let bytes = source as? any ByteSource {
            ledger = nil
            reader = RecordReader(
                source: bytes, configuration: configuration, sources: kind == .input ? configuration.sources : [],
                stop: options.stop,
                dropsPartialBatch: options.joinsInTurns || configuration.batchMode == .mean)
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
    ///
    /// - Parameter targets: the names of those that bring targets.
    func owns(_ part: PartPosition, targets: [String]) -> Bool {
        switch kind {
        case .inbox: part.name == RecordInbox.partName
        case .targets: targets.contains(part.name)
        case .input: part.name != RecordInbox.partName && !targets.contains(part.name)
        }
    }

    /// An empty batch as this lane's reader fills it.
    func makeBatch(_ pipeline: Pipeline) -> RecordBatch {
        kind == .targets
            ? RecordBatch(capacity: pipeline.configuration.batchSize, for: pipeline.schema.ofTargets)
            : pipeline.makeRecordBatch()
    }

    func start(_ ring: BatchRing) {
        let reader = reader
        laneStop.request(0)
        if let openLater {
            return thread.async {
                do {
                    guard try openLater() else { return ring.finish(.endOfInput) }
                } catch { return ring.finish(.failed(error as? EngineError ?? EngineError("\(error)"))) }
                reader.run(ring)
            }
        }
        if reader.format != nil { thread.async { reader.run(ring) } } else { ring.finish(.endOfInput) }
    }

    /// Waits until the thread has left the reader for good.
    func join() { thread.sync {} }
}
