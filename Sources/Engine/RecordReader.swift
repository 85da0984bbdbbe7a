import Connectors
import Dispatch
import Formats
import Glibc
import Records
import Synchronization

/// A request to stop, from a signal handler or another thread.
public final class StopRequest: Sendable {
    private let flag = Atomic<Int32>(0)

    public init() {}

    /// The signal that asked, 0 while nobody has.
    public var signal: Int32 { flag.load(ordering: .relaxed) }

    public func request(_ signal: Int32) { flag.store(signal, ordering: .relaxed) }
}

/// Cuts the bytes of a source into records and decodes them into batches.
final class RecordReader: BatchReader, @unchecked Sendable {
    static let chunkBytes = 256 << 10
    private static let sampleBytes = 4 << 20
    /// Rejected records of a batch that has no room for more, so that garbage without end needs no memory without end.
    private static let maximumRejected = 4096
    /// Seconds to wait for more records than the first before the schema is fixed.
    private static let patience = 0.8
    /// Bytes at the beginning of a part that identify it.
    private static let fingerprintBytes = 64 << 10

    let source: any ByteSource
    let configuration: Configuration
    let stop: StopRequest
    private let dropsPartialBatch: Bool
    let sources: [SourceConfiguration]
    /// What decoders are made of, once it is known.
    var shape: (schema: Schema, options: DecoderOptions)?
    /// By index of `sources`; at -1 for parts of none.
    var partDecoders: [Int: PartDecoder] = [:]
    var conversions = NumberConversions()
    var parts: [PartPosition] = []
    var chunk: Chunk
    var offset = 0
    var isPartEnd = false
    /// Records come as they happen: from a pipe, or from a file that has been read to its end while it grows.
    private var isLive: Bool
    /// Seconds spent waiting for a live source.
    private var waited = 0.0
    private var pool: [Chunk] = []
    var decoder: (any RecordDecoder)?
    private(set) var format: FormatDescriptor?
    private var isBinary: Bool { format?.isBinary ?? false }
    /// Bytes of an overlong record still to be skipped to its line end.
    private var isSkipping = false
    /// The chunk's last byte is a line end that the part itself does not have.
    private var hasAddedLineEnd = false

    /// - Parameter dropsPartialBatch: what is left of a batch at a stop is read again by the next run, because it could
    ///   not be learned as it would have been without the stop.
    init(
        source: any ByteSource, configuration: Configuration, sources: [SourceConfiguration] = [], stop: StopRequest,
        dropsPartialBatch: Bool
    ) {
        self.sources = sources
        self.dropsPartialBatch = dropsPartialBatch
        self.source = source
        self.configuration = configuration
        self.stop = stop
        chunk = Chunk(capacity: Self.chunkBytes)
        isLive = !source.isReplayable
    }

    var currentPartName: String {
        parts.indices.contains(chunk.position.part) ? parts[chunk.position.part].name : "input"
    }

    // MARK: Opening

    func open(at positions: [PartPosition], format name: String?) throws -> Bool {
        try source.open(at: positions)
        parts = positions
        guard try beginNextPart() else { return false }
        while chunk.count - offset < 4, !isPartEnd, stop.signal == 0 { _ = try fill() }
        guard stop.signal == 0 else { return false }
        // Empty files at the front tell nothing about the format.
        while chunk.count == 0, isPartEnd {
            finishPart()
            guard try beginNextPart() else { return false }
            _ = try fill()
        }
        if let name = source(of: parts[chunk.position.part].name)?.format
            ?? (sources.isEmpty ? name : configuration.format)
        {
            guard let found = FormatRegistry.find(name) else {
                throw EngineError("there is no format '\(name)'", .usage)
            }
            format = found
        } else {
            format = try detectedFormat()
        }
        return true
    }

    func sample() throws -> Sample {
        guard !sources.isEmpty, parts.indices.contains(chunk.position.part) else { return try ownSample() }
        return try sampleOfAllSources()
    }

    func ownSample() throws -> Sample {
        guard let format else { return Sample() }
        while true {
            let complete = isPartEnd
            if complete { closeLastLine() }
            var sample = Sample()
            _ = try format.makeSampler(configuration.decoderOptions).sample(
                chunk, isEnd: complete, limit: SchemaInference.sampleSize, into: &sample)
            // The first block of a binary format may be as long as records may be.
            let needsMore =
                format.isBinary && sample.records == 0 && chunk.count <= 2 * configuration.maximumRecordBytes
            if sample.records >= SchemaInference.sampleSize || complete
                || chunk.count >= Self.sampleBytes && !needsMore
            {
                return sample
            }
            if stop.signal != 0 { return sample }
            // A live stream is taken as it is a while after it has shown something. A file has no such haste.
            let isEmpty = sample.records == 0
            if isEmpty { waited = 0 } else if waited >= Self.patience { return sample }
            // Looking again at every piece that comes would take longer than the pieces.
            let wanted = chunk.count + (isEmpty ? 1 : max(chunk.count / 4, 1))
            repeat {
                _ = try fill()
            } while chunk.count < wanted && !isPartEnd && stop.signal == 0
                && (isEmpty || waited < Self.patience)
        }
    }

    func makeDecoder(schema: Schema, options: DecoderOptions) throws {
        shape = (schema, options)
        partDecoders = [:]
        guard let part = parts.indices.contains(chunk.position.part) ? parts[chunk.position.part] : nil else { return }
        try useDecoder(of: part.name)
        guard let decoder else { return }
        if part.offset > 0 { decoder.context = part.context } else { decoder.beginPart() }
    }

    private func beginNextPart() throws -> Bool {
        guard let position = try source.advance() else { return false }
        let index: Int
        if let known = parts.firstIndex(where: { $0.name == position.name }) {
            index = known
            parts[known] = position
        } else {
            index = parts.count
            parts.append(position)
        }
        let print = source.fingerprint(limit: Self.fingerprintBytes)
        parts[index].fingerprint = print.digest
        parts[index].fingerprintBytes = print.bytes
        chunk = freshChunk(atLeast: Self.chunkBytes)
        chunk.position = RecordPosition(part: index, offset: position.offset, line: position.line)
        offset = 0
        isPartEnd = false
        hasAddedLineEnd = false
        if shape != nil { try useDecoder(of: position.name) }
        if position.offset > 0 { decoder?.context = position.context } else { decoder?.beginPart() }
        return true
    }

    private func finishPart() {
        parts[chunk.position.part].isDone = true
    }

    // MARK: Bytes

    private func freshChunk(atLeast capacity: Int) -> Chunk {
        for index in pool.indices where isKnownUniquelyReferenced(&pool[index]) && pool[index].capacity >= capacity {
            let found = pool[index]
            found.count = 0
            return found
        }
        let made = Chunk(capacity: capacity)
        if pool.count < 64, capacity <= Self.chunkBytes { pool.append(made) }
        return made
    }

    /// Reads more bytes behind those not yet decoded. False: nothing came (idle, or the part's end).
    func fill() throws -> Bool {
        let rest = chunk.count - offset
        if chunk.count == chunk.capacity || offset > 0 {
            // What is left moves to a new chunk; the old one lives as long as batches point into it.
            let wanted = rest * 2 > Self.chunkBytes ? rest * 2 : Self.chunkBytes
            let next = freshChunk(atLeast: wanted)
            next.append(ByteRange(UnsafePointer(chunk.base) + offset, rest))
            next.position = RecordPosition(
                part: chunk.position.part, offset: chunk.position.offset + offset, line: chunk.position.line)
            chunk = next
            offset = 0
        }
        let started = DispatchTime.now().uptimeNanoseconds
        let outcome = try source.read(into: chunk)
        if case .idle = outcome { isLive = true }
        if isLive { waited += Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9 }
        switch outcome {
        case .bytes:
            chunk.sealPadding()
            return true
        case .idle: return false
        case .endOfPart:
            isPartEnd = true
            return false
        }
    }

    /// A part's last line counts as complete without its line end.
    private func closeLastLine() {
        guard !isBinary, chunk.count > offset, chunk.base[chunk.count - 1] != UInt8(ascii: "\n") else { return }
        chunk.reserve(chunk.count + 1)
        chunk.base[chunk.count] = UInt8(ascii: "\n")
        chunk.count += 1
        chunk.sealPadding()
        hasAddedLineEnd = true
    }

    // MARK: Batches

    func run(_ ring: BatchRing) {
        do {
            while true {
                let batch = ring.nextFree()
                let more = try fillBatch(batch.records)
                batch.positions = parts
                if !more, stop.signal != 0, source.isReplayable, dropsPartialBatch {
                    return ring.finish(.stopped)
                }
                if batch.records.rows > 0 || !batch.records.rejected.isEmpty {
                    ring.passOn()
                } else if more {
                    ring.returnFree()
                }
                if !more { return ring.finish(stop.signal != 0 ? .stopped : .endOfInput) }
            }
        } catch let error as EngineError {
            ring.finish(.failed(error))
        } catch let error as ConnectorError {
            ring.finish(.failed(EngineError(error.description)))
        } catch {
            ring.finish(.failed(EngineError("\(error)")))
        }
    }

    /// Fills one batch; false = the stream is over (the batch may hold its last records).
    private func fillBatch(_ batch: RecordBatch) throws -> Bool {
        batch.endPosition = parts.isEmpty ? batch.endPosition : endPosition(of: chunk.position.part)
        while true {
            try decodeInto(batch)
            if batch.isFull || batch.rejected.count >= Self.maximumRejected { return true }
            // What was read before the stop is not lost, a pipe would not give it again.
            if stop.signal != 0 { return false }
            let isEmpty = batch.rows == 0 && batch.rejected.isEmpty
            if isEmpty { waited = 0 } else if isLive, waited >= configuration.batchWait { return true }
            if try !readMore(batch), isPartEnd {
                guard try goToNextPart(batch) else { return false }
            }
        }
    }

    private func endPosition(of part: Int) -> RecordPosition {
        RecordPosition(part: part, offset: parts[part].offset, line: parts[part].line)
    }

    private func decodeInto(_ batch: RecordBatch) throws {
        guard let decoder, offset < chunk.count, !isSkipping else { return }
        let first = batch.rows
        do throws(FormatError) {
            offset = try decoder.decode(chunk, from: offset, isEnd: isPartEnd, into: batch)
            if !conversions.isEmpty { conversions.apply(to: batch, first..<batch.rows) }
        } catch {
            throw EngineError("'\(parts[chunk.position.part].name)': \(error.description)")
        }
        note(batch.endPosition)
    }

    /// The part is consumed up to there.
    private func note(_ end: RecordPosition) {
        // The line end that was added is not there when the part is opened again; more of the line may be.
        let isBehind = hasAddedLineEnd && end.offset == chunk.position.offset + chunk.count
        parts[end.part].offset = isBehind ? end.offset - 1 : end.offset
        parts[end.part].line = isBehind ? end.line - 1 : end.line
        parts[end.part].context = decoder?.context ?? ""
    }

    /// Reads more bytes for an unfinished record. False: none came.
    private func readMore(_ batch: RecordBatch) throws -> Bool {
        if isPartEnd { return false }
        if isSkipping {
            let came = try fill()
            skipLine(batch)
            return came
        }
        // Where there are no lines the decoder knows what is too long.
        if chunk.count - offset > configuration.maximumRecordBytes, !isBinary {
            rejectOverlong(batch)
            return true
        }
        return try fill()
    }

    private func rejectOverlong(_ batch: RecordBatch) {
        let raw = ByteRange(UnsafePointer(chunk.base) + offset, chunk.count - offset)
        var position = batch.endPosition
        position.part = chunk.position.part
        batch.reject(
            "record longer than \(configuration.maximumRecordBytes) bytes (--max-record-bytes)", at: position, raw: raw)
        isSkipping = true
        skipLine(batch)
    }

    /// Drops bytes up to the overlong record's line end.
    private func skipLine(_ batch: RecordBatch) {
        if let end = memchr(chunk.base + offset, Int32(UInt8(ascii: "\n")), chunk.count - offset) {
            offset = UnsafeRawPointer(end) - UnsafeRawPointer(chunk.base) + 1
            isSkipping = false
            batch.endPosition.line += 1
        } else {
            offset = chunk.count
        }
        batch.endPosition.offset = chunk.position.offset + offset
        note(batch.endPosition)
    }

    private func goToNextPart(_ batch: RecordBatch) throws -> Bool {
        if chunk.count > offset, !isSkipping {
            closeLastLine()
            try decodeInto(batch)
            if batch.isFull, offset < chunk.count { return true }
        }
        if offset < chunk.count, batch.isFull { return true }
        isSkipping = false
        finishPart()
        guard try beginNextPart() else { return false }
        batch.endPosition = endPosition(of: chunk.position.part)
        return true
    }

    func close() { source.close() }
}
