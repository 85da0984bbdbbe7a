import Records
import Testing

@testable import Formats

/// Logged decisions: what is read, and what is refused.
@Suite struct DecisionTests {
    private static func decode(_ lines: [String]) throws -> RecordBatch {
        let text = lines.joined(separator: "\n") + "\n"
        let schema = Schema(fields: [Field("label", .target)], task: .bandit, isFeatureNative: true)
        let batch = RecordBatch(capacity: 16, for: schema)
        let bytes = Array(text.utf8)
        let chunk = Chunk(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        let decoder = DecisionDecoder(schema: schema, bits: 18)
        _ = try decoder.decode(chunk, from: 0, isEnd: true, into: batch)
        return batch
    }

    private static let context =
        #""c":{"User":{"name":"Tom","age":31},"_multi":[{"A":{"x":1}},{"A":{"x":2,"y":true}}]}"#

    @Test func aDecisionIsRead() throws {
        let line =
            #"{"_label_cost":-1.5,"_label_probability":0.25,"_labelIndex":1,"EventId":"e7",\#(Self.context),"a":[2,1],"p":[0.25,0.75]}"#
        let batch = try Self.decode([line])
        #expect(batch.rows == 1 && batch.rejected.isEmpty)
        #expect(batch.targetNumbers[0] == -1.5)
        #expect(batch.ids[0].text == "e7")
        let features = try #require(batch.features)
        var starts: [Int] = []
        let decision = try #require(DecisionRow(features, 0, starts: &starts))
        #expect(decision.chosen == 1 && decision.probability == 0.25 && decision.actionCount == 2)
        #expect(decision.context.count == 2)
        #expect(DecisionRow.action(0, starts).count == 1 && DecisionRow.action(1, starts).count == 2)
        #expect(features.values[DecisionRow.action(1, starts).lowerBound] == 2)
        // The same name in the same namespace has the same slot, whatever its number.
        #expect(
            features.indices[DecisionRow.action(0, starts).lowerBound]
                == features.indices[DecisionRow.action(1, starts).lowerBound])
        #expect(features.values[decision.context.lowerBound] == 1)
    }

    /// Vowpal Wabbit 9.11.9 `--dsjson --audit`: User^name^Tom, Action^article^music and their slots at 18 bits.
    @Test func slotsAreVowpalWabbits() throws {
        let batch = try Self.decode([
            #"{"c":{"User":{"name":"Tom"},"_multi":[{"Action":{"article":"music"}}]}}"#
        ])
        let features = try #require(batch.features)
        var starts: [Int] = []
        let decision = try #require(DecisionRow(features, 0, starts: &starts))
        #expect(batch.targetNumbers[0].isNaN && decision.chosen == -1)
        #expect(features.indices[decision.context.lowerBound] == 77051)
        #expect(features.indices[DecisionRow.action(0, starts).lowerBound] == 5176)
    }

    @Test func ordersOfActionsServeWhereNothingElseDoes() throws {
        let batch = try Self.decode([#"{"_label_cost":2,\#(Self.context),"a":[2,1],"p":[0.75,0.25]}"#])
        let features = try #require(batch.features)
        var starts: [Int] = []
        let decision = try #require(DecisionRow(features, 0, starts: &starts))
        #expect(decision.chosen == 1 && decision.probability == 0.75 && batch.targetNumbers[0] == 2)
    }

    @Test(arguments: [
        ("[1]", "not a JSON object"), ("{", "not JSON"), (#"{"c":1}"#, "no context"), (#"{"c":{}}"#, "no actions"),
        (#"{"c":{"_multi":[]}}"#, "no actions"), (#"{"c":{"_multi":[1]}}"#, "not an object"),
        (#"{"_label_cost":1,"_label_probability":0,"_labelIndex":0,"c":{"_multi":[{}]}}"#, "probability 0"),
        (#"{"_label_cost":1,"_label_probability":2,"_labelIndex":0,"c":{"_multi":[{}]}}"#, "probability 2"),
        (#"{"_label_cost":1,"_label_probability":0.5,"_labelIndex":1,"c":{"_multi":[{}]}}"#, "number 2 of 1"),
        (#"{"c":{"u":{"x":1e300},"_multi":[{}]}}"#, "too large"),
    ])
    func whatIsWrongIsSaid(_ line: String, _ reason: String) throws {
        let good = #"{"c":{"_multi":[{"x":1}]}}"#
        let batch = try Self.decode([good, line, "", good])
        #expect(batch.rows == 2)
        #expect(
            batch.rejected.count == 1 && batch.rejected[0].reason.contains(reason), "\(batch.rejected.map(\.reason))")
        #expect(batch.rejected.first?.position.line == 2)
        #expect(batch.features?.rows == 2)
    }
}
