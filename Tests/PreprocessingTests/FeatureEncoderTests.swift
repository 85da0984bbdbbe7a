import Preprocessing
import Records
import State
import Testing

@Suite struct FeatureEncoderTests {
    /// Four rows of one number (missing in row 1) and one category.
    private func batch(_ categories: [UInt64]) -> RecordBatch {
        let batch = RecordBatch(capacity: 4, numericCount: 1, categoricalCount: 1, isFeatureNative: false)
        batch.rows = categories.count
        for (row, category) in categories.enumerated() {
            batch.numbers[row] = row == 1 ? .nan : Double(row)
            batch.categories[row] = category
        }
        return batch
    }

    private let schema = Schema(fields: [Field("n", .numeric), Field("c", .categorical)], task: .binary)

    private func encode(_ encoder: FeatureEncoder, _ batch: RecordBatch, learns: Bool) -> [[UInt32]] {
        let features = FeatureBatch(capacity: 4)
        let flags = [Bool](repeating: true, count: 4)
        flags.withUnsafeBufferPointer {
            encoder.encode(batch, learningNumbers: nil, learns: learns ? $0.baseAddress : nil, into: features)
        }
        return (0..<features.rows).map { row in
            (features.offsets[row]..<features.offsets[row + 1]).map { features.indices[$0] }
        }
    }

    @Test func oneHotGivesSlotsInOrderOfAppearanceWhileThereIsRoom() {
        let encoder = FeatureEncoder(
            schema: schema, style: .native, bits: 10, indicators: false, crosses: [], oneHotCapacity: 2)
        let first = UInt32(encoder.denseCount + 1024)
        let before = encoder.digest
        let unseen = encode(encoder, batch([11, 12]), learns: false)
        #expect(unseen.allSatisfy { $0.allSatisfy { $0 < first } })
        #expect(encoder.digest == before, "predicting changes nothing")
        let rows = encode(encoder, batch([11, 12, 11, 13]), learns: true)
        #expect(rows.map { $0[$0.count - 1] }.prefix(3) == [first, first + 1, first])
        #expect(rows[3][rows[3].count - 1] < first, "the third category has no room and is hashed")
        #expect(rows.allSatisfy { $0.allSatisfy { Int($0) < encoder.slotCount } })
    }

    @Test func indicatorsSeeWhatWasMissingBeforeItWasFilledIn() {
        let encoder = FeatureEncoder(schema: schema, style: .native, bits: 10, indicators: true, crosses: [])
        let records = batch([1, 1, 1])
        encoder.noteMissing(records, columns: 0..<1)
        records.numbers[1] = 0.5
        #expect(encode(encoder, records, learns: true).map(\.count) == [2, 3, 2])
    }
}
