import CBytes
import Records

/// How Vowpal Wabbit's text becomes features.
public struct VWTextOptions: Sendable, Equatable {
    /// Feature indices are the low bits of the 32-bit hash, 1...32 of them.
    public var bits: Int
    /// Keeps which features belong to which namespace, for crosses.
    public var keepsNamespaceSpans: Bool
    /// Ends every record with the constant feature (hash 11650396, value 1).
    public var addsConstant: Bool

    public init(bits: Int = 18, keepsNamespaceSpans: Bool = false, addsConstant: Bool = true) {
        self.bits = bits
        self.keepsNamespaceSpans = keepsNamespaceSpans
        self.addsConstant = addsConstant
    }
}

/// Vowpal Wabbit's text format, read as its version 9.11.9 does: `label weight 'tag|namespace:scale name:value name ...`.
///
/// Features with the value 0 are dropped, unlabelled lines are records without a target, empty lines are skipped.
/// Namespace spans are positions in `features.indices`; the constant belongs to none.
///
/// Where Vowpal Wabbit silently reads 0, drops the rest of a line or carries on with NaN, the line is rejected: labels,
/// weights, values and scales that are not finite numbers (`x:1foo`, `x:1:2`, `x:nan`, `x:-`; `x:foo` is a text value),
/// negative weights, a nameless namespace with a scale (`|:2`), a carriage return inside a line, invalid UTF-8, too
/// many words before the bar, a base prediction other than 0, and `save` commands. For a multiclass task the label may
/// be any word, and is the class name; for a binary one `1`, `+1` and `1.0` are the same class.
public final class VWTextDecoder: RecordDecoder {
    public var context = ""
    let task: Task
    let mask: UInt32
    let options: VWTextOptions
    let runs = NamespaceRuns()

    public init(schema: Schema, options: VWTextOptions) {
        task = schema.task
        self.options = options
        mask = UInt32.max >> UInt32(32 - min(max(options.bits, 1), 32))
    }

    public func beginPart() {}

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        guard let features = batch.features else {
            throw FormatError("Vowpal Wabbit's text brings its own features: the batch needs room for them")
        }
        guard let last = bytes_last_newline(chunk.base + offset, chunk.count - offset) else { return offset }
        let base = UnsafePointer(chunk.base)
        let limit = base.distance(to: last) + 1
        var cursor = offset
        var position = RecordPosition(
            part: chunk.position.part, offset: chunk.position.offset + cursor, line: batch.endPosition.line)
        var sink = FeatureSink(features)
        defer { sink.end() }
        var scan = FeatureScan(base + cursor)
        batch.retain(chunk)
        while cursor < limit, batch.rows < batch.capacity {
            let start = base + cursor
            scan.beginRecord()
            runs.begin()
            var (outcome, end, mayBeHigh) = (LineOutcome.record, start, true)
            if let plain = decodePlain(&scan, start, batch, &sink) {
                end = plain
                mayBeHigh = scan.sawHighByte
            } else {
                while end.pointee != UInt8(ascii: "\n") { end += 1 }
                outcome = decodeUnusual(start, end, batch, &sink)
                scan = FeatureScan(end + 1)
            }
            finish(outcome, ByteRange(start, end - start), mayBeHigh, position, batch, features, &sink)
            cursor = base.distance(to: end) + 1
            position.offset = chunk.position.offset + cursor
            position.line += 1
        }
        batch.endPosition = position
        return cursor
    }

    /// Ends a line: its features become a row, or are forgotten.
    @inline(__always)
    private func finish(
        _ outcome: LineOutcome, _ line: ByteRange, _ mayBeHigh: Bool, _ position: RecordPosition,
        _ batch: RecordBatch, _ features: FeatureBatch, _ sink: inout FeatureSink
    ) {
        var raw = line
        if let start = raw.start, raw.count > 0, start[raw.count - 1] == 0x0d { raw = ByteRange(start, raw.count - 1) }
        guard case .record = outcome, !mayBeHigh || isUTF8(raw.buffer) else {
            sink.beginRow()
            return leave(outcome, raw, position, batch)
        }
        if runs.hasRepeats { runs.regroup(features) }
        if options.keepsNamespaceSpans {
            features.spans.append(contentsOf: runs.runs)
            features.spanEnds.append(features.spans.count)
        }
        if options.addsConstant { sink.append(FeatureHash.constant & mask, 1) }
        batch.positions[batch.rows] = position
        batch.raw[batch.rows] = raw
        sink.commitRow()
        batch.rows &+= 1
    }

    @inline(never)
    private func leave(_ outcome: LineOutcome, _ raw: ByteRange, _ position: RecordPosition, _ batch: RecordBatch) {
        switch outcome {
        case .blank: break
        case .rejected(let reason): batch.reject(reason, at: position, raw: raw)
        case .record: batch.reject("invalid UTF-8", at: position, raw: raw)
        }
    }

    /// Decodes a line of the usual form. Returns its end; nil when it has anything unusual, wherever that stands.
    @inline(__always)
    private func decodePlain(
        _ scan: inout FeatureScan, _ start: UnsafePointer<UInt8>, _ batch: RecordBatch, _ sink: inout FeatureSink
    ) -> UnsafePointer<UInt8>? {
        guard var at = decodeFrame(&scan, start, batch) else { return nil }
        while at.pointee == UInt8(ascii: "|") {
            let name = at + 1
            at = scan.next()
            if at.pointee == UInt8(ascii: ":") { return nil }
            let length = at - name
            let seed = length > 0 ? FeatureHash.plain(name, length, 0) : 0
            let first = sink.count
            guard decodeFeatures(&scan, &at, seed, &sink) else { return nil }
            runs.add(length > 0 ? name.pointee : 0x20, from: first, to: sink.count)
        }
        if at.pointee == 0x0d, at[1] == UInt8(ascii: "\n") { at = scan.next() }
        return at.pointee == UInt8(ascii: "\n") ? at : nil
    }

    /// Decodes the features of a namespace, from one delimiter to the one that is not theirs.
    /// Not inlined: alone, its loop has enough registers.
    @inline(never)
    private func decodeFeatures(
        _ sharedScan: inout FeatureScan, _ cursor: inout UnsafePointer<UInt8>, _ seed: UInt32,
        _ sharedSink: inout FeatureSink
    ) -> Bool {
        var (scan, sink) = (sharedScan, sharedSink)  // stay in registers
        defer { (sharedScan, sharedSink) = (scan, sink) }
        let powers = FeatureDecimal.powers
        let mask = mask
        var at = cursor
        while at.pointee == 0x20 || at.pointee == 0x09 {
            let name = at + 1
            at = scan.next()
            let length = at - name
            var value: Float = 1
            if at.pointee == UInt8(ascii: ":") {
                let text = at + 1
                at = scan.next()
                // A nameless feature, or not a number at all.
                guard length > 0, at.pointee != UInt8(ascii: ":"),
                    let number = FeatureDecimal.read(text, at, powers) ?? Self.readLong(text, at)
                else { return false }
                value = number
            } else if length == 0 {
                continue
            }
            sink.appendUnlessZero(FeatureHash.plain(name, length, seed) & mask, value)
        }
        cursor = at
        return true
    }

    /// A number that is not short; nil: a number of another form, or none.
    @inline(never)
    private static func readLong(_ text: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Float? {
        let decimal = readDecimal(text, exactPowersOfTen)
        return decimal.isExact && decimal.end == end ? Float(decimal.value) : nil
    }

    /// Decodes what stands before the first bar. Returns the bar; nil = not a usual record.
    @inline(__always)
    private func decodeFrame(
        _ scan: inout FeatureScan, _ start: UnsafePointer<UInt8>, _ batch: RecordBatch
    ) -> UnsafePointer<UInt8>? {
        let row = batch.rows
        var at = scan.next()
        // The common case is one short number and a blank.
        if at.pointee == 0x20, at[1] == UInt8(ascii: "|"), task == .regression || at - start <= 2 {
            let decimal = readDecimal(start, exactPowersOfTen)
            if decimal.isExact, decimal.end == at {
                batch.targetNumbers[row] = decimal.value
                batch.targetTexts[row] = ByteRange(start, at - start)
                batch.weights[row] = 1
                batch.ids[row] = .empty
                return scan.next()
            }
        }
        while at.pointee != UInt8(ascii: "|") {
            if at.pointee < 0x20, at.pointee != 0x09 { return nil }
            at = scan.next()
        }
        if start.pointee == 0xef { return nil }  // perhaps a byte order mark
        let frame = VWFrame(start, at)
        return frame.tagIsCommand || frame.store(batch, row, task) != nil ? nil : at
    }
}

/// What became of a line.
enum LineOutcome {
    case record
    /// Nothing to learn from: an empty line.
    case blank
    case rejected(String)
}
