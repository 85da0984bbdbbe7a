import Records

/// A decoded record with everything that it brought, in words.
///
/// Header: time, weight, its place in the source, target as a number, then how many numbers, categories, tokens and texts
/// follow. A text is its length and its bytes: the record itself, the target, the id, the raw fields.
struct StoredRecord {
    static let headerWords = 10
    /// Texts before the raw fields.
    static let leadingTexts = 3

    let words: UnsafeBufferPointer<UInt64>
    let numbers: Range<Int>
    let categories: Range<Int>
    let tokens: Range<Int>
    /// Places of the texts' bytes.
    let texts: [UnsafeBufferPointer<UInt8>]

    static func append(_ row: Int, of batch: RecordBatch, time: Double, to words: inout [UInt64]) {
        let stride = batch.columnStride
        let tokens =
            batch.tokenEnds.indices.contains(row)
            ? (row > 0 ? batch.tokenEnds[row - 1] : 0)..<batch.tokenEnds[row] : 0..<0
        let position = batch.positions[row]
        words.append(time.bitPattern)
        words.append(UInt64(batch.weights[row].bitPattern))
        words.append(UInt64(bitPattern: Int64(position.part)))
        words.append(UInt64(bitPattern: Int64(position.offset)))
        words.append(UInt64(bitPattern: Int64(position.line)))
        words.append(batch.targetNumbers[row].bitPattern)
        words.append(UInt64(batch.numericCount))
        words.append(UInt64(batch.categoricalCount))
        words.append(UInt64(tokens.count))
        words.append(UInt64(batch.rawCount + leadingTexts))
        for column in 0..<batch.numericCount {
            // What steps make is made later.
            let isMade = column >= batch.decodedNumericCount
            words.append((isMade ? .nan : batch.numbers[column * stride + row]).bitPattern)
        }
        for column in 0..<batch.categoricalCount {
            words.append(column >= batch.decodedCategoricalCount ? 0 : batch.categories[column * stride + row])
        }
        words.append(contentsOf: batch.tokens[tokens])
        func add(_ text: ByteRange) {
            words.append(UInt64(text.count))
            words.append(bytes: text.buffer)
        }
        add(batch.raw[row])
        add(batch.targetTexts[row])
        add(batch.ids[row])
        for column in 0..<batch.rawCount { add(batch.rawFields[column * stride + row]) }
    }

    /// Nil: these are no such words, or they are of another shape than the batch.
    init?(_ words: UnsafeBufferPointer<UInt64>, fitting batch: RecordBatch) {
        guard words.count >= Self.headerWords, words[6] == UInt64(batch.numericCount),
            words[7] == UInt64(batch.categoricalCount), words[9] == UInt64(batch.rawCount + Self.leadingTexts),
            words[8] <= UInt64(words.count)
        else { return nil }
        self.words = words
        var at = Self.headerWords
        func take(_ count: UInt64) -> Range<Int> {
            defer { at += Int(count) }
            return at..<at + Int(count)
        }
        numbers = take(words[6])
        categories = take(words[7])
        tokens = take(words[8])
        guard at <= words.count else { return nil }
        var texts: [UnsafeBufferPointer<UInt8>] = []
        for _ in 0..<words[9] {
            guard at < words.count, words[at] <= UInt64(words.count) * 8 else { return nil }
            let bytes = Int(words[at])
            let end = at + PendingRecord.words(ofText: bytes)
            guard end <= words.count else { return nil }
            let start = words.baseAddress.map { UnsafeRawPointer($0 + at + 1).assumingMemoryBound(to: UInt8.self) }
            texts.append(UnsafeBufferPointer(start: start, count: bytes))
            at = end
        }
        self.texts = texts
    }

    /// Puts all but the texts into a row.
    func restore(into batch: RecordBatch, _ row: Int) {
        let stride = batch.columnStride
        batch.times[row] = Double(bitPattern: words[0])
        batch.weights[row] = Float(bitPattern: UInt32(truncatingIfNeeded: words[1]))
        batch.positions[row] = RecordPosition(
            part: Int(truncatingIfNeeded: words[2]), offset: Int(truncatingIfNeeded: words[3]),
            line: Int(truncatingIfNeeded: words[4]))
        batch.targetNumbers[row] = Double(bitPattern: words[5])
        for (column, at) in numbers.enumerated() {
            batch.numbers[column * stride + row] = Double(bitPattern: words[at])
        }
        for (column, at) in categories.enumerated() { batch.categories[column * stride + row] = words[at] }
        batch.tokens.append(contentsOf: words[tokens])
        batch.tokenEnds.append(batch.tokens.count)
    }
}

/// A batch of records that have their turn, with a home for their texts.
final class OrderedBatch {
    let records: RecordBatch
    /// The texts one behind the other.
    private var bytes: [UInt8] = []
    private var ranges: [Range<Int>] = []

    init(_ pipeline: Pipeline) { records = pipeline.makeRecordBatch() }

    var isEmpty: Bool { records.rows == 0 && records.rejected.isEmpty }
    var isFull: Bool { records.rows == records.capacity }

    /// Takes in a record. False: it is damaged.
    func add(_ words: UnsafeBufferPointer<UInt64>) -> Bool {
        guard let record = StoredRecord(words, fitting: records) else { return false }
        record.restore(into: records, records.rows)
        for text in record.texts {
            ranges.append(bytes.count..<bytes.count + text.count)
            bytes += text
            // What reads a text may look at the byte behind it.
            bytes.append(0x0a)
        }
        records.rows += 1
        return true
    }

    /// Hands the batch on and empties it.
    func emit(_ body: (RecordBatch) -> Void) {
        guard !isEmpty else { return }
        bytes.append(contentsOf: repeatElement(0, count: Chunk.padding))
        bytes.withUnsafeBufferPointer { bytes in
            let width = StoredRecord.leadingTexts + records.rawCount
            for row in 0..<records.rows {
                func text(_ index: Int) -> ByteRange {
                    let range = ranges[row * width + index]
                    return range.isEmpty
                        ? .empty : ByteRange(bytes.baseAddress.map { $0 + range.lowerBound }, range.count)
                }
                records.raw[row] = text(0)
                records.targetTexts[row] = text(1)
                records.ids[row] = text(2)
                for column in 0..<records.rawCount {
                    records.rawFields[column * records.columnStride + row] = text(StoredRecord.leadingTexts + column)
                }
            }
            body(records)
        }
        records.recycle()
        bytes.removeAll(keepingCapacity: true)
        ranges.removeAll(keepingCapacity: true)
    }
}
