import CBytes
import Records

/// How LIBSVM's text becomes features.
public struct LIBSVMOptions: Sendable, Equatable {
    /// Feature indices are the low bits of the numbers in the file, 1...32 of them: larger numbers wrap around.
    public var bits: Int
    /// Ends every record with the constant feature, the same as in Vowpal Wabbit's text.
    public var addsConstant: Bool

    public init(bits: Int = 18, addsConstant: Bool = true) {
        self.bits = bits
        self.addsConstant = addsConstant
    }
}

/// The format of LIBSVM and SVMlight: `label index:value ...`, indices ascending from 1 (0 is accepted), `#` begins a
/// comment, an optional `qid:` is ignored; a line whose first word is a feature has no label.
///
/// Values of 0 are dropped. For a multiclass task the label may be any word; otherwise it is a number, and for a binary
/// task `1`, `+1` and `1.0` are the same class.
public final class LIBSVMDecoder: RecordDecoder {
    public var context = ""
    private let task: Task
    private let mask: UInt32
    private let addsConstant: Bool

    public init(schema: Schema, options: LIBSVMOptions) {
        task = schema.task
        addsConstant = options.addsConstant
        mask = UInt32.max >> UInt32(32 - min(max(options.bits, 1), 32))
    }

    public func beginPart() {}

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        guard let features = batch.features else {
            throw FormatError("LIBSVM's text brings its own features: the batch needs room for them")
        }
        guard let last = bytes_last_newline(chunk.base + offset, chunk.count - offset) else { return offset }
        let base = UnsafePointer(chunk.base)
        let limit = base.distance(to: last) + 1
        var cursor = offset
        if chunk.position.offset + cursor == 0 { cursor += byteOrderMarkCount(base, limit) }
        var position = RecordPosition(
            part: chunk.position.part, offset: chunk.position.offset + cursor, line: batch.endPosition.line)
        var sink = FeatureSink(features)
        defer { sink.end() }
        var scan = FeatureScan(base + cursor)
        batch.retain(chunk)
        while cursor < limit, batch.rows < batch.capacity {
            let start = base + cursor
            scan.beginRecord()
            var at = start
            var outcome = decodeLine(&scan, start, &at, batch, &sink)
            at = scan.lineEnd(from: at)
            var raw = ByteRange(start, at - start)
            if raw.count > 0, at[-1] == 0x0d { raw = ByteRange(start, raw.count - 1) }
            if scan.sawHighByte, case .record = outcome, !isUTF8(raw.buffer) { outcome = .rejected("invalid UTF-8") }
            finish(outcome, raw, position, batch, &sink)
            cursor = base.distance(to: at) + 1
            position.offset = chunk.position.offset + cursor
            position.line += 1
        }
        batch.endPosition = position
        return cursor
    }

    @inline(__always)
    private func finish(
        _ outcome: LineOutcome, _ raw: ByteRange, _ position: RecordPosition, _ batch: RecordBatch,
        _ sink: inout FeatureSink
    ) {
        guard case .record = outcome else {
            sink.beginRow()
            if case .rejected(let reason) = outcome { batch.reject(reason, at: position, raw: raw) }
            return
        }
        if addsConstant { sink.append(FeatureHash.constant & mask, 1) }
        batch.positions[batch.rows] = position
        batch.raw[batch.rows] = raw
        sink.commitRow()
        batch.rows &+= 1
    }

    /// Decodes one line; `at` becomes the last delimiter seen.
    @inline(__always)
    private func decodeLine(
        _ scan: inout FeatureScan, _ start: UnsafePointer<UInt8>, _ at: inout UnsafePointer<UInt8>,
        _ batch: RecordBatch, _ sink: inout FeatureSink
    ) -> LineOutcome {
        var word = start
        at = scan.next()
        while at == word, isBlank(at.pointee) {
            word = at + 1
            at = scan.next()
        }
        if at == word, at.pointee == UInt8(ascii: "\n") { return .blank }
        if word.pointee == UInt8(ascii: "#") { return .blank }
        var line = Line()
        if at.pointee == UInt8(ascii: ":") {
            if let failure = storeLabel(.empty, batch) { return .rejected(failure) }
            if let failure = decodeFeature(&scan, word, &at, &line, &sink) { return .rejected(failure) }
        } else if let failure = storeLabel(ByteRange(word, at - word), batch) {
            return .rejected(failure)
        }
        while isBlank(at.pointee), !line.isOver {
            word = at + 1
            at = scan.next()
            if word.pointee == UInt8(ascii: "#") { return .record }
            if at == word, at.pointee != UInt8(ascii: ":") { continue }
            if let failure = decodeFeature(&scan, word, &at, &line, &sink) { return .rejected(failure) }
        }
        if at.pointee == UInt8(ascii: "\n") || line.isOver { return .record }
        return .rejected("neither a blank nor a line end after a value")
    }

    @inline(__always)
    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

    /// What is to know of the features read so far.
    private struct Line {
        var previousIndex = -1
        /// A comment began right after a value.
        var isOver = false
    }

    /// Decodes `index:value`, `at` being the delimiter after the index; then it is the one after the value.
    @inline(__always)
    private func decodeFeature(
        _ scan: inout FeatureScan, _ word: UnsafePointer<UInt8>, _ at: inout UnsafePointer<UInt8>,
        _ line: inout Line, _ sink: inout FeatureSink
    ) -> String? {
        let colon = at
        var index = 0
        var p = word
        while p < colon, p.pointee &- UInt8(ascii: "0") <= 9, index < 1 << 40 {
            index = index * 10 + Int(p.pointee &- UInt8(ascii: "0"))
            p += 1
        }
        if p != colon || p == word || colon.pointee != UInt8(ascii: ":") { return skipQuery(&scan, word, &at) }
        guard index > line.previousIndex else {
            return "index \(index) after \(line.previousIndex): indices must ascend"
        }
        line.previousIndex = index
        let decimal = readDecimal(colon + 1, exactPowersOfTen)
        at = scan.next()
        var value = decimal.value
        if !decimal.isExact || decimal.end != at {
            let stop = Self.comment(colon + 1, at)
            guard let number = FeatureNumber.whole(colon + 1, stop ?? at) else {
                return "the value of index \(index) is not a finite number"
            }
            line.isOver = stop != nil
            value = number
        }
        guard Float(value).isFinite else { return "the value of index \(index) is out of range" }
        if Float(value) != 0 { sink.append(UInt32(truncatingIfNeeded: index) & mask, Float(value)) }
        return nil
    }

    private static func comment(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> UnsafePointer<UInt8>? {
        var p = start
        while p < end, p.pointee != UInt8(ascii: "#") { p += 1 }
        return p < end ? p : nil
    }

    /// A word that is not `index:value`: `qid:` is passed over, everything else is an error.
    @inline(never)
    private func skipQuery(
        _ scan: inout FeatureScan, _ word: UnsafePointer<UInt8>, _ at: inout UnsafePointer<UInt8>
    ) -> String? {
        let name = UnsafeBufferPointer(start: word, count: at - word)
        guard at.pointee == UInt8(ascii: ":"), name.elementsEqual("qid".utf8) else {
            return "not of the form index:value: \(quoted(name))"
        }
        at = scan.next()
        return nil
    }

    /// Writes target, weight and id of the current row; an empty label is a missing one.
    @inline(__always)
    private func storeLabel(_ text: ByteRange, _ batch: RecordBatch) -> String? {
        let row = batch.rows
        batch.targetTexts[row] = text
        batch.targetNumbers[row] = .nan
        batch.weights[row] = 1
        batch.ids[row] = .empty
        guard let start = text.start else { return nil }
        let decimal = readDecimal(start, exactPowersOfTen)
        if decimal.isExact, decimal.end == start + text.count, task == .regression || text.count <= 2 {
            batch.targetNumbers[row] = decimal.value
            return nil
        }
        return storeUnusualLabel(text, start, batch)
    }

    @inline(never)
    private func storeUnusualLabel(
        _ text: ByteRange, _ start: UnsafePointer<UInt8>, _ batch: RecordBatch
    ) -> String? {
        if let number = FeatureNumber.whole(start, start + text.count), Float(number).isFinite {
            batch.targetNumbers[batch.rows] = number
            if task == .binary { batch.targetTexts[batch.rows] = LabelText.canonical(text, number) }
            return nil
        }
        return task == .multiclass ? nil : "label is not a finite number: \(quoted(text.buffer))"
    }
}

/// Samples the labels of LIBSVM's text, under the name "label".
public final class LIBSVMSampler: RecordSampler {
    public init() {}

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        sampleLines(chunk, limit: limit, into: &sample) { start, end in
            var start = start
            if start == UnsafePointer(chunk.base), chunk.position.offset == 0 {
                start += byteOrderMarkCount(start, end - start)
            }
            while start < end, start.pointee == 0x20 || start.pointee == 0x09 { start += 1 }
            guard start < end, start.pointee != UInt8(ascii: "#") else { return nil }
            var stop = start
            while stop < end, stop.pointee > 0x20 { stop += 1 }
            let word = ByteRange(start, stop - start)
            return word.buffer.contains(UInt8(ascii: ":")) ? .empty : word
        }
    }
}
