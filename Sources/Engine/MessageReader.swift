import Connectors
import Dispatch
import Formats
import Records
import Synchronization

/// Takes messages from the parts of a source and decodes them into batches: a message is a record.
///
/// Parts advance by the messages' own offsets, so a batch's positions say exactly which of them were learned.
final class MessageReader: BatchReader, @unchecked Sendable {
    /// Seconds to wait for more records than the first before the schema is fixed.
    private static let patience = 0.8
    /// Longest wait in one go, so that a stop is noticed.
    private static let breath = 0.05

    private let source: any MessageSource
    private let configuration: Configuration
    private let stop: StopRequest
    private let ledger: WorkerLedger
    /// Topics are consumed alone: all records have the same names and units.
    private let mapping: SourceMapping?
    private var conversions = NumberConversions()
    /// Seconds an incomplete batch waits.
    private let batchWait: Double
    private var parts: [PartPosition] = []
    /// Index into `parts` of each of the source's.
    private var partIndexes: [Int] = []
    /// Blocks not yet decoded to their end, the first one in work.
    private var pending: [MessageBlock] = []
    /// Blocks that batches may still point into.
    private var used: [MessageBlock] = []
    private var nextMark = 0
    private var offset = 0
    /// What came while the first records were looked at.
    private var postponed: MessageEvent?
    private var isOpen = false
    private var decoder: (any RecordDecoder)?
    private(set) var format: FormatDescriptor?

    init(
        source: any MessageSource, configuration: Configuration, stop: StopRequest, ledger: WorkerLedger,
        sources: [SourceConfiguration], batchWait: Double
    ) {
        self.batchWait = batchWait
        self.source = source
        self.configuration = configuration
        self.stop = stop
        self.ledger = ledger
        mapping = sources.first?.mapping
    }

    var currentPartName: String { parts.last?.name ?? "input" }

    // MARK: Opening

    func open(at positions: [PartPosition], format name: String?) throws -> Bool {
        parts = positions
        partIndexes = []
        drop()
        ledger.set(positions)
        if isOpen { try source.rewind() } else { try source.open(ledger) }
        isOpen = true
        if let name {
            format = try usable(FormatRegistry.find(name), name)
            return true
        }
        guard try waitForRecord() else { return false }
        guard let chunk = pending.first?.chunk else { return false }
        let head = UnsafeBufferPointer(start: UnsafePointer(chunk.base), count: chunk.count)
        let found = try FormatRegistry.detect(name: "", head: head)
        format = try usable(found, found.name)
        return true
    }

    private func usable(_ format: FormatDescriptor?, _ name: String) throws -> FormatDescriptor {
        guard let format else { throw EngineError("there is no format '\(name)'", .usage) }
        var hasHeader = name == "arff" || name == "csv"
        // Records over HTTP are turned into lines of JSON.
        if name == "csv", case .names = configuration.csv.header, !(source is RecordInbox) { hasHeader = false }
        guard !hasHeader else {
            throw EngineError(
                "\(name) begins with a header, which messages do not have: use jsonl (one object a message), avro, vw, "
                    + "libsvm, or csv with --csv-header names:a,b,c", .usage)
        }
        guard format.isBinary == source.framesPayloads else {
            throw EngineError("records that are handed in over HTTP are JSON, not \(name)", .usage)
        }
        return format
    }

    /// Gathers blocks until one holds a record. False: the end or a stop came first.
    private func waitForRecord() throws -> Bool {
        var hasWarned = false
        while !pending.contains(where: { $0.chunk.count > 0 }) {
            guard stop.signal == 0 else { return false }
            let goesOn = try gather(waiting: Self.breath)
            if let reason = firstRejected {
                guard goesOn else { throw EngineError("there is no record to learn from; \(reason)") }
                if !hasWarned { ledger.warn("no record yet; \(reason)") }
                hasWarned = true
            }
            guard goesOn else { return pending.contains { $0.chunk.count > 0 } }
        }
        return true
    }

    /// Why the first message that holds no record was rejected.
    private var firstRejected: String? {
        for block in pending {
            for mark in block.marks {
                guard case .rejected(let reason) = mark.kind else { continue }
                return "\(block.parts[mark.part]):\(mark.offset): \(block.reasons[reason].reason)"
            }
        }
        return nil
    }

    /// Takes one event without decoding. False: nothing more comes, or something must be done first.
    private func gather(waiting seconds: Double) throws -> Bool {
        guard postponed == nil else { return false }
        switch try source.next(waiting: seconds, recycling: recycled()) {
        case .messages(let block): pending.append(block)
        case .idle: break
        case .end:
            postponed = .end
            return false
        case .release(let names):
            if pending.isEmpty {
                source.completeRelease()
            } else {
                postponed = .release(names)
                return false
            }
        case .lost:
            // Nothing of what was gathered is learned yet.
            drop()
            try source.rewind()
        }
        return true
    }

    func sample() throws -> Sample {
        let sample = try ownSample()
        return mapping?.sample(sample) ?? sample
    }

    private func ownSample() throws -> Sample {
        guard let format, try waitForRecord() else { return Sample() }
        let started = DispatchTime.now().uptimeNanoseconds
        while true {
            var sample = Sample()
            let sampler = format.makeSampler(decoderOptions(configuration.decoderOptions))
            for block in pending where sample.records < SchemaInference.sampleSize && block.chunk.count > 0 {
                _ = try sampler.sample(block.chunk, isEnd: true, limit: SchemaInference.sampleSize, into: &sample)
            }
            let waited = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9
            if sample.records >= SchemaInference.sampleSize || stop.signal != 0 { return sample }
            if sample.records > 0, waited >= Self.patience { return sample }
            // Looking again at every message that comes would take longer than the messages.
            let wanted = pending.reduce(0) { $0 + $1.marks.count } * 5 / 4 + 1
            repeat {
                guard try gather(waiting: Self.breath) else { return sample }
            } while pending.reduce(0, { $0 + $1.marks.count }) < wanted && stop.signal == 0
                && Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9 < Self.patience
        }
    }

    func makeDecoder(schema: Schema, options: DecoderOptions) throws {
        do throws(FormatError) {
            decoder = format?.makeDecoder(try mapping?.schema(for: schema) ?? schema, decoderOptions(options))
        } catch { throw EngineError(error.description, .usage) }
        conversions = mapping?.conversions(schema) ?? NumberConversions()
        decoder?.beginPart()
    }

    private func decoderOptions(_ options: DecoderOptions) -> DecoderOptions {
        var options = options
        options.areMessages = true
        return options
    }

    // MARK: Batches

    /// Why a batch was passed on.
    private enum Pause {
        case full
        case event(MessageEvent)
        case stopped
    }

    func run(_ ring: BatchRing) {
        do { ring.finish(try fillUntilEnd(ring)) } catch let error as EngineError {
            ring.finish(.failed(error))
        } catch let error as ConnectorError {
            ring.finish(.failed(EngineError(error.description)))
        } catch {
            ring.finish(.failed(EngineError("\(error)")))
        }
    }

    private func fillUntilEnd(_ ring: BatchRing) throws -> StreamEnd {
        while true {
            let batch = ring.nextFree()
            let pause = try fill(batch.records)
            // A mean step over part of a batch would not be the step of an uninterrupted run.
            if case .stopped = pause, configuration.batchMode == .mean { return .stopped }
            batch.positions = parts
            switch pause {
            case .full: ring.passOn()
            case .stopped:
                ring.passOn()
                return .stopped
            case .event(.release):
                let barrier = Barrier()
                batch.barrier = barrier
                ring.passOn()
                barrier.wait()
                ledger.set(parts)
                source.completeRelease()
            case .event(.lost(let names)):
                ring.passOn()
                ledger.set(parts)
                if ledger.isDurable { return .lost(names) }
            case .event:
                ring.passOn()
                return .endOfInput
            }
        }
    }

    /// Fills one batch.
    private func fill(_ batch: RecordBatch) throws -> Pause {
        var deadline: UInt64?
        while true {
            try decodePending(into: batch)
            if batch.isFull { return .full }
            if stop.signal != 0 { return .stopped }
            if let event = postponed {
                postponed = nil
                return .event(event)
            }
            let now = DispatchTime.now().uptimeNanoseconds
            var wait = Self.breath
            if batch.rows > 0 || !batch.rejected.isEmpty {
                let due = deadline ?? now + UInt64(batchWait * 1e9)
                deadline = due
                guard due > now else { return .full }
                wait = min(wait, Double(due - now) / 1e9)
            }
            switch try source.next(waiting: wait, recycling: recycled()) {
            case .messages(let block): pending.append(block)
            case .idle: break
            case let event: return .event(event)
            }
        }
    }

    private func decodePending(into batch: RecordBatch) throws {
        while let block = pending.first, !batch.isFull {
            let first = batch.rows
            let firstRejected = batch.rejected.count
            let firstMark = nextMark
            if let decoder, offset < block.chunk.count {
                do throws(FormatError) {
                    let end = try decoder.decode(block.chunk, from: offset, isEnd: true, into: batch)
                    // Every line is complete: what a decoder leaves although there is room, it will never take.
                    offset = end > offset || batch.isFull ? end : block.chunk.count
                } catch { throw EngineError("'\(currentPartName)': \(error.description)") }
                if !conversions.isEmpty { conversions.apply(to: batch, first..<batch.rows) }
            }
            consume(block)
            place(batch, first, firstRejected, block, from: firstMark)
            guard nextMark == block.marks.count else { continue }
            pending.removeFirst()
            used.append(block)
            nextMark = 0
            offset = 0
        }
    }

    /// Moves the parts past every message that was decoded, or that is no record.
    private func consume(_ block: MessageBlock) {
        while partIndexes.count < block.parts.count { addPart(block.parts[partIndexes.count]) }
        while nextMark < block.marks.count {
            let mark = block.marks[nextMark]
            if case .record = mark.kind, mark.start >= offset { return }
            let index = partIndexes[mark.part]
            parts[index].offset = mark.offset + 1
            parts[index].line = mark.offset + 2
            nextMark += 1
        }
    }

    private func addPart(_ name: String) {
        if let known = parts.firstIndex(where: { $0.name == name }) {
            partIndexes.append(known)
        } else {
            partIndexes.append(parts.count)
            parts.append(PartPosition(name: name))
        }
    }

    /// Gives the new rows of a batch their places in the source instead of those in the chunk.
    private func place(
        _ batch: RecordBatch, _ firstRow: Int, _ firstRejected: Int, _ block: MessageBlock, from firstMark: Int
    ) {
        var at = firstMark
        for row in firstRow..<batch.rows {
            at = markIndex(of: batch.positions[row].offset, block, from: at)
            batch.positions[row] = position(block.marks[at])
        }
        at = firstMark
        for index in firstRejected..<batch.rejected.count {
            at = markIndex(of: batch.rejected[index].position.offset, block, from: at)
            let mark = block.marks[at]
            batch.rejected[index].position = position(mark)
            if mark.prefixCount > 0 {
                batch.rejected[index].bytes.removeFirst(min(mark.prefixCount, batch.rejected[index].bytes.count))
                batch.rejected[index].bytes.insert(UInt8(ascii: "{"), at: 0)
            }
            batch.rejected[index].key = key(mark, block)
        }
        for mark in block.marks[firstMark..<nextMark] {
            guard case .rejected(let reason) = mark.kind else { continue }
            let given = block.reasons[reason]
            var record = RejectedRecord(reason: given.reason, position: position(mark), bytes: given.bytes)
            record.key = key(mark, block)
            batch.rejected.append(record)
        }
    }

    /// The record whose line holds the byte.
    private func markIndex(of byte: Int, _ block: MessageBlock, from first: Int) -> Int {
        var found = first
        var at = first
        while at < nextMark, block.marks[at].start <= byte {
            if case .record = block.marks[at].kind { found = at }
            at += 1
        }
        return found
    }

    private func position(_ mark: MessageMark) -> RecordPosition {
        RecordPosition(part: partIndexes[mark.part], offset: mark.offset, line: mark.offset)
    }

    private func key(_ mark: MessageMark, _ block: MessageBlock) -> [UInt8]? {
        mark.keyCount > 0 ? Array(block.keys[mark.keyStart..<mark.keyStart + mark.keyCount]) : nil
    }

    // MARK: Buffers

    /// A block that no batch points into any more.
    private func recycled() -> MessageBlock? {
        guard let index = used.firstIndex(where: { $0.isFree() }) else { return nil }
        let block = used.remove(at: index)
        block.recycle()
        return block
    }

    private func drop() {
        used += pending
        pending = []
        postponed = nil
        nextMark = 0
        offset = 0
    }

    func close() { source.close() }
}
