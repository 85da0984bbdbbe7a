import Components
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

    @Test func identifiersAreAdmittedAndExpire() throws {
        let parameters = try Hyperparameters(
            EncodingSteps.identifiers, given: ["capacity": "1", "admit": "2", "expire": "3"])
        let encoder = FeatureEncoder(
            schema: schema, style: .native, bits: 10, indicators: false, crosses: [], identifiers: parameters)
        let own = UInt32(encoder.denseCount + 1024)
        func ownSlots(_ categories: [UInt64], learns: Bool = true) -> [Bool] {
            encode(encoder, batch(categories), learns: learns).map { $0.contains(own) }
        }
        // Two records let 11 in; the third has the slot. There is no room for 12.
        #expect(ownSlots([11, 11, 11, 12]) == [false, false, true, false])
        #expect(ownSlots([12, 12, 11]) == [false, false, true])
        // 11 is not seen for more than three records: 12 takes its slot, and has it from the next record on.
        #expect(ownSlots([12, 12, 12, 12]) == [false, false, false, false])
        let before = encoder.digest
        #expect(ownSlots([12, 11], learns: false) == [true, false])
        #expect(encoder.digest == before, "predicting changes nothing")
        #expect(encoder.notes == [StepNote("identifiers", "1"), StepNote("expired", "1")])
    }

    @Test func signsAndSaltsMoveFeaturesAndCollisionsAreCounted() throws {
        func encoder(_ fields: [String: String]) throws -> FeatureEncoder {
            FeatureEncoder(
                schema: schema, style: .native, bits: 2, indicators: false, crosses: [],
                hashing: HashingOptions(try Hyperparameters(EncodingSteps.hash, given: fields)))
        }
        let records = batch([3, 4, 5, 6])
        let plain = FeatureEncoder(schema: schema, style: .native, bits: 2, indicators: false, crosses: [])
        let expected = encode(plain, records, learns: true)
        #expect(encode(try encoder([:]), records, learns: true) == expected)
        #expect(encode(try encoder(["salt": "1"]), records, learns: true) != expected)
        let counted = try encoder(["count-collisions": "true", "signed": "true"])
        #expect(encode(counted, records, learns: true) == expected, "a sign does not move a feature")
        let slots = Set(expected.map { $0[$0.count - 1] }).count
        #expect(
            counted.notes == [
                StepNote("features", "4"), StepNote("slots taken", "\(slots)"),
                StepNote("collided features", "\(4 - slots)"),
            ])
    }

    @Test func indicatorsSeeWhatWasMissingBeforeItWasFilledIn() {
        let encoder = FeatureEncoder(schema: schema, style: .native, bits: 10, indicators: true, crosses: [])
        let records = batch([1, 1, 1])
        encoder.noteMissing(records, columns: 0..<1)
        records.numbers[1] = 0.5
        #expect(encode(encoder, records, learns: true).map(\.count) == [2, 3, 2])
    }
}
