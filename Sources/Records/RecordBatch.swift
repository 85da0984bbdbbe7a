/// A record that could not be decoded or learned: what the quarantine keeps.
public struct RejectedRecord: Sendable {
    public let reason: String
    public var position: RecordPosition
    /// The raw bytes, cut at `maximumBytes`.
    public var bytes: [UInt8]
    /// The message's key; nil: it had none, or came from no message.
    public var key: [UInt8]?

    public static let maximumBytes = 64 << 10

    public init(reason: String, position: RecordPosition, bytes: [UInt8]) {
        self.reason = reason
        self.position = position
        self.bytes = bytes
    }
}

/// Up to `capacity` decoded records, by column, in recycled buffers.
///
/// Owned by one thread at a time: the decoder fills it, the learner drains it. Column c of the numbers stands at
/// `numbers + c * columnStride`, likewise the categories. Ranges point into `chunks`.
public final class RecordBatch: @unchecked Sendable {
    public let capacity: Int
    /// Elements from one column to the next: a cache line more than `capacity`, so that the columns of one row do not
    /// all fall into the same cache set.
    public let columnStride: Int
    public let numericCount: Int
    public let categoricalCount: Int
    /// Columns that decoders fill; those behind them are made by steps.
    public let decodedNumericCount: Int
    public let decodedCategoricalCount: Int
    /// Columns of fields that are kept as the bytes they came with.
    public let rawCount: Int
    public let tokenLists: [TokenList]

    @exclusivity(unchecked) public var rows = 0
    /// Numbers by column; NaN = missing.
    public let numbers: UnsafeMutablePointer<Double>
    /// Hashes of category values by column; 0 = missing.
    public let categories: UnsafeMutablePointer<UInt64>
    /// Bytes of fields with the roles `raw` and `time` by column, neither read nor hashed; empty = missing.
    public let rawFields: UnsafeMutablePointer<ByteRange>
    /// Words of text fields and items of bags, as hashes, row after row.
    public var tokens: [UInt64] = []
    /// Tokens of row r: `tokenEnds[r - 1] ..< tokenEnds[r]`.
    public var tokenEnds: [Int] = []
    /// The target as a number; NaN = missing or not a number.
    public let targetNumbers: UnsafeMutablePointer<Double>
    /// The target as text; empty = missing.
    public let targetTexts: UnsafeMutablePointer<ByteRange>
    public let weights: UnsafeMutablePointer<Float>
    public let ids: UnsafeMutablePointer<ByteRange>
    /// Seconds since 1970; NaN = missing. Meaningful only where the schema has a field of that role.
    public let times: UnsafeMutablePointer<Double>
    public let positions: UnsafeMutablePointer<RecordPosition>
    /// The raw bytes of each record, without its line end.
    public let raw: UnsafeMutablePointer<ByteRange>
    /// Room that a decoder may use while it works on one field.
    public let scratch: UnsafeMutablePointer<UInt8>
    public static let scratchBytes = 8192
    /// Filled by decoders of feature-native formats.
    public let features: FeatureBatch?
    /// Where reading goes on after the last record of this batch, accepted or rejected.
    public var endPosition = RecordPosition(part: 0, offset: 0, line: 1)
    public var rejected: [RejectedRecord] = []
    /// Names of fields that the schema does not know, each once in a while.
    public var unknownFields: [String] = []
    /// The name of a number field for every value in it that was none.
    public var misreadFields: [String] = []
    public static let maximumMisread = 4096
    /// A number field counts as missing where it holds something else, rather than that the record is rejected.
    public var readsOthersAsMissing = false
    /// Keeps the bytes alive that the ranges point into.
    public var chunks: [Chunk] = []

    /// - Parameters:
    ///   - tokenLists: how many steps bring words of their own.
    ///   - madeNumbers: of the number columns, how many steps make.
    ///   - madeCategories: likewise of the category columns.
    public init(
        capacity: Int, numericCount: Int, categoricalCount: Int, isFeatureNative: Bool, rawCount: Int = 0,
        tokenLists: Int = 0, madeNumbers: Int = 0, madeCategories: Int = 0
    ) {
        decodedNumericCount = numericCount - madeNumbers
        decodedCategoricalCount = categoricalCount - madeCategories
        self.capacity = capacity
        self.rawCount = rawCount
        self.tokenLists = (0..<tokenLists).map { _ in TokenList() }
        columnStride = capacity + 8
        self.numericCount = numericCount
        self.categoricalCount = categoricalCount
        numbers = .allocate(capacity: max(numericCount * columnStride, 1))
        categories = .allocate(capacity: max(categoricalCount * columnStride, 1))
        rawFields = .allocate(capacity: max(rawCount * columnStride, 1))
        targetNumbers = .allocate(capacity: capacity)
        targetTexts = .allocate(capacity: capacity)
        weights = .allocate(capacity: capacity)
        ids = .allocate(capacity: capacity)
        times = .allocate(capacity: capacity)
        positions = .allocate(capacity: capacity)
        raw = .allocate(capacity: capacity)
        scratch = .allocate(capacity: Self.scratchBytes)
        features = isFeatureNative ? FeatureBatch(capacity: capacity) : nil
    }

    /// With the columns that decoders fill for a schema.
    public convenience init(capacity: Int, for schema: Schema) {
        self.init(
            capacity: capacity, numericCount: schema.fields(.numeric, .both).count,
            categoricalCount: schema.fields(.categorical, .both).count, isFeatureNative: schema.isFeatureNative,
            rawCount: schema.keptFields.count)
    }

    deinit {
        numbers.deallocate()
        categories.deallocate()
        rawFields.deallocate()
        targetNumbers.deallocate()
        targetTexts.deallocate()
        weights.deallocate()
        ids.deallocate()
        times.deallocate()
        positions.deallocate()
        raw.deallocate()
        scratch.deallocate()
    }

    /// Whether it should be passed on: no row fits any more, or so much was rejected that memory should be given back.
    public var isFull: Bool { rows == capacity || rejected.count >= capacity }

    /// Empties the batch, keeping its buffers.
    public func recycle() {
        rows = 0
        tokens.removeAll(keepingCapacity: true)
        tokenEnds.removeAll(keepingCapacity: true)
        rejected.removeAll(keepingCapacity: true)
        unknownFields.removeAll(keepingCapacity: true)
        misreadFields.removeAll(keepingCapacity: true)
        chunks.removeAll(keepingCapacity: true)
        features?.recycle()
    }

    /// Keeps `chunk` alive as long as this batch's records are in use.
    @inlinable public func retain(_ chunk: Chunk) {
        if chunks.last !== chunk { chunks.append(chunk) }
    }

    /// Makes this batch a copy of some rows of another of the same shape, without its rejected records.
    public func copyRows(_ range: Range<Int>, of source: RecordBatch) {
        recycle()
        chunks = source.chunks
        rows = range.count
        let first = range.lowerBound
        for column in 0..<numericCount {
            (numbers + column * columnStride).update(
                from: source.numbers + column * source.columnStride + first, count: rows)
        }
        for column in 0..<categoricalCount {
            (categories + column * columnStride).update(
                from: source.categories + column * source.columnStride + first, count: rows)
        }
        targetNumbers.update(from: source.targetNumbers + first, count: rows)
        targetTexts.update(from: source.targetTexts + first, count: rows)
        weights.update(from: source.weights + first, count: rows)
        ids.update(from: source.ids + first, count: rows)
        times.update(from: source.times + first, count: rows)
        positions.update(from: source.positions + first, count: rows)
        raw.update(from: source.raw + first, count: rows)
        for column in 0..<rawCount {
            (rawFields + column * columnStride).update(
                from: source.rawFields + column * source.columnStride + first, count: rows)
        }
        copyLists(range, of: source)
    }

    /// Copies what has no fixed length a row.
    private func copyLists(_ range: Range<Int>, of source: RecordBatch) {
        if !source.tokenEnds.isEmpty {
            let start = range.lowerBound > 0 ? source.tokenEnds[range.lowerBound - 1] : 0
            let end = range.isEmpty ? start : source.tokenEnds[range.upperBound - 1]
            tokens.append(contentsOf: source.tokens[start..<end])
            for row in range { tokenEnds.append(source.tokenEnds[row] - start) }
        }
        guard let from = source.features, let features else { return }
        features.copyRows(range, of: from)
        guard !from.spanEnds.isEmpty else { return }
        let start = range.lowerBound > 0 ? from.spanEnds[range.lowerBound - 1] : 0
        let end = range.isEmpty ? start : from.spanEnds[range.upperBound - 1]
        let distance = from.offsets[range.lowerBound]
        for span in from.spans[start..<end] { features.spans.append(span.moved(by: -distance)) }
        for row in range { features.spanEnds.append(from.spanEnds[row] - start) }
    }

    /// Takes a row out, as rejected; later rows move up.
    public func rejectRow(_ row: Int, _ reason: String) {
        reject(reason, at: positions[row], raw: raw[row])
        removeRow(row)
    }

    /// Takes a row out; later rows move up.
    public func removeRow(_ row: Int) {
        let after = rows - row - 1
        for column in 0..<numericCount { Self.close(numbers + column * columnStride + row, after) }
        for column in 0..<categoricalCount { Self.close(categories + column * columnStride + row, after) }
        for column in 0..<rawCount { Self.close(rawFields + column * columnStride + row, after) }
        Self.close(targetNumbers + row, after)
        Self.close(targetTexts + row, after)
        Self.close(weights + row, after)
        Self.close(ids + row, after)
        Self.close(times + row, after)
        Self.close(positions + row, after)
        Self.close(raw + row, after)
        features?.removeRow(row)
        if !tokenEnds.isEmpty {
            let start = row > 0 ? tokenEnds[row - 1] : 0
            let count = tokenEnds[row] - start
            tokens.removeSubrange(start..<start + count)
            tokenEnds.remove(at: row)
            for later in row..<tokenEnds.count { tokenEnds[later] -= count }
        }
        rows -= 1
    }

    private static func close<T>(_ hole: UnsafeMutablePointer<T>, _ after: Int) {
        hole.update(from: hole + 1, count: after)
    }

    public func reject(_ reason: String, at position: RecordPosition, raw: ByteRange) {
        let bytes = raw.buffer.prefix(RejectedRecord.maximumBytes)
        rejected.append(RejectedRecord(reason: reason, position: position, bytes: Array(bytes)))
    }
}
