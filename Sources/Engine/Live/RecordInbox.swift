import Connectors
import Dispatch
import Records
import Synchronization

/// A record that could not be taken in.
public enum InboxError: Error, Sendable {
    /// Too much waits already; try again later.
    case full
    /// The run has not come to it yet; try again later.
    case starting
    /// The run has ended or is about to.
    case closed
}

/// Records that other threads of this process hand in (over HTTP): a source of one part, which cannot be replayed.
///
/// It ends when it is closed, not when the run is asked to stop: who hands records in closes it after the last answer, and
/// what was taken in until then is learned.
public final class RecordInbox: MessageSource, Sendable {
    public static let partName = "http/0"
    public let isReplayable = false
    public let group: String? = nil
    private let maximumBytes: Int
    private let arrived = DispatchSemaphore(value: 0)

    private struct Contents {
        var lines: [UInt8] = []
        /// Where each waiting record begins in `lines`.
        var starts: [Int] = []
        /// Offset of the next record to come.
        var next = 0
        var isOpen = false
        var isClosed = false
    }
    private let contents = Mutex(Contents())

    /// - Parameter maximumBytes: of records waiting to be learned.
    public init(maximumBytes: Int = 16 << 20) { self.maximumBytes = maximumBytes }

    /// Hands in records, one a line, no line blank.
    ///
    /// - Returns: their offsets, for `LiveModel.wait`.
    public func submit(_ records: [UnsafeRawBufferPointer]) throws(InboxError) -> Range<Int> {
        let bytes = records.reduce(0) { $0 + $1.count + 1 }
        let offsets: Result<Range<Int>, InboxError> = contents.withLock { contents in
            if contents.isClosed { return .failure(.closed) }
            // Only an open inbox knows from which offset it counts.
            guard contents.isOpen else { return .failure(.starting) }
            guard contents.lines.isEmpty || contents.lines.count + bytes <= maximumBytes else { return .failure(.full) }
            for record in records {
                contents.starts.append(contents.lines.count)
                contents.lines.append(contentsOf: record)
                contents.lines.append(UInt8(ascii: "\n"))
            }
            contents.next += records.count
            return .success(contents.next - records.count..<contents.next)
        }
        arrived.signal()
        return try offsets.get()
    }

    public func open(_ ledger: any PartLedger) throws(ConnectorError) {
        let claim = try ledger.claim(Self.partName)
        contents.withLock { contents in
            if case .granted(let next?) = claim { contents.next = next + contents.starts.count }
            contents.isOpen = true
        }
    }

    public func next(waiting seconds: Double, recycling recycled: MessageBlock?) -> MessageEvent {
        if let block = take(recycled) { return .messages(block) }
        _ = arrived.wait(timeout: .now() + seconds)
        if let block = take(recycled) { return .messages(block) }
        return contents.withLock { $0.isClosed && $0.starts.isEmpty } ? .end : .idle
    }

    /// Bytes and records that wait to be learned.
    public var waiting: (records: Int, bytes: Int) { contents.withLock { ($0.starts.count, $0.lines.count) } }

    private func take(_ recycled: MessageBlock?) -> MessageBlock? {
        contents.withLock { contents in
            guard !contents.starts.isEmpty else {
                // What one burst needed is not kept for ever.
                if contents.lines.capacity > 1 << 20 { contents.lines = [] }
                return nil
            }
            let block = recycled ?? MessageBlock()
            block.parts = [Self.partName]
            contents.lines.withUnsafeBufferPointer {
                block.chunk.append(ByteRange($0.baseAddress, $0.count))
            }
            block.chunk.sealPadding()
            let first = contents.next - contents.starts.count
            for (index, start) in contents.starts.enumerated() {
                block.marks.append(MessageMark(kind: .record, part: 0, offset: first + index, start: start))
            }
            contents.lines.removeAll(keepingCapacity: true)
            contents.starts.removeAll(keepingCapacity: true)
            return block
        }
    }

    public func completeRelease() {}

    /// What was handed out and not saved is gone: the model went back to its newest snapshot.
    public func rewind() {}

    public var status: SourceStatus { SourceStatus() }

    /// Takes nothing in any more.
    public func close() {
        contents.withLock { $0.isClosed = true }
        arrived.signal()
    }
}
