import Foundation
import Records
import Testing

@testable import Formats

/// Avro against JSON Lines: the same records of fastavro (scripts/make_avro_fixtures.py) come to the same rows.
@Suite struct AvroFixtureTests {
    static let codecs = ["null", "deflate", "zstandard", "snappy"]

    private static func fixture(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/Avro/\(name)")
        return Array(try Data(contentsOf: url))
    }

    /// Fields by what roles they may have in both formats.
    private static let numbers = [
        "a", "c", "d", "f", "flag", "n", "u", "nested.x", "list.0", "list.1", "list.3", "map.k1", "map.k2", "day",
        "millis",
        "micros", "price", "sum", "point.px", "points.0.px", "points.1.px", "y", "w",
    ]
    private static let others = [
        "b", "e", "s", "nested.deep.y", "nested.deep.again", "bag", "raw", "fixed", "point.label", "points.1.label",
        "id",
        "absent", "nested", "list", "map", "map.none", "list.x",
    ]

    /// Every field in a role of its own, at random.
    private func schema(_ random: inout ConformanceRandom, _ task: Task) -> Schema {
        let common: [FieldRole] = [.categorical, .both, .numeric, .text, .ignored]
        var fields = Self.numbers.map { Field($0, random.pick(common)) }
        // Texts as numbers reject nearly every record.
        fields += Self.others.map { name in
            Field(name, random.below(50) == 0 ? .both : random.pick([.categorical, .text, .ignored]))
        }
        for role in [FieldRole.target, .id, .weight, .time] where random.below(4) > 0 {
            let index = random.below(fields.count)
            fields[index].role = role
        }
        fields.shuffle(using: &random)
        return Schema(fields: fields, task: task)
    }

    @Test func rowsAreThoseOfJSONLines() throws {
        let json = try Self.fixture("events.jsonl")
        let avro = try Self.fixture("events-null.avro")
        var random = ConformanceRandom(20_261_121)
        var rows = 0
        for round in 0..<60 {
            let schema = schema(&random, round % 2 == 0 ? .multiclass : .regression)
            let one = Conformance.decode(JSONLinesDecoder(schema: schema), schema, [json], capacity: 16)
            let other = Conformance.decode(AvroFileDecoder(schema, DecoderOptions()), schema, [avro], capacity: 16)
            #expect(other.error == nil && other.faults.isEmpty)
            // What one format says of a field's text the other may say in other words.
            let found = other.rows.map(\.anywhere)
            guard found == one.rows.map(\.anywhere), other.rejected.count == one.rejected.count else {
                for (a, b) in zip(found, one.rows.map(\.anywhere)) where a != b {
                    Issue.record("round \(round): \(a) is not \(b); \(schema.fields)")
                    return
                }
                Issue.record("round \(round): \(differences(other, one)); \(schema.fields)")
                return
            }
            rows += found.count
        }
        #expect(rows > 400)
    }

    @Test(arguments: codecs)
    func everyCodecHoldsTheSameRecords(_ codec: String) throws {
        let schema = Schema(
            fields: [
                Field("c", .both), Field("b", .categorical), Field("bag", .text), Field("id", .id), Field("y", .target),
            ],
            task: .multiclass)
        func decode(_ pieces: [[UInt8]], capacity: Int = 256) -> Conformance.Outcome {
            Conformance.decode(AvroFileDecoder(schema, DecoderOptions()), schema, pieces, capacity: capacity)
        }
        let bytes = try Self.fixture("events-\(codec).avro")
        let whole = decode([bytes])
        let plain = decode([try Self.fixture("events-null.avro")])
        #expect(whole.error == nil && whole.rows.count == 60 && whole.rejected.isEmpty)
        #expect(whole.rows.map(\.anywhere) == plain.rows.map(\.anywhere))
        #expect(whole.rows.map(\.raw) == plain.rows.map(\.raw))
        #expect(whole.rows.map(\.position.line) == Array(1...60))
        // No two records have the same place, in whatever block they are.
        #expect(zip(whole.rows, whole.rows.dropFirst()).allSatisfy { $0.position.offset < $1.position.offset })
        for cut in stride(from: 0, through: bytes.count, by: 97) {
            let other = decode([Array(bytes[..<cut]), Array(bytes[cut...])], capacity: 1 + cut % 9)
            guard other == whole else {
                Issue.record("cut at \(cut): \(differences(other, whole))")
                return
            }
        }
    }

    /// A damaged block is rejected as one; the others are read.
    @Test(arguments: codecs)
    func damageCostsItsBlock(_ codec: String) throws {
        let schema = Schema(fields: [Field("a", .numeric), Field("y", .target)], task: .multiclass)
        let bytes = try Self.fixture("events-\(codec).avro")
        let mark = Array("0123456789abcdef".utf8)
        let headerCount = try #require((0..<bytes.count - 16).first { Array(bytes[$0..<$0 + 16]) == mark }) + 16
        var random = ConformanceRandom(7)
        for _ in 0..<40 {
            var damaged = bytes
            let at = headerCount + random.below(bytes.count - headerCount)
            damaged[at] ^= UInt8(1 + random.below(255))
            let outcome = Conformance.decode(
                AvroFileDecoder(schema, DecoderOptions()), schema, [damaged], capacity: 8)
            #expect(outcome.error == nil && outcome.faults.isEmpty)
            #expect(outcome.rows.count + outcome.rejected.count > 30, "damage at \(at): \(outcome.rows.count)")
        }
    }

    @Test(arguments: codecs)
    func samplesHaveTheFieldsOfJSONLines(_ codec: String) throws {
        func sample(_ name: String, _ sampler: any RecordSampler) throws -> Sample {
            let bytes = try Self.fixture(name)
            let chunk = Chunk(capacity: bytes.count)
            bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
            chunk.sealPadding()
            var sample = Sample()
            _ = try sampler.sample(chunk, isEnd: true, limit: 1000, into: &sample)
            return sample
        }
        let avro = try sample("events-\(codec).avro", AvroFileSampler(DecoderOptions()))
        let json = try sample("events.jsonl", JSONLinesSampler())
        #expect(avro.records == 60)
        // To JSON an array without items is a bag, whatever its items would be, and a record that is null a field.
        for name in json.names where !["point", "points", "list"].contains(name) {
            let one = (avro.values[name] ?? []).drop { $0 == .missing }
            let other = (json.values[name] ?? []).drop { $0 == .missing }
            #expect(Array(one) == Array(other), "\(name)")
        }
        #expect(avro.declaredClasses["e"] == ["red", "green", "blue"])
        #expect(Array(avro.names.prefix(9)) == ["a", "b", "c", "d", "f", "flag", "e", "n", "s"])
    }
}

/// What no writer of ours has made.
@Suite struct AvroDecoderTests {
    private func decode(_ fields: String, _ records: [[UInt8]], _ roles: [Field]) -> Conformance.Outcome {
        let schema = Schema(fields: roles, task: .multiclass)
        let text = #"{"type":"record","name":"R","fields":["# + fields + "]}"
        return Conformance.decode(
            AvroFileDecoder(schema, DecoderOptions()), schema, [AvroText.header(text) + AvroText.block(records)],
            capacity: 64)
    }

    @Test func whatIsRejectedSaysWhy() {
        let schema = Example.all.first { $0.format.name == "avro" }
        guard let schema else { return }
        let outcome = Conformance.decode(schema, AvroText.example)
        let reasons = outcome.rejected.map(\.reason)
        for words in [
            "number out of range", "invalid UTF-8", "weight -1.0", "no such branch; the 2 behind it cannot be found",
            "goes beyond the end", "no mark behind it", "its head is damaged",
            "bytes are left behind the block's 1 records",
            "says that 1099511627776 records", "its number of records is none", "the file ends inside a block",
        ] { #expect(reasons.contains { $0.contains(words) }, "\(words): \(reasons)") }
        #expect(outcome.rows.count == 14, "\(outcome.rows.count)")
        #expect(outcome.rows.filter { String(decoding: $0.id, as: UTF8.self) == "9223372036854775807" }.count == 1)
    }

    @Test func wholeNumbersKeepTheirDigits() {
        let values: [Int64] = [0, -1, 9, 10, -99, 1 << 53, .max, .min, 1_000_000_000_000_000_000]
        let records = values.map { value in
            var text = AvroText()
            text.integer(value)
            return text.bytes
        }
        let outcome = decode(#"{"name":"id","type":"long"}"#, records, [Field("id", .id)])
        #expect(outcome.rows.map { String(decoding: $0.id, as: UTF8.self) } == values.map(String.init))
    }

    @Test func numbersThatAreNone() {
        // Eleven bytes, and ten of which the last has too many bits.
        for bytes in [
            Array(repeating: UInt8(0xff), count: 11) + [0], Array(repeating: UInt8(0xff), count: 9) + [2],
            Array(repeating: UInt8(0x80), count: 10) + [1],
        ] {
            let outcome = decode(#"{"name":"a","type":"long"}"#, [bytes], [Field("a", .numeric)])
            #expect(outcome.rows.isEmpty && outcome.rejected.count == 1)
        }
        let most = decode(
            #"{"name":"a","type":"long"}"#, [Array(repeating: UInt8(0xff), count: 9) + [1]], [Field("a", .numeric)])
        #expect(most.rows.map { Double(bitPattern: $0.numbers[0]) } == [-9_223_372_036_854_775_808])
    }

    /// A record that holds itself: what is asked for by name is read, the rest is passed over.
    @Test func recordsThatHoldThemselves() {
        var deep = AvroText()
        for value in 0..<5 {
            deep.integer(Int64(value))
            deep.integer(value < 4 ? 1 : 0)
        }
        var endless = AvroText()
        for value in 0..<2000 {
            endless.integer(Int64(value))
            endless.integer(1)
        }
        let fields = #"{"name":"v","type":"int"},{"name":"next","type":["null","R"]}"#
        let roles = [Field("v", .numeric), Field("next.v", .numeric), Field("next.next.v", .numeric)]
        let outcome = decode(fields, [deep.bytes, deep.bytes, endless.bytes], roles)
        #expect(outcome.rows.map { $0.numbers.map { Double(bitPattern: $0) } } == [[0, 1, 2], [0, 1, 2]])
        #expect(outcome.rejected.count == 1)
    }

    /// Items without end that take no bytes end at once.
    @Test func itemsThatTakeNoBytes() {
        var text = AvroText()
        text.integer(1 << 60)
        text.integer(0)
        text.integer(1)
        let fields = #"{"name":"a","type":{"type":"array","items":"null"}},{"name":"b","type":"int"}"#
        let outcome = decode(fields, [text.bytes], [Field("b", .numeric)])
        #expect(outcome.rows.isEmpty && outcome.rejected.count == 1)
        let none = decode(#"{"name":"n","type":"null"}"#, [[], [], []], [])
        #expect(none.rows.count == 3)
    }

    /// A record of two records of two records and so on, each declared where it is named first.
    private static func doubling(_ depth: Int) -> String {
        let inner = depth > 0 ? doubling(depth - 1) : #""int""#
        let again = depth > 0 ? "\"R\(depth - 1)\"" : #""int""#
        return
            #"{"type":"record","name":"R\#(depth)","fields":[{"name":"a","type":\#(inner)},{"name":"b","type":\#(again)}]}"#
    }

    @Test(arguments: [
        (#""int""#, "describes no record"), (#"{"type":"record"}"#, "without name"), ("{", "not JSON"),
        (#"{"type":"record","name":"R","fields":[{"name":"a","type":"strng"}]}"#, "'strng'"),
        (#"{"type":"record","name":"R","fields":[{"name":"a"}]}"#, "without name or type"),
        (#"{"type":"record","name":"R","fields":[{"name":"a","type":[]}]}"#, "empty union"),
        (#"{"type":"record","name":"R","fields":[{"name":"z","type":"int"}]}"#, "none of the expected fields"),
        (#"{"type":"record","name":"R","fields":[{"name":"a","type":"R"}]}"#, "holds itself"),
        (doubling(16), "more than 20000 values"),
    ])
    func schemasThatCannotBeUsed(_ text: String, _ words: String) {
        let schema = Schema(fields: [Field("a", .numeric)], task: .regression)
        let outcome = Conformance.decode(
            AvroFileDecoder(schema, DecoderOptions()), schema, [AvroText.header(text)], capacity: 4)
        #expect(outcome.error?.contains(words) == true, "\(outcome.error ?? "no error")")
    }

    @Test func filesThatAreNone() {
        let schema = Schema(fields: [], task: .regression)
        let text = #"{"type":"record","name":"R","fields":[]}"#
        for (bytes, words) in [
            (Array("a,b\n1,2\n".utf8), "no Avro object container file"), ([0x4f], "ends inside its header"),
            (Array(AvroText.header(text).dropLast(3)), "ends inside its header"),
            (AvroText.header(text, codec: "bzip2"), "'bzip2'"),
        ] {
            let outcome = Conformance.decode(AvroFileDecoder(schema, DecoderOptions()), schema, [bytes], capacity: 4)
            #expect(outcome.error?.contains(words) == true, "\(outcome.error ?? "no error")")
        }
    }

    @Test func blocksThatAreTooLong() {
        let schema = Schema(fields: [Field("b", .categorical)], task: .regression)
        var options = DecoderOptions()
        options.maximumRecordBytes = 64
        let text = #"{"type":"record","name":"R","fields":[{"name":"b","type":"string"}]}"#
        var long = AvroText()
        long.string(String(repeating: "x", count: 100))
        var short = AvroText()
        short.string("x")
        let bytes = AvroText.header(text) + AvroText.block([long.bytes]) + AvroText.block([short.bytes])
        let outcome = Conformance.decode(AvroFileDecoder(schema, options), schema, [bytes], capacity: 4)
        #expect(outcome.rows.count == 1)
        #expect(outcome.rejected.map(\.reason).first?.contains("--max-record-bytes") == true)
    }
}

/// Messages framed for a registry.
@Suite struct AvroMessageTests {
    private final class Schemas: MessageSchemas {
        func schema(_ id: UInt32) throws(SchemaError) -> [String] {
            switch id {
            case 1:
                return [
                    #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"string"}]}"#
                ]
            case 2:
                return [
                    #"{"type":"enum","name":"n.E","symbols":["x","y"]}"#,
                    #"{"type":"record","name":"R","fields":[{"name":"b","type":"n.E"},{"name":"z","type":"long"}]}"#,
                ]
            case 3: return [#""string""#]
            case 9: throw SchemaError("nobody answers", .unavailable)
            default: throw SchemaError("schema \(id) is not there", .unknown)
            }
        }
    }

    private static let fields = [Field("a", .numeric), Field("b", .categorical)]

    private func message(_ id: UInt8, _ fill: (inout AvroText) -> Void) -> [UInt8] {
        var text = AvroText()
        fill(&text)
        return [0, 0, 0, 0, id] + text.bytes
    }

    private func decode(_ messages: [[UInt8]], capacity: Int) throws -> (
        rows: [Conformance.Row], rejected: [RejectedRecord]
    ) {
        var options = DecoderOptions()
        options.schemas = Schemas()
        let schema = Schema(fields: Self.fields, task: .regression)
        let decoder = AvroMessageDecoder(schema, options)
        let chunk = Chunk(capacity: 16)
        for message in messages { message.withUnsafeBytes { MessageFrame.append($0, to: chunk) } }
        chunk.sealPadding()
        var rows: [Conformance.Row] = []
        var rejected: [RejectedRecord] = []
        var offset = 0
        let batch = RecordBatch(capacity: capacity, numericCount: 1, categoricalCount: 1, isFeatureNative: false)
        while offset < chunk.count {
            offset = try decoder.decode(chunk, from: offset, isEnd: true, into: batch)
            rows += (0..<batch.rows).map { Conformance.Row(batch, $0) }
            rejected += batch.rejected
            batch.recycle()
        }
        return (rows, rejected)
    }

    @Test(arguments: [1, 3, 64])
    func eachMessageHasItsSchema(_ capacity: Int) throws {
        let one = message(1) {
            $0.integer(5)
            $0.string("y")
        }
        let two = message(2) {
            $0.integer(1)
            $0.integer(77)
        }
        let bad = [
            message(3) { $0.string("x") }, message(4) { _ in }, [1, 0, 0, 0, 1], [0, 0], message(1) { $0.integer(5) },
            message(2) { $0.integer(2) },
            message(1) {
                $0.integer(5)
                $0.string("y")
                $0.integer(0)
            },
        ]
        let (rows, rejected) = try decode([one, two] + bad + [two, one, one], capacity: capacity)
        #expect(rows.map { Double(bitPattern: $0.numbers[0]) }.map { $0.isNaN ? -1 : $0 } == [5, -1, -1, 5, 5])
        #expect(Set(rows.map { $0.categories[0] }).count == 1)
        #expect(rejected.map(\.bytes) == bad)
        for (record, words) in zip(
            rejected,
            [
                "describes no record", "schema 4 is not there", "zero byte", "zero byte", "does not fit schema 1",
                "no number 2", "1 bytes are left over",
            ])
        { #expect(record.reason.contains(words), "\(record.reason)") }
        #expect(rows[0].raw == one)
    }

    @Test func noMessageIsLostForARegistryThatIsAway() {
        #expect(throws: FormatError.self) { _ = try decode([message(9) { _ in }], capacity: 4) }
    }
}
