import Connectors
import Dispatch
import Glibc
import Records
import Snapshots
import Synchronization

/// A record that could not be taken in.
public enum InboxError: Error, Sendable {
    /// Too much waits already; try again later.
    case full
    /// The run has not come to it yet; try again later.
    case starting
    /// The run has ended or is about to.
    case closed
    /// Nothing can be made durable: there is no journal.
    case noJournal
    /// The journal could not be written; nothing was taken in. `isFull`: there is no room for it.
    case notWritten(String, isFull: Bool)
}

/// What an entry of the inbox and its journal is.
public enum InboxEntryKind: UInt8, Sendable {
    /// Records to learn, one a line.
    case records = 1
}

/// Records that other threads of this process hand in (over HTTP): a source of one part.
///
/// With a journal they are on disk before they are learned, and a run that begins again takes them from there: the source
/// can be replayed. Without one, what was handed out and not saved is gone.
///
/// It ends when it is closed, not when the run is asked to stop: who hands records in closes it after the last answer, and
/// what was taken in until then is learned.
public final class RecordInbox: MessageSource, Sendable {
    public static let partName = "http/0"
    /// Of the journal, in the directory of snapshots.
    static let journalName = "http.journal"
    public let group: String? = nil
    private let maximumBytes: Int
    private let arrived = DispatchSemaphore(value: 0)
    /// Writes the journal; a flush blocks it and nobody else.
    private let thread = DispatchQueue(label: "thalweg.journal")

    /// Told the offsets of records that are on disk, or why they are not.
    public typealias Acknowledgement = @Sendable (Result<Range<Int>, InboxError>) -> Void

    /// Entries in their order.
    private struct Waiting {
        var lines: [UInt8] = []
        var entries: [JournalEntry] = []
        /// Of each entry; nil: nobody waits for its flush.
        var acknowledgements: [Acknowledgement?] = []
        var records = 0

        mutating func append(_ entry: JournalEntry, _ acknowledgement: Acknowledgement?) {
            entries.append(entry)
            acknowledgements.append(acknowledgement)
            records += entry.count
        }
    }
    private struct Contents {
        /// To be handed out.
        var queue = Waiting()
        /// To be written to the journal before.
        var pending = Waiting()
        /// Bytes and records being written.
        var writing = (bytes: 0, records: 0)
        var isWriting = false
        /// Offset of the next record to come.
        var next = 0
        /// The offset after the last one handed out of the queue.
        var handedOut = 0
        var journal: Journal?
        var hasFailed = false
        /// What the journal has and is to be handed out before the queue.
        var replay: Replay?
        var ledger: (any PartLedger)?
        var warn: @Sendable (String) -> Void = { _ in }
        var isOpen = false
        var isClosed = false
    }
    private let contents = Mutex(Contents())

    /// - Parameter maximumBytes: of records waiting to be learned.
    public init(maximumBytes: Int = 16 << 20) { self.maximumBytes = maximumBytes }

    /// Journals what is handed in from now on; before the run opens it.
    func use(_ journal: Journal, warn: @escaping @Sendable (String) -> Void) {
        contents.withLock {
            $0.journal = journal
            $0.warn = warn
        }
    }

    public var isReplayable: Bool { contents.withLock { $0.journal != nil } }

    // MARK: Handing in

    /// Hands in records, one a line, no line blank.
    ///
    /// - Parameter acknowledgement: told once, unless this throws, when they are on disk, or that they are not and will
    ///   not be learned; on the journal's thread.
    /// - Returns: their offsets, for `LiveModel.wait`.
    public func submit(
        _ records: [UnsafeRawBufferPointer], acknowledgement: Acknowledgement? = nil
    ) throws(InboxError) -> Range<Int> {
        let bytes = records.reduce(0) { $0 + $1.count + 1 }
        var isJournalled = false
        let outcome: Result<(Range<Int>, Bool), InboxError> = contents.withLock { contents in
            isJournalled = contents.journal != nil
            if contents.isClosed { return .failure(.closed) }
            // Only an open inbox knows from which offset it counts.
            guard contents.isOpen else { return .failure(.starting) }
            guard acknowledgement == nil || contents.journal != nil else { return .failure(.noJournal) }
            let waiting = Self.waiting(contents)
            guard waiting.records == 0 || waiting.bytes + bytes <= maximumBytes else { return .failure(.full) }
            let entry = JournalEntry(
                kind: InboxEntryKind.records.rawValue, first: contents.next, count: records.count, byteCount: bytes)
            contents.next += records.count
            guard contents.journal != nil else {
                Self.append(records, entry, nil, to: &contents.queue)
                return .success((entry.first..<entry.end, false))
            }
            Self.append(records, entry, acknowledgement, to: &contents.pending)
            defer { contents.isWriting = true }
            return .success((entry.first..<entry.end, !contents.isWriting))
        }
        let (offsets, startsWriting) = try outcome.get()
        if startsWriting { thread.async { self.writeJournal() } }
        // The journal's thread tells of what goes through it.
        if !isJournalled { arrived.signal() }
        return offsets
    }

    private static func append(
        _ records: [UnsafeRawBufferPointer], _ entry: JournalEntry, _ acknowledgement: Acknowledgement?,
        to waiting: inout Waiting
    ) {
        for record in records {
            waiting.lines.append(contentsOf: record)
            waiting.lines.append(UInt8(ascii: "\n"))
        }
        waiting.append(entry, acknowledgement)
    }

    /// Bytes and records that wait to be learned.
    public var waiting: (records: Int, bytes: Int) { contents.withLock { Self.waiting($0) } }

    private static func waiting(_ contents: Contents) -> (records: Int, bytes: Int) {
        (
            contents.queue.records + contents.pending.records + contents.writing.records,
            contents.queue.lines.count + contents.pending.lines.count + contents.writing.bytes
        )
    }

    /// Takes nothing in any more.
    public func close() {
        contents.withLock { $0.isClosed = true }
        arrived.signal()
    }

    // MARK: Journalling

    /// Writes what is pending until nothing is: all that came meanwhile shares the next flush.
    private func writeJournal() {
        while let (group, journal) = takePending() {
            let flushes = group.acknowledgements.contains { $0 != nil }
            var failure: InboxError?
            do throws(SnapshotError) {
                try journal.append(group.entries, group.lines, flushes: flushes)
            } catch { failure = .notWritten(error.description, isFull: error.isFull) }
            finish(group, failure)
        }
        arrived.signal()
    }

    private func takePending() -> (Waiting, Journal)? {
        contents.withLock { contents in
            guard !contents.pending.entries.isEmpty, let journal = contents.journal else {
                contents.isWriting = false
                return nil
            }
            let group = contents.pending
            contents.pending = Waiting()
            contents.writing = (group.lines.count, group.records)
            return (group, journal)
        }
    }

    /// Queues what is journalled. Without it only what nobody was promised for is learned.
    private func finish(_ group: Waiting, _ failure: InboxError?) {
        let warning: (text: String, warn: @Sendable (String) -> Void)? = contents.withLock { contents in
            contents.writing = (0, 0)
            Self.queue(group, isJournalled: failure == nil, in: &contents)
            let isNews = failure != nil && !contents.hasFailed
            contents.hasFailed = failure != nil
            guard isNews, case .notWritten(let reason, _)? = failure else { return nil }
            return (reason, contents.warn)
        }
        arrived.signal()
        for (entry, acknowledgement) in zip(group.entries, group.acknowledgements) {
            acknowledgement?(failure.map { .failure($0) } ?? .success(entry.first..<entry.end))
        }
        if let warning {
            warning.warn(
                "the journal cannot be written: \(warning.text); ack=durable is refused, other records are learned without "
                    + "it until it can be")
        }
    }

    private static func queue(_ group: Waiting, isJournalled: Bool, in contents: inout Contents) {
        if isJournalled, contents.queue.entries.isEmpty {
            contents.queue = group
            return
        }
        var start = 0
        for (entry, acknowledgement) in zip(group.entries, group.acknowledgements) {
            if isJournalled || acknowledgement == nil {
                contents.queue.lines.append(contentsOf: group.lines[start..<start + entry.byteCount])
                contents.queue.append(entry, nil)
            }
            start += entry.byteCount
        }
    }

    /// Everything before `offset` is in every snapshot that may be gone back to.
    func prune(before offset: Int) { contents.withLock { $0.journal }?.prune(before: offset) }

    // MARK: The run's side

    public func open(_ ledger: any PartLedger) throws(ConnectorError) {
        let claim = try ledger.claim(Self.partName)
        contents.withLock { contents in
            contents.ledger = ledger
            let end = contents.journal?.end ?? 0
            contents.next = max(Self.start(claim), end)
            contents.handedOut = contents.next
            contents.replay = contents.journal.flatMap { Replay($0, from: Self.start(claim), to: end) }
            contents.isOpen = true
        }
    }

    private static func start(_ claim: PartClaim) -> Int {
        if case .granted(let next?) = claim { next } else { 0 }
    }

    public func next(waiting seconds: Double, recycling recycled: MessageBlock?) throws(ConnectorError) -> MessageEvent
    {
        if let block = try take(recycled) { return .messages(block) }
        _ = arrived.wait(timeout: .now() + seconds)
        if let block = try take(recycled) { return .messages(block) }
        return contents.withLock { contents in
            contents.isClosed && !contents.isWriting && contents.queue.entries.isEmpty ? .end : .idle
        }
    }

    private func take(_ recycled: MessageBlock?) throws(ConnectorError) -> MessageBlock? {
        if let replay = contents.withLock({ $0.replay }) {
            let block = recycled ?? MessageBlock()
            if try replay.fill(block) { return block }
            contents.withLock { $0.replay = nil }
        }
        let taken: Waiting? = contents.withLock { contents in
            guard let last = contents.queue.entries.last else { return nil }
            contents.handedOut = last.end
            let taken = contents.queue
            contents.queue = Waiting()
            return taken
        }
        guard let taken else { return nil }
        let block = recycled ?? MessageBlock()
        block.chunk.reserve(taken.lines.count)
        var start = 0
        for entry in taken.entries {
            try block.append(entry, taken.lines[start..<start + entry.byteCount], from: entry.first)
            start += entry.byteCount
        }
        block.chunk.sealPadding()
        return block
    }

    public func completeRelease() {}

    /// Goes back to where the ledger says, as far as there is a journal.
    public func rewind() throws(ConnectorError) {
        let ledger = contents.withLock { $0.ledger }
        guard let ledger else { return }
        let claim = try ledger.claim(Self.partName)
        contents.withLock { contents in
            guard let journal = contents.journal else { return }
            contents.replay = Replay(journal, from: Self.start(claim), to: contents.replay?.end ?? contents.handedOut)
        }
    }

    public var status: SourceStatus { SourceStatus() }
}

extension RecordInbox {
    /// Journalled records on their way to be learned again; the decoding thread's.
    fileprivate final class Replay: @unchecked Sendable {
        let end: Int
        private let start: Int
        private var reader: JournalReader

        /// Nil: nothing is to be replayed.
        init?(_ journal: Journal, from start: Int, to end: Int) {
            guard start < end else { return nil }
            self.start = start
            self.end = end
            reader = journal.entries(start..<end)
        }

        /// Puts the next entries into a block; false: there are none.
        func fill(_ block: MessageBlock) throws(ConnectorError) -> Bool {
            while block.chunk.count < MessageBlock.capacity / 2 {
                let found: (entry: JournalEntry, bytes: ArraySlice<UInt8>)?
                do throws(SnapshotError) { found = try reader.next() } catch {
                    throw ConnectorError("the journal cannot be read: \(error.description)")
                }
                guard let (entry, bytes) = found else { break }
                try block.append(entry, bytes, from: start)
            }
            block.chunk.sealPadding()
            return !block.marks.isEmpty
        }
    }
}

extension MessageBlock {
    /// Appends the records of an entry from an offset on.
    fileprivate func append(_ entry: JournalEntry, _ bytes: ArraySlice<UInt8>, from first: Int) throws(ConnectorError) {
        guard InboxEntryKind(rawValue: entry.kind) != nil else {
            throw ConnectorError(
                "the journal holds entries of kind \(entry.kind), which this version does not know: use a newer one")
        }
        parts = [RecordInbox.partName]
        chunk.reserve(chunk.count + bytes.count)
        bytes.withUnsafeBufferPointer { all in
            var rest = ByteRange(all.baseAddress, all.count)
            for offset in entry.first..<entry.end {
                guard let start = rest.start, rest.count > 0 else { return }
                let length = memchr(start, 10, rest.count).map { UnsafeRawPointer($0) - UnsafeRawPointer(start) + 1 }
                let record = ByteRange(start, length ?? rest.count)
                rest = ByteRange(start + record.count, rest.count - record.count)
                guard offset >= first else { continue }
                marks.append(MessageMark(kind: .record, part: 0, offset: offset, start: chunk.count))
                chunk.append(record)
            }
        }
    }
}
