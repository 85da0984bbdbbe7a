import Compression
import Glibc
import Records

/// Avro object container files (Avro 1.11). What a field of the writer's schema becomes is said at `AvroProgram`; numbers
/// that are dates and times become seconds since 1970, or since midnight; decimals become numbers.
///
/// A part's position is that of a block; how many of its records were taken is part of the context. A record's own
/// position counts the bytes before it as if no block were compressed, its line is its number in the file, from 1.
/// A block that is damaged is rejected as one, and reading goes on behind the next mark. Inside a block nothing tells where
/// a record begins but the one before it: what follows a malformed one is rejected with it.
public final class AvroFileDecoder: RecordDecoder {
    private let schema: Schema
    private let set: SinkSet
    private let hasText: Bool
    private let maximumBytes: Int
    private let texts = AvroTexts()
    /// Nil: the part's header is still to come.
    private var header: AvroHeader?
    private var program: AvroProgram?
    private var decompressor: BlockDecompressor?
    @exclusivity(unchecked) private var place = Place()
    /// What the block at `place` holds, and which one it is: the offset in the part.
    private var contents: (home: Chunk, count: Int, offset: Int)?
    private var pool: [Chunk] = []

    /// Where decoding stands behind the part's own position.
    private struct Place: Equatable {
        /// How many bytes more the blocks before this one hold than they take.
        var growth = 0
        /// Records of the block that were taken, and the bytes they took of its contents.
        var taken = 0
        var consumed = 0
        /// The next mark is looked for.
        var isLost = false
    }

    public init(_ schema: Schema, _ options: DecoderOptions) {
        self.schema = schema
        set = SinkSet(for: schema, categories: options.usesVWHashes ? .vwJoined : .categorical)
        hasText = set.sinks.contains { $0.kind == .text }
        maximumBytes = options.maximumRecordBytes
    }

    public func beginPart() {
        header = nil
        program = nil
        place = Place()
        contents = nil
    }

    /// The place in the block, codec and mark on a line each, then the writer's schema.
    public var context: String {
        get {
            guard let header else { return "" }
            let mark = header.mark.map { String($0) }.joined(separator: " ")
            return "\(place.growth) \(place.taken) \(place.consumed) \(place.isLost ? 1 : 0)\n"
                + "\(header.codec.rawValue)\n\(mark)\n\(header.schemaText)"
        }
        set {
            beginPart()
            let lines = newValue.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false)
            guard lines.count == 4 else { return }
            let numbers = lines[0].split(separator: " ").compactMap { Int($0) }
            let mark = lines[2].split(separator: " ").compactMap { UInt8($0) }
            guard numbers.count == 4, (-1 << 50...1 << 50).contains(numbers[0]), mark.count == AvroHeader.markCount,
                numbers[1] >= 0, numbers[2] >= 0,
                let known = try? AvroHeader(schemaText: String(lines[3]), codec: String(lines[1]), mark: mark)
            else { return }
            try? use(known)
            place = Place(growth: numbers[0], taken: numbers[1], consumed: numbers[2], isLost: numbers[3] == 1)
        }
    }

    private func use(_ header: AvroHeader) throws(FormatError) {
        let program = AvroProgram(header.schema, set)
        if program.isEmpty, set.sinks.contains(where: { $0.kind != .ignored }) {
            throw FormatError(
                "the Avro schema has none of the expected fields: its record has "
                    + header.schema.records[header.schema.root].fields.prefix(8).map { "'\($0.name)'" }
                    .joined(separator: ", ") + ", expected are "
                    + set.sinks.filter { $0.kind != .ignored }.prefix(8).map { "'\($0.name)'" }.joined(separator: ", "))
        }
        self.header = header
        self.program = program
        decompressor = BlockDecompressor(header.codec)
    }

    // MARK: Decoding

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        var cursor = offset
        if header == nil {
            let text = UnsafeBufferPointer(start: UnsafePointer(chunk.base) + offset, count: chunk.count - offset)
            guard let found = try AvroHeader.read(text) else {
                guard !isEnd || text.isEmpty else { throw FormatError("the Avro file ends inside its header") }
                return offset
            }
            try use(found.header)
            cursor += found.count
        }
        guard let header, let program else { return offset }
        var line = batch.endPosition.line
        texts.begin()
        let store = FieldStore(batch, task: schema.task, hasText: hasText)
        guard var machine = AvroMachine(program, batch, store, texts) else { return offset }
        while cursor < chunk.count, !batch.isFull {
            if place.isLost {
                findMark(header, chunk, &cursor, isEnd)
                if place.isLost { break }
                continue
            }
            let start = UnsafePointer(chunk.base) + cursor
            let left = chunk.count - cursor
            let position = RecordPosition(
                part: chunk.position.part, offset: chunk.position.offset + cursor + place.growth, line: line)
            let text = UnsafeBufferPointer(start: start, count: left)
            switch AvroBlock.read(text, maximumBytes: maximumBytes) {
            case .block(let block) where block.totalCount <= left:
                guard hasMark(header, start, block) else {
                    reject("the block has no mark behind it", start, block.totalCount, position, batch)
                    cursor += block.headCount
                    lose(&line)
                    continue
                }
                take(block, chunk, position, &machine, batch, &cursor, &line)
            case .block, .incomplete:
                guard isEnd else { return done(chunk, cursor, line, batch) }
                reject("the file ends inside a block", start, left, position, batch)
                cursor += min(left, 1)
                lose(&line)
            case .damaged(let reason, let count):
                reject("the block cannot be read: \(reason)", start, count, position, batch)
                cursor += 1
                lose(&line)
            }
        }
        return done(chunk, cursor, line, batch)
    }

    private func done(_ chunk: Chunk, _ cursor: Int, _ line: Int, _ batch: RecordBatch) -> Int {
        batch.endPosition = RecordPosition(
            part: chunk.position.part, offset: chunk.position.offset + cursor, line: line)
        return cursor
    }

    private func hasMark(_ header: AvroHeader, _ start: UnsafePointer<UInt8>, _ block: AvroBlock) -> Bool {
        UnsafeBufferPointer(start: start + block.headCount + block.dataCount, count: AvroHeader.markCount)
            .elementsEqual(header.mark)
    }

    private func reject(
        _ reason: String, _ start: UnsafePointer<UInt8>, _ count: Int, _ position: RecordPosition, _ batch: RecordBatch
    ) {
        batch.reject(reason, at: position, raw: ByteRange(start, count))
    }

    /// Nothing of the block can be used: the next mark says where another begins.
    private func lose(_ line: inout Int) {
        place.isLost = true
        place.taken = 0
        place.consumed = 0
        line += 1
    }

    private func findMark(_ header: AvroHeader, _ chunk: Chunk, _ cursor: inout Int, _ isEnd: Bool) {
        while chunk.count - cursor >= AvroHeader.markCount {
            let candidates = chunk.count - cursor - AvroHeader.markCount + 1
            guard let found = memchr(chunk.base + cursor, Int32(header.mark[0]), candidates) else {
                cursor += candidates
                break
            }
            let start = found.assumingMemoryBound(to: UInt8.self)
            let isMark = UnsafeBufferPointer(start: start, count: AvroHeader.markCount).elementsEqual(header.mark)
            cursor = start - chunk.base + (isMark ? AvroHeader.markCount : 1)
            if isMark { return place.isLost = false }
        }
        // The mark's beginning may have arrived.
        if isEnd { cursor = chunk.count }
    }

    /// Decodes what fits into the batch of a block that is there whole.
    private func take(
        _ block: AvroBlock, _ chunk: Chunk, _ position: RecordPosition, _ machine: inout AvroMachine,
        _ batch: RecordBatch, _ cursor: inout Int, _ line: inout Int
    ) {
        let start = UnsafePointer(chunk.base) + cursor
        let data: (base: UnsafePointer<UInt8>, count: Int)
        switch contents(of: block, chunk, cursor, batch) {
        case .success(let found): data = found
        case .failure(let error):
            reject("the block cannot be read: \(error.description)", start, block.totalCount, position, batch)
            return finish(block, block.dataCount, &cursor, &line)
        }
        let first = position.offset + block.headCount
        machine.bytes = AvroBytes(data.base + min(place.consumed, data.count), max(data.count - place.consumed, 0))
        let count = block.count
        // Records that take no bytes are not to be had without end.
        guard count <= max(data.count, 1 << 20) else {
            reject(
                "the block says that \(count) records are in \(data.count) bytes", start, block.totalCount, position,
                batch)
            return finish(block, data.count, &cursor, &line)
        }
        while place.taken < count, !batch.isFull {
            let record = machine.bytes.at
            let place = RecordPosition(part: position.part, offset: first + (record - data.base), line: line)
            guard machine.decodeRecord() else {
                let lost = count - self.place.taken
                machine.store.failure =
                    "record \(self.place.taken + 1) of the block's \(count): \(machine.fault)"
                    + (lost > 1 ? "; the \(lost - 1) behind it cannot be found" : "")
                machine.store.rejectRecord(place, raw: ByteRange(record, data.base + data.count - record))
                line += lost
                self.place.taken = count
                return finish(block, data.count, &cursor, &line)
            }
            machine.store.finishRecord(place, raw: ByteRange(record, machine.bytes.at - record))
            line += 1
            self.place.taken += 1
            self.place.consumed = machine.bytes.at - data.base
        }
        guard place.taken >= count, !batch.isFull || machine.bytes.left == 0 else { return }
        if machine.bytes.left > 0 {
            let rest = RecordPosition(part: position.part, offset: first + place.consumed, line: line)
            reject(
                "\(machine.bytes.left) bytes are left behind the block's \(count) records", machine.bytes.at,
                machine.bytes.left, rest, batch)
        }
        finish(block, data.count, &cursor, &line)
    }

    /// Goes to the block behind.
    ///
    /// - Parameter count: bytes it held.
    private func finish(_ block: AvroBlock, _ count: Int, _ cursor: inout Int, _ line: inout Int) {
        // Of a block that could not be read no record was counted.
        if place.taken == 0 { line += min(block.count, maximumBytes) }
        cursor += block.totalCount
        place = Place(growth: place.growth + count - block.dataCount)
        contents = nil
    }

    /// The bytes of a block's records, kept alive by the batch.
    private func contents(
        of block: AvroBlock, _ chunk: Chunk, _ cursor: Int, _ batch: RecordBatch
    ) -> Result<(base: UnsafePointer<UInt8>, count: Int), CompressionError> {
        let start = UnsafePointer(chunk.base) + cursor
        let offset = chunk.position.offset + cursor
        if let symbols = program?.symbols, symbols.count > 0 { batch.retain(symbols) }
        if header?.codec == .null {
            batch.retain(chunk)
            return .success((start + block.headCount, block.dataCount))
        }
        if let contents, contents.offset == offset {
            batch.retain(contents.home)
            return .success((UnsafePointer(contents.home.base), contents.count))
        }
        guard let decompressor else { return .success((start, 0)) }
        let home = freshChunk()
        do throws(CompressionError) {
            let count = try decompressor.decompress(
                UnsafeRawBufferPointer(start: start + block.headCount, count: block.dataCount), limit: maximumBytes
            ) { needed, filled in
                home.count = filled
                home.reserve(needed)
                return UnsafeMutableRawBufferPointer(start: home.base, count: home.capacity)
            }
            home.count = count
            home.sealPadding()
            contents = (home, count, offset)
            batch.retain(home)
            return .success((UnsafePointer(home.base), count))
        } catch { return .failure(error) }
    }

    private func freshChunk() -> Chunk {
        for index in pool.indices where isKnownUniquelyReferenced(&pool[index]) {
            // One unusually large block must not keep its room for good.
            if pool[index].capacity > 1 << 20 { pool[index] = Chunk(capacity: 1 << 16) }
            return pool[index]
        }
        let made = Chunk(capacity: 1 << 16)
        if pool.count < 64 { pool.append(made) }
        return made
    }
}
