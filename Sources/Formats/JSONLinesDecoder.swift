import CBytes
import JSON
import Records

/// JSON Lines: one object a line; nested objects flatten with dots, arrays of strings are bags, arrays of other values
/// flatten by index, null is missing.
///
/// Two readers agree to the byte. The fast one follows the previous record's layout and takes only what it is sure of
/// (flat, ASCII, no escapes, numbers it can round exactly); every other record, and every doubt, goes to simdjson.
public final class JSONLinesDecoder: RecordDecoder {
    public var context = ""
    private let schema: Schema
    private let hasText: Bool
    private let parser = JSONParser()
    private var table = KeyTable()
    /// The sink of each key of `table`.
    private var set: SinkSet
    /// The record a key was last seen in, for duplicates and missing fields.
    private var stamps: [UInt32] = []
    private var stamp: UInt32 = 0
    private var template = JSONTemplate()
    /// Where the value behind each step of the template goes, and the schema's fields that it has no step for.
    private var stepSinks: [FieldSink] = []
    @exclusivity(unchecked) private var absentSinks: [FieldSink] = []
    /// Keys of the schema's fields that carry values.
    private let expected: [Int]
    /// The schema's fields.
    private let fieldSet: SinkSet
    /// Keys outside the schema are forgotten between two records when they are more than this, in number or bytes.
    private static let maximumKeys = 65_536
    private static let maximumKeyBytes = 4 << 20

    public init(schema: Schema, usesVWHashes: Bool = false) {
        self.schema = schema
        let set = SinkSet(for: schema, categories: usesVWHashes ? .vwJoined : .categorical)
        fieldSet = set
        self.set = set
        let sinks = set.sinks
        hasText = sinks.contains { $0.kind == .text }
        expected = sinks.indices.filter { sinks[$0].kind != .ignored }
        forgetOtherKeys()
    }

    /// Keeps only the keys of the schema.
    private func forgetOtherKeys() {
        set = fieldSet
        let sinks = set.sinks
        stamps = Array(repeating: 0, count: sinks.count)
        table = KeyTable()
        template = JSONTemplate()
        stepSinks = []
        absentSinks = []
        for sink in sinks {
            var name = sink.name
            _ = name.withUTF8 { table.insert($0) }
        }
    }

    public func beginPart() {}

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        guard let last = bytes_last_newline(chunk.base + offset, chunk.count - offset) else { return offset }
        let base = UnsafePointer(chunk.base)
        let limit = base.distance(to: last) + 1
        var cursor = offset
        if chunk.position.offset + cursor == 0 { cursor += byteOrderMarkCount(base, limit) }
        var line = batch.endPosition.line
        defer { set.tellUnknown(batch) }
        var store = FieldStore(batch, task: schema.task, hasText: hasText)
        batch.retain(chunk)
        var steps = template.steps
        var fields = FieldTable(stepSinks, batch)
        while cursor < limit, store.row < batch.capacity {
            let start = base + cursor
            let position = RecordPosition(
                part: chunk.position.part, offset: chunk.position.offset + cursor, line: line)
            line += 1
            if let end = decodeFast(start, steps, &fields, &store) {
                let stop = end[-1] == 0x0d ? end - 1 : end
                store.finishRecord(position, raw: ByteRange(start, stop - start))
                cursor = base.distance(to: end) + 1
                continue
            }
            var end = start
            while end.pointee != UInt8(ascii: "\n") { end += 1 }
            cursor = base.distance(to: end) + 1
            if end > start, end[-1] == 0x0d { end -= 1 }
            let text = UnsafeBufferPointer(start: start, count: end - start)
            if text.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { continue }
            decodeSlow(text, &store)
            steps = template.steps
            fields = FieldTable(stepSinks, batch)
            store.finishRecord(position, raw: ByteRange(start, text.count))
        }
        batch.endPosition = RecordPosition(
            part: chunk.position.part, offset: chunk.position.offset + cursor, line: line)
        return cursor
    }

    /// Follows the template. Returns the line's end; nil = not sure, nothing decided.
    @inline(__always)
    private func decodeFast(
        _ start: UnsafePointer<UInt8>, _ steps: [json_step], _ fields: inout FieldTable, _ store: inout FieldStore
    ) -> UnsafePointer<UInt8>? {
        guard fields.count > 0 else { return nil }
        store.clearFrame()
        guard var p = json_record(start, steps, fields.columns, fields.count, store.row, &fields.record),
            finishFields(fields, &store)
        else { return nil }
        while p.pointee == 0x20 { p += 1 }
        guard p.pointee == UInt8(ascii: "}") else { return nil }
        p += 1
        while p.pointee == 0x20 || p.pointee == 0x0d || p.pointee == 0x09 { p += 1 }
        guard p.pointee == UInt8(ascii: "\n"), store.failure == nil else {
            store.failure = nil
            return nil
        }
        for sink in absentSinks { store.setMissing(sink) }
        return p
    }

    /// Stores the values that the record kernel left, in their order. False: one is not plain.
    @inline(__always)
    private func finishFields(_ fields: borrowing FieldTable, _ store: inout FieldStore) -> Bool {
        for index in 0..<fields.record.rest_count {
            let field = fields.record.rest[index]
            guard let start = field.start else { return false }
            let sink = fields.sinks[Int(field.column)]
            switch Int(field.form) {
            case FIELD_TEXT: store.setText(sink, start, field.count)
            case FIELD_DIGITS: guard Self.readNumber(start, field.count, sink, &store) else { return false }
            default: Self.readLiteral(start, field.count, sink, &store)
            }
        }
        return true
    }

    /// A number; false: not one that can be read exactly.
    @inline(__always)
    private static func readNumber(
        _ start: UnsafePointer<UInt8>, _ count: Int, _ sink: FieldSink, _ store: inout FieldStore
    ) -> Bool {
        let decimal = readDecimal(start, exactPowersOfTen)
        guard decimal.isExact, decimal.end == start + count else { return false }
        var raw = UnsafeBufferPointer(start: start, count: count)
        if sink.keepsNumberText {
            guard let text = canonicalPart(of: raw, decimal.value) else { return false }
            raw = text
        }
        // JSON's integers have no negative zero, simdjson says.
        store.setNumber(sink, decimal.value + 0, raw: raw)
        return true
    }

    /// true, false or null.
    @inline(never)
    private static func readLiteral(
        _ start: UnsafePointer<UInt8>, _ count: Int, _ sink: FieldSink, _ store: inout FieldStore
    ) {
        if start.pointee == UInt8(ascii: "n") { return store.setMissing(sink) }
        setBoolean(start.pointee == UInt8(ascii: "t"), sink, ByteRange(start, count), &store)
    }

    private static func setBoolean(_ value: Bool, _ sink: FieldSink, _ raw: ByteRange, _ store: inout FieldStore) {
        if sink.kind == .target || sink.kind == .text || sink.kind == .id || sink.kind == .time
            || sink.kind == .raw
        {
            if sink.kind == .target { store.batch.targetNumbers[store.row] = value ? 1 : 0 }
            if let start = raw.start, sink.kind != .target { store.setText(sink, start, raw.count) }
            if sink.kind == .target { store.batch.targetTexts[store.row] = raw }
        } else if sink.kind == .named {
            store.setNumber(sink, value ? 1 : 0, raw: raw.buffer)
        } else {
            // A boolean is the number 0 or 1 everywhere, also as a category.
            let digit: [UInt8] = [value ? 0x31 : 0x30]
            digit.withUnsafeBufferPointer { store.setNumber(sink, value ? 1 : 0, raw: $0) }
        }
    }

    @inline(__always)
    private func beginRecord(_ store: inout FieldStore) {
        stamp &+= 1
        if stamp == 0 {
            for index in stamps.indices { stamps[index] = 0 }
            stamp = 1
        }
        store.clearFrame()
    }

    @inline(never)
    private func fillMissing(_ store: inout FieldStore) {
        for key in expected where stamps[key] != stamp { store.setMissing(set.sinks[key]) }
    }

    /// Reads any record through simdjson; on failure the store has the reason.
    private func decodeSlow(_ text: UnsafeBufferPointer<UInt8>, _ store: inout FieldStore) {
        if table.keys.count > fieldSet.sinks.count + Self.maximumKeys || table.byteCount > Self.maximumKeyBytes {
            forgetOtherKeys()
        }
        beginRecord(&store)
        store.failure = nil
        if hasText { store.dropTokensOfUnfinishedRecord() }
        do {
            let tape = try parser.parse(text)
            guard tape.kind(at: JSONTape.rootIndex) == .object else {
                store.failure = "not a JSON object"
                return
            }
            var path: [UInt8] = []
            flatten(tape, JSONTape.rootIndex, &path, &store)
            fillMissing(&store)
        } catch {
            store.failure = "malformed JSON: \(error.description)"
            return
        }
        if store.failure == nil { learnTemplate(text) }
    }

    /// Takes a record without failure, which has no key twice, as the layout of those to come.
    private func learnTemplate(_ text: UnsafeBufferPointer<UInt8>) {
        template.learn(text) { table.find($0) }
        let keys = Set(template.steps.map { Int($0.key) })
        stepSinks = template.steps.map { set.sinks[Int($0.key)] }
        absentSinks = expected.filter { !keys.contains($0) }.map { set.sinks[$0] }
    }

    private func flatten(_ tape: JSONTape, _ object: Int, _ path: inout [UInt8], _ store: inout FieldStore) {
        let prefix = path.count
        var at = object + 1
        let close = tape.close(of: object)
        while at < close, store.failure == nil {
            path.append(contentsOf: tape.string(at: at))
            put(tape, at + 1, &path, &store)
            path.removeLast(path.count - prefix)
            at = tape.next(after: at + 1)
        }
    }

    /// Stores the value at `index` under the key in `path`.
    private func put(_ tape: JSONTape, _ index: Int, _ path: inout [UInt8], _ store: inout FieldStore) {
        switch tape.kind(at: index) {
        case .object:
            path.append(UInt8(ascii: "."))
            flatten(tape, index, &path, &store)
        case .array: putArray(tape, index, &path, &store)
        case .string:
            let text = tape.string(at: index)
            if let sink = claim(path, &store), let start = text.baseAddress {
                // Frames outlive the tape; numbers must end in a delimiter, which the tape's zero byte is.
                let home = needsHome(sink) ? store.keep(text) : start
                store.setText(sink, home, text.count)
            }
        case .signed, .unsigned, .double:
            guard let sink = claim(path, &store), let value = tape.number(at: index) else { return }
            guard value.isFinite else {
                store.failure = "field '\(sink.name)': number out of range"
                return
            }
            var raw = canonicalText(ofNumber: value)
            raw.withUTF8 { bytes in
                let home = UnsafeBufferPointer(
                    start: needsHome(sink) ? store.keep(bytes) : bytes.baseAddress, count: bytes.count)
                store.setNumber(sink, value + 0, raw: home)
            }
        case .yes, .no:
            let value = tape.kind(at: index) == .yes
            guard let sink = claim(path, &store) else { return }
            let word: StaticString = value ? "true" : "false"
            Self.setBoolean(value, sink, ByteRange(word.utf8Start, word.utf8CodeUnitCount), &store)
        case .null, nil:
            if let sink = claim(path, &store) { store.setMissing(sink) }
        }
    }

    private func needsHome(_ sink: FieldSink) -> Bool {
        switch sink.kind {
        case .target, .id, .time, .raw, .named: true
        default: false
        }
    }

    /// An array of strings is a bag of tokens; other items flatten by index.
    private func putArray(_ tape: JSONTape, _ array: Int, _ path: inout [UInt8], _ store: inout FieldStore) {
        let close = tape.close(of: array)
        var at = array + 1
        var strings = 0
        var items = 0
        while at < close {
            if tape.kind(at: at) == .string { strings += 1 }
            items += 1
            at = tape.next(after: at)
        }
        at = array + 1
        if strings == items {
            guard let sink = claim(path, &store) else { return }
            if sink.kind == .raw { return keepBag(tape, at, close, sink, &store) }
            // As with other arrays, a field of one value has none here.
            guard sink.kind == .text else { return store.setMissing(sink) }
            while at < close {
                store.addToken(sink, tape.string(at: at))
                at = tape.next(after: at)
            }
            return
        }
        let prefix = path.count
        for item in 0..<items where store.failure == nil {
            path.append(contentsOf: ".\(item)".utf8)
            put(tape, at, &path, &store)
            path.removeLast(path.count - prefix)
            at = tape.next(after: at)
        }
    }

    /// A bag as one text, its items separated by blanks.
    private func keepBag(_ tape: JSONTape, _ first: Int, _ close: Int, _ sink: FieldSink, _ store: inout FieldStore) {
        var text: [UInt8] = []
        var at = first
        while at < close {
            if !text.isEmpty { text.append(0x20) }
            text.append(contentsOf: tape.string(at: at))
            at = tape.next(after: at)
        }
        text.withUnsafeBufferPointer { store.setText(sink, store.keep($0), $0.count) }
    }

    /// The sink of a key seen now for the first time in this record; a second time is a failure.
    private func claim(_ path: [UInt8], _ store: inout FieldStore) -> FieldSink? {
        path.withUnsafeBufferPointer { path in
            let key: Int
            if let known = table.find(path) {
                key = known
            } else {
                key = table.insert(path)
                set.add(String(decoding: path, as: UTF8.self))
                stamps.append(0)
            }
            if stamps[key] == stamp {
                store.failure = "duplicate key '\(set.sinks[key].name)'"
                return nil
            }
            stamps[key] = stamp
            return set.sinks[key]
        }
    }
}
