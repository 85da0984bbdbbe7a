import Records

/// Records whose targets have come, put together again from what was kept of them, to be learned in one go.
final class RevealBatch {
    private let pipeline: Pipeline
    let records: RecordBatch
    let features: FeatureBatch
    let answers: PredictionBatch
    private(set) var known: [Int] = []
    private(set) var isServed: [Bool] = []
    /// The texts of the targets, one behind the other, each with a line end.
    private var texts: [UInt8] = []
    private var textRanges: [Range<Int>] = []
    private let capacity: Int

    init(_ pipeline: Pipeline) {
        self.pipeline = pipeline
        // A mean step over records that came together by chance would depend on the chance.
        capacity = pipeline.configuration.batchMode == .mean ? 1 : pipeline.configuration.batchSize
        records = pipeline.makeRecordBatch()
        features = records.features ?? FeatureBatch(capacity: pipeline.configuration.batchSize)
        features.reserveAttributes(pipeline.attributeCount)
        answers = PredictionBatch(capacity: pipeline.configuration.batchSize)
    }

    var isEmpty: Bool { records.rows == 0 }
    var isFull: Bool { records.rows == capacity }

    /// Takes in a record with its target. False: it is damaged.
    func add(
        _ record: PendingRecord, _ words: UnsafeBufferPointer<UInt64>, number: Double,
        text: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        let row = records.rows
        guard record.outputs.count <= 1 << 20, fits(record, words) else { return false }
        setFields(row, record, words)
        records.targetNumbers[row] = number
        textRanges.append(texts.count..<texts.count + text.count)
        texts += text
        texts.append(0x0a)
        answers.widen(to: max(record.outputs.count, Int(record.known)))
        let outputs = answers.outputs(of: row)
        for index in 0..<answers.width {
            outputs[index] =
                index < record.outputs.count ? Double(bitPattern: words[record.outputs.lowerBound + index]) : 0
        }
        answers.classes[row] = record.predictedClass
        known.append(Int(record.known))
        isServed.append(record.isServed)
        records.rows = row + 1
        return true
    }

    /// Whether a restored record is of this pipeline's shape: what lies outside would be written outside.
    private func fits(_ record: PendingRecord, _ words: UnsafeBufferPointer<UInt64>) -> Bool {
        guard record.known >= 0, record.known <= 1 << 20, record.weight >= 0,
            record.numbers.isEmpty || record.numbers.count == records.numericCount,
            record.categories.isEmpty || record.categories.count == records.categoricalCount
        else { return false }
        if pipeline.attributeCount > 0 {
            return record.features.isEmpty
                || record.features.count == pipeline.attributeCount
                    && words[record.features].allSatisfy { !Double(bitPattern: $0).isInfinite }
        }
        return words[record.features].allSatisfy { Int(UInt32(truncatingIfNeeded: $0)) < pipeline.slotCount }
    }

    private func setFields(_ row: Int, _ record: PendingRecord, _ words: UnsafeBufferPointer<UInt64>) {
        let stride = records.columnStride
        for column in 0..<records.numericCount {
            records.numbers[column * stride + row] =
                record.numbers.isEmpty ? .nan : Double(bitPattern: words[record.numbers.lowerBound + column])
        }
        for column in 0..<records.categoricalCount {
            records.categories[column * stride + row] =
                record.categories.isEmpty ? 0 : words[record.categories.lowerBound + column]
        }
        records.tokens.append(contentsOf: words[record.tokens])
        records.tokenEnds.append(records.tokens.count)
        records.weights[row] = record.weight
        records.ids[row] = .empty
        records.positions[row] = record.position
        records.raw[row] = .empty
        features.appendRow(words: words[record.features])
    }

    /// Learns them, in order, and empties the batch.
    func learn() {
        guard records.rows > 0 else { return }
        texts.withUnsafeBufferPointer { texts in
            for (row, range) in textRanges.enumerated() {
                records.targetTexts[row] = ByteRange(texts.baseAddress.map { $0 + range.lowerBound }, range.count)
            }
            pipeline.learnDelayed(records, features, answers, known: known, isServed: isServed)
        }
        records.recycle()
        features.recycle()
        known.removeAll(keepingCapacity: true)
        isServed.removeAll(keepingCapacity: true)
        texts.removeAll(keepingCapacity: true)
        textRanges.removeAll(keepingCapacity: true)
    }
}
