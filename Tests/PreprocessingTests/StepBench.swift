import Components
import Records
import State
import Testing

@testable import Preprocessing

/// Records in memory, and steps over them as a pipeline makes them.
final class StepBench {
    var layout: FieldLayout
    private(set) var steps: [any RecordTransformer] = []

    init(
        numbers: [String] = [], categories: [String] = [], raw: [String] = [], task: Records.Task = .binary,
        seed: UInt64 = 1
    ) {
        layout = FieldLayout(
            Schema(
                fields: numbers.map { Field($0, .numeric) } + categories.map { Field($0, .categorical) }
                    + raw.map { Field($0, .raw) } + [Field("id", .id)], task: task), seed: seed)
    }

    @discardableResult func add(_ name: String, _ fields: [String: String] = [:]) throws -> any RecordTransformer {
        let found = try #require(RecordTransformerRegistry.all.first { $0.descriptor.name == name })
        let step = try found.make(Hyperparameters(found.descriptor, given: fields), &layout)
        steps.append(step)
        return step
    }

    struct Record {
        var numbers: [Double] = []
        var categories: [UInt64] = []
        var raw: [String] = []
        var target = Double.nan
    }

    /// Runs records through all steps, in batches of a size.
    ///
    /// - Returns: for each record the numbers of all columns, and its words' values.
    @discardableResult func run(
        _ records: [Record], batchSize: Int = 1000, learns: Bool = true
    ) -> (numbers: [[Double]], words: [[(hash: UInt64, value: Float)]]) {
        var numbers: [[Double]] = []
        var words: [[(hash: UInt64, value: Float)]] = []
        var start = 0
        while start < records.count {
            let part = records[start..<min(start + batchSize, records.count)]
            let batch = Self.batch(Array(part), layout)
            let targets = part.map(\.target)
            let flags = targets.map { !$0.isNaN }
            targets.withUnsafeBufferPointer { targets in
                flags.withUnsafeBufferPointer { flags in
                    guard let first = targets.baseAddress else { return }
                    let view = RecordView(batch, targets: first, learns: learns ? flags.baseAddress : nil)
                    for step in steps { step.process(view) }
                }
            }
            for row in 0..<part.count {
                numbers.append((0..<batch.numericCount).map { batch.numbers[$0 * batch.columnStride + row] })
                words.append(
                    batch.tokenLists.flatMap { list in list.range(row).map { (list.hashes[$0], list.values[$0]) } })
            }
            start += part.count
        }
        return (numbers, words)
    }

    static func batch(_ records: [Record], _ layout: FieldLayout) -> RecordBatch {
        let batch = RecordBatch(
            capacity: max(records.count, 1), numericCount: layout.numberNames.count,
            categoricalCount: layout.categoryNames.count, isFeatureNative: false, rawCount: layout.rawNames.count,
            tokenLists: layout.tokenListCount)
        batch.rows = records.count
        for (row, record) in records.enumerated() {
            for column in 0..<batch.numericCount {
                let given = column < record.numbers.count ? record.numbers[column] : .nan
                batch.numbers[column * batch.columnStride + row] = given
            }
            for (column, value) in record.categories.enumerated() {
                batch.categories[column * batch.columnStride + row] = value
            }
            for (column, text) in record.raw.enumerated() {
                batch.rawFields[column * batch.columnStride + row] = keep(text, in: batch)
            }
            batch.raw[row] = keep("\(record)", in: batch)
            batch.ids[row] = batch.raw[row]
            batch.positions[row] = RecordPosition(part: 0, offset: row, line: row + 1)
            batch.targetNumbers[row] = record.target
            batch.targetTexts[row] = .empty
            batch.weights[row] = 1
        }
        return batch
    }

    private static func keep(_ text: String, in batch: RecordBatch) -> ByteRange {
        let bytes = Array(text.utf8)
        let chunk = Chunk(capacity: max(bytes.count, 1))
        bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        batch.chunks.append(chunk)
        return ByteRange(UnsafePointer(chunk.base), bytes.count)
    }

    /// The column of a number field.
    func column(_ name: String) throws -> Int { try #require(layout.numberNames.firstIndex(of: name)) }

    var digest: String {
        StateSummary(steps.enumerated().flatMap { $1.state.prefixed("\($0)") }).digest
    }
}
