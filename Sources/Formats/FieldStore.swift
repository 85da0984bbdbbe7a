import CBytes
import Records

/// Writes one record's fields into a row of a batch, whatever the format they were read from.
///
/// Nothing here throws: a field that does not fit sets `failure`, and the decoder rejects the record.
struct FieldStore {
    let batch: RecordBatch
    private let numbers: UnsafeMutablePointer<Double>
    private let categories: UnsafeMutablePointer<UInt64>
    private let rawFields: UnsafeMutablePointer<ByteRange>
    private let stride: Int
    private let powers: UnsafeMutablePointer<Double>
    private let scratch: UnsafeMutablePointer<UInt8>
    private let readsTargetNumber: Bool
    private let hasText: Bool
    var row: Int
    /// Why the current record is rejected; nil = it is fine so far.
    var failure: String?

    init(_ batch: RecordBatch, task: Task, hasText: Bool) {
        self.batch = batch
        numbers = batch.numbers
        categories = batch.categories
        rawFields = batch.rawFields
        stride = batch.columnStride
        powers = exactPowersOfTen
        scratch = batch.scratch
        readsTargetNumber = task == .regression
        self.hasText = hasText
        row = batch.rows
    }

    /// Marks every field of the current row as missing.
    @inline(__always)
    func clearRow() {
        for column in 0..<batch.numericCount { numbers[column * stride + row] = .nan }
        for column in 0..<batch.categoricalCount { categories[column * stride + row] = 0 }
        for column in 0..<batch.rawCount { rawFields[column * stride + row] = .empty }
        clearFrame()
    }

    /// Marks target, weight and id of the current row as missing.
    @inline(__always)
    func clearFrame() {
        batch.targetNumbers[row] = .nan
        batch.targetTexts[row] = .empty
        batch.weights[row] = 1
        batch.ids[row] = .empty
    }

    @inline(__always)
    func setMissing(_ sink: FieldSink) {
        switch sink.kind {
        case .numeric: numbers[Int(sink.numberColumn) &* stride &+ row] = .nan
        case .categorical, .vwChained, .vwJoined: categories[Int(sink.categoryColumn) &* stride &+ row] = 0
        case .both:
            numbers[Int(sink.numberColumn) &* stride &+ row] = .nan
            categories[Int(sink.categoryColumn) &* stride &+ row] = 0
        case .time:
            batch.times[row] = .nan
            rawFields[Int(sink.rawColumn) &* stride &+ row] = .empty
        case .raw: rawFields[Int(sink.rawColumn) &* stride &+ row] = .empty
        case .localized: setLocalized(sink, .nan)
        case .named:
            categories[Int(sink.categoryColumn) &* stride &+ row] = 0
            rawFields[Int(sink.rawColumn) &* stride &+ row] = .empty
        default: break
        }
    }

    /// Stores a field given as text. One byte past it must be readable and end a number (a delimiter).
    @inline(__always)
    mutating func setText(_ sink: FieldSink, _ start: UnsafePointer<UInt8>, _ count: Int) {
        switch sink.kind {
        case .numeric:
            let decimal = readDecimal(start, powers)
            if decimal.isExact, decimal.end == start + count {
                numbers[Int(sink.numberColumn) &* stride &+ row] = decimal.value
            } else {
                setUnusualNumber(sink, UnsafeBufferPointer(start: start, count: count))
            }
        case .categorical:
            let missing = count <= 4 && isMissing(UnsafeBufferPointer(start: start, count: count))
            categories[Int(sink.categoryColumn) &* stride &+ row] = missing ? 0 : categoryHash(start, count)
        case .ignored: break
        case .target where !readsTargetNumber && count != 0:
            let text = UnsafeBufferPointer(start: start, count: count)
            batch.targetTexts[row] = count <= 4 && isMissing(text) ? .empty : ByteRange(start, count)
        case .raw:
            let missing = count <= 4 && isMissing(UnsafeBufferPointer(start: start, count: count))
            rawFields[Int(sink.rawColumn) &* stride &+ row] = missing ? .empty : ByteRange(start, count)
        case .named:
            let missing = count <= 4 && isMissing(UnsafeBufferPointer(start: start, count: count))
            categories[Int(sink.categoryColumn) &* stride &+ row] = missing ? 0 : categoryHash(start, count)
            rawFields[Int(sink.rawColumn) &* stride &+ row] = missing ? .empty : ByteRange(start, count)
        case .vwChained, .vwJoined: setVWCategory(sink, start, count)
        default: setOther(sink, UnsafeBufferPointer(start: start, count: count))
        }
    }

    @inline(never)
    private func setVWCategory(_ sink: FieldSink, _ start: UnsafePointer<UInt8>, _ count: Int) {
        let missing = count <= 4 && isMissing(UnsafeBufferPointer(start: start, count: count))
        categories[Int(sink.categoryColumn) &* stride &+ row] = missing ? 0 : sink.vwHash(start, count, scratch)
    }

    /// Stores a field given as a number with its raw text.
    @inline(__always)
    mutating func setNumber(_ sink: FieldSink, _ value: Double, raw: UnsafeBufferPointer<UInt8>) {
        switch sink.kind {
        case .numeric: numbers[Int(sink.numberColumn) &* stride &+ row] = value
        case .categorical:
            categories[Int(sink.categoryColumn) &* stride &+ row] = categoryHash(ofNumber: value, raw: raw)
        case .both:
            numbers[Int(sink.numberColumn) &* stride &+ row] = value
            categories[Int(sink.categoryColumn) &* stride &+ row] = categoryHash(ofNumber: value, raw: raw)
        case .weight: setWeight(value)
        case .ignored: break
        case .target:
            batch.targetNumbers[row] = value
            batch.targetTexts[row] = ByteRange(raw.baseAddress, raw.count)
        case .id: batch.ids[row] = ByteRange(raw.baseAddress, raw.count)
        case .text: addToken(sink, raw)
        case .time:
            batch.times[row] = seconds(ofTimestamp: value)
            setRaw(sink, raw)
        case .raw: setRaw(sink, raw)
        case .localized: setLocalized(sink, value)
        case .named:
            categories[Int(sink.categoryColumn) &* stride &+ row] = categoryHash(ofNumber: value, raw: raw)
            setRaw(sink, raw)
        case .vwChained, .vwJoined:
            guard let start = raw.baseAddress else { return }
            categories[Int(sink.categoryColumn) &* stride &+ row] = sink.vwHash(start, raw.count, scratch)
        }
    }

    private mutating func setWeight(_ value: Double) {
        guard value >= 0, value <= Double(Float.greatestFiniteMagnitude) else {
            failure = "weight \(value) is not a number of at least 0"
            return
        }
        batch.weights[row] = Float(value)
    }

    mutating func setWeight(text: UnsafeBufferPointer<UInt8>, of owner: String) {
        if case .number(let value) = readNumber(text) {
            setWeight(value)
        } else {
            failure = "\(owner): weight is not a number: \(quoted(text))"
        }
    }

    @inline(never)
    private mutating func setUnusualNumber(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        switch readNumber(text) {
        case .number(let value): numbers[Int(sink.numberColumn) &* stride &+ row] = value
        case .missing: numbers[Int(sink.numberColumn) &* stride &+ row] = .nan
        case .outOfRange: failure = "field '\(sink.name)': number out of range: \(quoted(text))"
        case .notANumber: misread(sink, text, "not a number")
        }
    }

    /// A number field holds something else.
    private mutating func misread(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>, _ what: String) {
        // There is no need to count every one of a batch.
        if batch.misreadFields.count < RecordBatch.maximumMisread { batch.misreadFields.append(sink.schemaName) }
        if batch.readsOthersAsMissing { return setMissing(sink) }
        failure = "field '\(sink.name)': \(what): \(quoted(text))"
    }

    @inline(never)
    private mutating func setOther(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        if isMissing(text) {
            setMissing(sink)
            return
        }
        switch sink.kind {
        case .both: setBoth(sink, text)
        case .text: addWords(sink, text)
        case .id: batch.ids[row] = ByteRange(text.baseAddress, text.count)
        case .weight: setWeight(text: text, of: "field '\(sink.name)'")
        case .time: setTime(sink, text)
        case .localized:
            if let value = localizedNumber(text) {
                setLocalized(sink, value)
            } else {
                misread(sink, text, "not a number with a decimal comma")
            }
        case .target:
            batch.targetTexts[row] = ByteRange(text.baseAddress, text.count)
            if readsTargetNumber { setTargetNumber(sink, text) }
        default: break
        }
    }

    private func setLocalized(_ sink: FieldSink, _ value: Double) {
        numbers[Int(sink.numberColumn) &* stride &+ row] = value
        guard sink.categoryColumn >= 0 else { return }
        categories[Int(sink.categoryColumn) &* stride &+ row] = value.isNaN ? 0 : categoryHash(ofNumber: value)
    }

    @inline(__always)
    private func setRaw(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        rawFields[Int(sink.rawColumn) &* stride &+ row] = ByteRange(text.baseAddress, text.count)
    }

    private mutating func setTime(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        setRaw(sink, text)
        if let seconds = readTime(text) {
            batch.times[row] = seconds
        } else {
            failure =
                "field '\(sink.name)': neither a time such as 2024-05-01T12:00:00Z nor seconds since 1970: "
                + quoted(text)
        }
    }

    private mutating func setTargetNumber(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        switch readNumber(text) {
        case .number(let value): batch.targetNumbers[row] = value
        case .missing: batch.targetTexts[row] = .empty
        case .outOfRange: failure = "target '\(sink.name)': number out of range: \(quoted(text))"
        case .notANumber: failure = "target '\(sink.name)': not a number: \(quoted(text))"
        }
    }

    private mutating func setBoth(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        switch readNumber(text) {
        case .number(let value): setNumber(sink, value, raw: text)
        case .missing: setMissing(sink)
        case .outOfRange: failure = "field '\(sink.name)': number out of range: \(quoted(text))"
        case .notANumber: misread(sink, text, "not a number")
        }
    }

    /// One item of a bag, whole.
    func addToken(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        guard let base = text.baseAddress, text.count > 0 else { return }
        batch.tokens.append(categoryHash(base, text.count) ^ sink.salt)
    }

    /// The words of a text: runs of ASCII letters and digits, lowercased, and of bytes outside ASCII.
    private func addWords(_ sink: FieldSink, _ text: UnsafeBufferPointer<UInt8>) {
        var word: [UInt8] = []
        for byte in text {
            switch byte {
            case 0x30...0x39, 0x61...0x7a, 0x80...0xff: word.append(byte)
            case 0x41...0x5a: word.append(byte | 0x20)
            default:
                word.withUnsafeBufferPointer { addToken(sink, $0) }
                word.removeAll(keepingCapacity: true)
            }
        }
        word.withUnsafeBufferPointer { addToken(sink, $0) }
    }

    /// Copies bytes that must live as long as the batch.
    func keep(_ text: UnsafeBufferPointer<UInt8>) -> UnsafePointer<UInt8> {
        let home = Chunk(capacity: text.count)
        home.append(ByteRange(text.baseAddress, text.count))
        keep(home)
        return UnsafePointer(home.base)
    }

    /// Keeps a chunk alive as long as the batch, behind the one that is being decoded.
    func keep(_ home: Chunk) { batch.chunks.insert(home, at: max(batch.chunks.count - 1, 0)) }

    /// Forgets tokens that an abandoned attempt at the current record left behind.
    func dropTokensOfUnfinishedRecord() {
        batch.tokens.removeLast(batch.tokens.count - (batch.tokenEnds.last ?? 0))
    }

    /// Ends the current record: it becomes a row, or is rejected with the reason in `failure`.
    @inline(__always)
    mutating func finishRecord(_ position: RecordPosition, raw: ByteRange) {
        if failure != nil { return rejectRecord(position, raw: raw) }
        batch.positions[row] = position
        batch.raw[row] = raw
        if hasText { batch.tokenEnds.append(batch.tokens.count) }
        row &+= 1
        batch.rows = row
    }

    @inline(never)
    mutating func rejectRecord(_ position: RecordPosition, raw: ByteRange) {
        batch.reject(failure ?? "rejected", at: position, raw: raw)
        failure = nil
        if hasText { dropTokensOfUnfinishedRecord() }
    }
}

/// Bytes of a byte order mark at the beginning of a text: 3 or 0.
func byteOrderMarkCount(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int {
    count >= 3 && text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf ? 3 : 0
}

/// The beginning of a text in quotes, for messages.
func quoted(_ text: UnsafeBufferPointer<UInt8>) -> String {
    let shown = String(decoding: text.prefix(40), as: UTF8.self)
    return "'\(shown)\(text.count > 40 ? "..." : "")'"
}
