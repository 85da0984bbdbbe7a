import CBytes
import Records

/// ARFF, the format of Weka and MOA: declarations, `@data`, then one record a line, its values separated by commas or
/// blanks, or sparse as `{index value, ...}`.
///
/// Read as Weka's `ArffLoader` does: a comma at the end (as MOA writes it) and a weight `{w}` behind the values are
/// accepted, what a sparse record leaves out is 0 or the first declared value. An empty value is rejected instead of
/// skipped; a string or date that a sparse record leaves out is missing; relational attributes are not supported.
/// https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
public final class ARFFDecoder: RecordDecoder {
    private let schema: Schema
    private var set: SinkSet
    private let hasText: Bool
    private var header = ARFFHeader()
    /// The attributes of the current part, once its header is complete.
    private var columns: [Column] = []
    /// Fields of the schema that the current part has no attribute for.
    private var missingSinks: [FieldSink] = []

    public init(schema: Schema, usesVWHashes: Bool = false) {
        self.schema = schema
        set = SinkSet(for: schema, categories: usesVWHashes ? .vwChained : .categorical)
        hasText = set.sinks.contains { $0.kind == .text }
    }

    public func beginPart() {
        header = ARFFHeader()
        columns = []
    }

    /// The current part's declarations.
    public var context: String {
        get { header.text }
        set {
            beginPart()
            guard let known = try? ARFFHeader(text: newValue) else { return }
            header = known
            if header.isComplete { try? resolveColumns() }
        }
    }

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        guard let last = bytes_last_newline(chunk.base + offset, chunk.count - offset) else { return offset }
        let base = UnsafePointer(chunk.base)
        let limit = base.distance(to: last) + 1
        var cursor = offset
        var line = batch.endPosition.line
        if !header.isComplete { try readHeader(chunk, &cursor, limit, &line) }
        defer { set.tellUnknown(batch) }
        var store = FieldStore(batch, task: schema.task, hasText: hasText)
        batch.retain(chunk)
        columns.withUnsafeBufferPointer { columns in
            while cursor < limit, store.row < batch.capacity {
                let position = RecordPosition(
                    part: chunk.position.part, offset: chunk.position.offset + cursor, line: line)
                let end = decodeLine(base + cursor, position, columns, &store)
                cursor = base.distance(to: end) + 1
                line += 1
            }
        }
        batch.endPosition = RecordPosition(
            part: chunk.position.part, offset: chunk.position.offset + cursor, line: line)
        return cursor
    }

    /// Decodes a line; returns its newline.
    @inline(__always)
    private func decodeLine(
        _ start: UnsafePointer<UInt8>, _ position: RecordPosition, _ columns: UnsafeBufferPointer<Column>,
        _ store: inout FieldStore
    ) -> UnsafePointer<UInt8> {
        var scan = ARFFScanner(start)
        scan.skipBlanks()
        guard !scan.isAtEnd else {
            scan.skipLine()
            return scan.at
        }
        store.clearFrame()
        for sink in missingSinks { store.setMissing(sink) }
        var row = RowDecoder(columns: columns, store: store)
        let failure = ARFFRow.read(&scan, attributes: columns.count, &row)
        store = row.store
        if let failure { store.failure = failure }
        scan.skipLine()
        var raw = ByteRange(start, scan.at - start)
        if scan.at[-1] == 0x0d { raw = ByteRange(start, raw.count - 1) }
        if scan.bits >= 0x80, store.failure == nil, !isUTF8(raw.buffer) { store.failure = "invalid UTF-8" }
        store.finishRecord(position, raw: raw)
        return scan.at
    }

    // MARK: Header

    private func readHeader(
        _ chunk: Chunk, _ cursor: inout Int, _ limit: Int, _ line: inout Int
    ) throws(FormatError) {
        let base = UnsafePointer(chunk.base)
        if chunk.position.offset + cursor == 0 { cursor += byteOrderMarkCount(base, limit) }
        while cursor < limit, !header.isComplete {
            var end = base + cursor
            while end.pointee != UInt8(ascii: "\n") { end += 1 }
            let count = end - (base + cursor) + 1
            try header.read(UnsafeBufferPointer(start: base + cursor, count: count), number: line)
            cursor += count
            line += 1
        }
        if header.isComplete { try resolveColumns() }
    }

    private func resolveColumns() throws(FormatError) {
        let known = Dictionary(set.sinks.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        columns = header.attributes.map { Column($0, known[$0.name] ?? set.add($0.name)) }
        let wanted = schema.fields.filter { $0.role != .ignored }
        guard wanted.isEmpty || columns.contains(where: { $0.sink.kind != .ignored }) else {
            throw FormatError(
                "the header declares none of the expected fields: it has "
                    + header.attributes.prefix(8).map { "'\($0.name)'" }.joined(separator: ", ") + ", expected are "
                    + wanted.prefix(8).map { "'\($0.name)'" }.joined(separator: ", "))
        }
        let names = Set(header.attributes.map(\.name))
        missingSinks = set.sinks.filter { $0.kind != .ignored && !names.contains($0.name) }
    }
}

/// One attribute and where its values go.
private struct Column {
    let sink: FieldSink
    let isNominal: Bool
    /// It takes numbers without looking at their text.
    let takesNumbers: Bool
    let values: KeyTable
    /// What a sparse record means that leaves it out, with `padding` behind it; nil = missing.
    let absent: [UInt8]?
    /// Ends a number, and lets its readers load whole words.
    static let padding = [UInt8](repeating: 0, count: 16)

    init(_ attribute: ARFFAttribute, _ sink: FieldSink) {
        self.sink = sink
        isNominal = attribute.kind == .nominal
        takesNumbers = !isNominal && (sink.kind == .numeric || sink.kind == .both)
        values = attribute.values
        switch attribute.kind {
        case .numeric: absent = Array("0".utf8) + Self.padding
        case .nominal: absent = attribute.values.keys.first.map { $0 + Self.padding }
        case .string: absent = nil
        }
    }
}

/// Stores the values of one record.
private struct RowDecoder: ARFFRowVisitor {
    let columns: UnsafeBufferPointer<Column>
    var store: FieldStore

    @inline(__always)
    mutating func takeNumber(_ attribute: Int, at start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8>? {
        guard columns[attribute].takesNumbers else { return nil }
        let decimal = readDecimal(start, exactPowersOfTen)
        guard decimal.isExact, decimal.end.pointee == UInt8(ascii: ",") || decimal.end.pointee == UInt8(ascii: "\n")
        else { return nil }
        let raw = UnsafeBufferPointer(start: start, count: decimal.end - start)
        store.setNumber(columns[attribute].sink, decimal.value, raw: raw)
        return decimal.end
    }

    @inline(__always)
    mutating func take(_ attribute: Int, _ value: ARFFValue) -> String? {
        let sink = columns[attribute].sink
        if value.isMissing {
            store.setMissing(sink)
            return nil
        }
        if value.hasEscapes { return takeEscaped(attribute, value) }
        guard let start = value.bytes.baseAddress else { return nil }
        if columns[attribute].isNominal, columns[attribute].values.find(value.bytes) == nil {
            return undeclared(sink, value.bytes)
        }
        store.setText(sink, start, value.count)
        return store.failure
    }

    @inline(never)
    private mutating func takeEscaped(_ attribute: Int, _ value: ARFFValue) -> String? {
        var text: [UInt8] = []
        value.unescape(into: &text)
        return text.withUnsafeBufferPointer { text in
            if columns[attribute].isNominal, columns[attribute].values.find(text) == nil {
                return undeclared(columns[attribute].sink, text)
            }
            // The zero behind the copy ends a number.
            store.setText(columns[attribute].sink, store.keep(text), text.count)
            return store.failure
        }
    }

    @inline(never)
    private func undeclared(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) -> String {
        "attribute '\(sink.name)': \(quoted(text)) is not one of its declared values"
    }

    mutating func takeAbsent(_ attribute: Int) {
        guard let text = columns[attribute].absent else { return store.setMissing(columns[attribute].sink) }
        // Only frames are read later, and they need a home that lives as long.
        let sink = columns[attribute].sink
        let outlives = [.target, .id, .time, .raw, .named].contains(sink.kind)
        text.withUnsafeBufferPointer { text in
            guard let base = text.baseAddress else { return }
            store.setText(sink, outlives ? store.keep(text) : base, text.count - Column.padding.count)
        }
    }

    mutating func takeWeight(_ weight: ARFFValue) -> String? {
        store.setWeight(text: weight.bytes, of: "the record")
        return store.failure
    }
}
