import CBytes
import Records

/// CSV after RFC 4180 with a header on the first line of every part, and its dialects.
public final class CSVDecoder: RecordDecoder {
    private let schema: Schema
    private var set: SinkSet
    private let hasText: Bool
    private let dialect: CSVDialect
    /// The sink of each column of the current part.
    private var columns: [FieldSink] = []
    private var headerLine = ""

    public init(schema: Schema, dialect: CSVDialect = CSVDialect(), usesVWHashes: Bool = false) {
        self.schema = schema
        self.dialect = dialect
        set = SinkSet(for: schema, categories: usesVWHashes ? .vwChained : .categorical)
        hasText = set.sinks.contains { $0.kind == .text }
    }

    public func beginPart() {
        columns = []
        headerLine = ""
    }

    /// The current part's header.
    public var context: String {
        get { headerLine }
        set {
            var line = newValue
            columns = line.withUTF8 { (try? columns(from: $0)) ?? [] }
            headerLine = newValue
        }
    }

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        var cursor = offset
        guard let last = bytes_last_newline(chunk.base + offset, chunk.count - offset) else { return offset }
        let limit = UnsafePointer(chunk.base).distance(to: last) + 1
        var line = batch.endPosition.line
        let partStart = chunk.position.offset
        if columns.isEmpty {
            try findColumns(chunk, &cursor, limit, isEnd, &line)
            guard !columns.isEmpty else {
                batch.endPosition = RecordPosition(part: chunk.position.part, offset: partStart + cursor, line: line)
                return cursor
            }
        }
        defer { set.tellUnknown(batch) }
        var store = FieldStore(batch, task: schema.task, hasText: hasText)
        batch.retain(chunk)
        let separator = dialect.separator
        let quote = dialect.quoteByte
        // Without comments only blank lines are passed over, which are no records either.
        let comment = dialect.comment ?? UInt8(ascii: "\n")
        let columns = columns
        let missing = missingSinks
        var table = FieldTable(columns, batch)
        var scan = csv_scan()
        csv_scan_begin(&scan, UnsafePointer(chunk.base) + cursor, separator, quote)
        while cursor < limit, store.row < batch.capacity {
            let start = UnsafePointer(chunk.base) + cursor
            if start.pointee == comment {
                cursor += Self.lineCount(start)
                line += 1
                csv_scan_begin(&scan, UnsafePointer(chunk.base) + cursor, separator, quote)
                continue
            }
            let position = RecordPosition(part: chunk.position.part, offset: partStart + cursor, line: line)
            store.clearFrame()
            for sink in missing { store.setMissing(sink) }
            scan.high = scan.block_high
            if let end = csv_record(&scan, start, separator, table.columns, table.count, store.row, &table.record) {
                finishFields(table, &store)
                let stop = end > start && end[-1] == 0x0d ? end - 1 : end
                finish(&store, position, ByteRange(start, stop - start), scan.high != 0)
                cursor = UnsafePointer(chunk.base).distance(to: end) + 1
                line += 1
            } else {
                guard let quoted = decodeQuoted(chunk, cursor, limit, isEnd, columns, &store) else { break }
                let stop = quoted.end[-1] == 0x0d ? quoted.end - 1 : quoted.end
                finish(&store, position, ByteRange(start, stop - start), true)
                cursor = UnsafePointer(chunk.base).distance(to: quoted.end) + 1
                line += quoted.lines
                csv_scan_begin(&scan, quoted.end + 1, separator, quote)
            }
        }
        batch.endPosition = RecordPosition(part: chunk.position.part, offset: partStart + cursor, line: line)
        return cursor
    }

    /// Ends a record, unless its line was blank.
    @inline(__always)
    private func finish(
        _ store: inout FieldStore, _ position: RecordPosition, _ raw: ByteRange, _ mayBeHigh: Bool
    ) {
        if raw.count == 0 {
            store.failure = nil
            return
        }
        if mayBeHigh, store.failure == nil, !isUTF8(raw.buffer) { store.failure = "invalid UTF-8" }
        store.finishRecord(position, raw: raw)
    }

    /// Stores the fields that the record kernel left, in their order.
    @inline(__always)
    private func finishFields(_ table: borrowing FieldTable, _ store: inout FieldStore) {
        for index in 0..<table.record.rest_count {
            let field = table.record.rest[index]
            store.setText(table.sinks[Int(field.column)], field.start, field.count)
        }
        if table.record.field_count != table.count { mismatch(&store, table.record.field_count, table.count) }
    }

    @inline(never)
    private func mismatch(_ store: inout FieldStore, _ found: Int, _ expected: Int) {
        store.failure = "\(found) fields where the header has \(expected)"
    }

    /// Decodes a record with quoted fields. Nil: its end has not arrived yet.
    private func decodeQuoted(
        _ chunk: Chunk, _ cursor: Int, _ limit: Int, _ isEnd: Bool, _ columns: [FieldSink],
        _ store: inout FieldStore
    ) -> (end: UnsafePointer<UInt8>, lines: Int)? {
        let text = UnsafeBufferPointer(start: UnsafePointer(chunk.base) + cursor, count: limit - cursor)
        store.failure = nil
        store.clearRow()
        if hasText { store.dropTokensOfUnfinishedRecord() }
        guard let base = text.baseAddress else { return nil }
        let record: QuotedRecord
        switch QuotedRecord.read(text, dialect, isEnd: isEnd) {
        case .complete(let found): record = found
        case .incomplete: return nil
        case .endless(let lineEnd):
            store.failure = "quoted field without an end"
            return (base + lineEnd, 1)
        }
        // Unescaped fields need a home that lives as long as the batch.
        let unescaped = Chunk(capacity: record.bytes.count + record.ends.count)
        var start = 0
        for (field, end) in record.ends.enumerated() {
            let from = unescaped.count
            record.bytes[start..<end].withUnsafeBufferPointer {
                unescaped.append(ByteRange($0.baseAddress, $0.count))
            }
            unescaped.base[unescaped.count] = UInt8(ascii: ",")  // ends a number
            if field < columns.count { store.setText(columns[field], unescaped.base + from, end - start) }
            unescaped.count += 1
            start = end
        }
        store.keep(unescaped)
        if let failure = record.failure { store.failure = failure }
        if record.ends.count != columns.count { mismatch(&store, record.ends.count, columns.count) }
        return (base + record.length, record.lines)
    }

    /// Bytes of the line that begins at `start`, with its line end.
    private static func lineCount(_ start: UnsafePointer<UInt8>) -> Int {
        var end = start
        while end.pointee != UInt8(ascii: "\n") { end += 1 }
        return end - start + 1
    }

    /// Says which columns the records have: from the header, which is passed over, or from the dialect. None yet: no
    /// record has arrived either.
    private func findColumns(
        _ chunk: Chunk, _ cursor: inout Int, _ limit: Int, _ isEnd: Bool, _ line: inout Int
    ) throws(FormatError) {
        let base = UnsafePointer(chunk.base)
        if chunk.position.offset + cursor == 0 { cursor += byteOrderMarkCount(base, limit) }
        if case .names(let names) = dialect.header { return columns = try columns(named: names) }
        while cursor < limit, columns.isEmpty {
            let start = base + cursor
            let count = Self.lineCount(start)
            let end = start + count - 1
            let stop = end > start && end[-1] == 0x0d ? end - 1 : end
            if stop > start, start.pointee != dialect.comment {
                if case .none = dialect.header {
                    return try countColumns(UnsafeBufferPointer(start: start, count: limit - cursor), isEnd)
                }
                let header = UnsafeBufferPointer(start: start, count: stop - start)
                columns = try columns(from: header)
                headerLine = String(decoding: header, as: UTF8.self)
            }
            cursor += count
            line += 1
        }
    }

    /// Without header the columns are those that the schema was inferred from, or those of the first record.
    private func countColumns(_ text: UnsafeBufferPointer<UInt8>, _ isEnd: Bool) throws(FormatError) {
        var count = 0
        while schema.index(of: CSVDialect.name(ofColumn: count)) != nil { count += 1 }
        if count == 0 {
            switch QuotedRecord.read(text, dialect, isEnd: isEnd) {
            case .complete(let record): count = record.ends.count
            case .endless: count = 1
            case .incomplete: return
            }
        }
        columns = try columns(named: (0..<count).map(CSVDialect.name))
    }

    private func columns(from header: UnsafeBufferPointer<UInt8>) throws(FormatError) -> [FieldSink] {
        try columns(named: CSVHeader.names(header, dialect))
    }

    private func columns(named names: [String]) throws(FormatError) -> [FieldSink] {
        // Columns of an earlier part that the schema does not know are forgotten.
        set.keepFirst(schema.fields.count)
        let known = Dictionary(set.sinks.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let columns = names.map { known[$0] ?? set.add($0) }
        let wanted = schema.fields.filter { $0.role != .ignored }
        guard wanted.isEmpty || columns.contains(where: { $0.kind != .ignored }) else {
            throw FormatError(
                "the header has none of the expected fields: it reads "
                    + "\(names.prefix(8).map { "'\($0)'" }.joined(separator: ", ")), expected are "
                    + wanted.prefix(8).map { "'\($0.name)'" }.joined(separator: ", "))
        }
        // A field that this part lacks stays missing in all its records.
        let present = Set(names)
        missingSinks = set.sinks.filter { $0.kind != .ignored && !present.contains($0.name) }
        return columns
    }

    /// Fields of the schema that the current part has no column for.
    private var missingSinks: [FieldSink] = []
}
