import Foundation
import Records
import Testing

@testable import Formats

@Suite struct ARFFDecoderTests {
    private static let schema = Schema(
        fields: [Field("n", .numeric), Field("c", .categorical), Field("s", .id), Field("y", .target)],
        task: .multiclass)

    private static let header = """
        @relation r
        @attribute n numeric
        @attribute c {first,'second one',"it's",3}
        @attribute s string
        @attribute y {a,b}
        @data

        """

    private func decode(_ data: String, header: String = header, schema: Schema = schema) -> Conformance.Outcome {
        Conformance.decode(ARFFDecoder(schema: schema), schema, [Array((header + data).utf8)], capacity: 256)
    }

    private static func hash(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { bytes in bytes.baseAddress.map { categoryHash($0, bytes.count) } ?? 0 }
    }

    private struct Expected {
        var number: Double = 1
        var category = "first"
        var id = "s"
        var target = "a"
        var weight: Float = 1
    }

    private static let accepted: [(String, Expected)] = [
        ("1,first,s,a", Expected()),
        ("1,first,s,a,", Expected()),
        ("  1 ,\tfirst , s,a  ,  ", Expected()),
        ("1 first s a", Expected()),
        ("1\tfirst\ts\ta % comment", Expected()),
        ("1,first,s,a%comment", Expected()),
        ("'1',\"first\",'s',\"a\"", Expected()),
        ("-1.5e3,'second one',s,b", Expected(number: -1500, category: "second one", target: "b")),
        ("1,it's,s,a", Expected(category: "it's")),
        ("1,'it\\'s',s,a", Expected(category: "it's")),
        ("1,3,\"a \\\"b\\\" \\\\ c\",a", Expected(category: "3", id: "a \"b\" \\ c")),
        ("1,first,'\\t\\n\\u00e9\\x\\101\\%',a", Expected(id: "\t\néxA%")),
        ("1,first,'a,b{c}%d',a", Expected(id: "a,b{c}%d")),
        ("1,first,s,a,{2.5}", Expected(weight: 2.5)),
        ("1,first,s,a {2.5}", Expected(weight: 2.5)),
        ("1,first,s,a, { 0 } ,", Expected(weight: 0)),
        ("?,?,?,?", Expected(number: .nan, category: "", id: "", target: "")),
        ("?,?,'?',?", Expected(number: .nan, category: "", id: "", target: "")),
        ("{}", Expected(number: 0, id: "")),
        ("{ }", Expected(number: 0, id: "")),
        ("{0 7}", Expected(number: 7, id: "")),
        ("{0 ?, 3 b}", Expected(number: .nan, id: "", target: "b")),
        ("{1 'second one' , 2 'a b', 3 b}", Expected(number: 0, category: "second one", id: "a b", target: "b")),
        ("{1 3,},{4}", Expected(number: 0, category: "3", id: "", weight: 4)),
        ("{2 s} , {4} % comment", Expected(number: 0, weight: 4)),
        ("1e-400,first,s,a", Expected(number: 0)),
        ("+.5,first,s,a", Expected(number: 0.5)),
    ]

    @Test func acceptedRecords() {
        for (text, expected) in Self.accepted {
            let outcome = decode(text + "\n")
            guard let row = outcome.rows.first, outcome.rows.count == 1 else {
                Issue.record("\(text): \(outcome.rejected.map(\.reason))")
                continue
            }
            #expect(Double(bitPattern: row.numbers[0]).description == expected.number.description, "\(text)")
            #expect(row.categories == [expected.category.isEmpty ? 0 : Self.hash(expected.category)], "\(text)")
            #expect(String(decoding: row.id, as: UTF8.self) == expected.id, "\(text)")
            #expect(String(decoding: row.targetText, as: UTF8.self) == expected.target, "\(text)")
            #expect(row.weight == expected.weight, "\(text)")
        }
    }

    @Test(arguments: [
        ("1,foggy,s,a", "attribute 'c': 'foggy' is not one of its declared values"),
        ("1,First,s,a", "attribute 'c': 'First' is not one of its declared values"),
        ("1,'',s,a", "attribute 'c': '' is not one of its declared values"),
        ("1,first,s,c", "attribute 'y': 'c' is not one of its declared values"),
        ("1,first,s", "3 values where the header declares 4 attributes"),
        ("1,first,s,", "3 values where the header declares 4 attributes"),
        ("1,first,s,{2}", "3 values where the header declares 4 attributes"),
        ("1,first,s,a,b", "more values than the header's 4 attributes (values with blanks need quotes)"),
        ("1,first,two words,a", "attribute 'y': 'words' is not one of its declared values"),
        ("1,,s,a", "an empty value (a missing one is written '?')"),
        (",first,s,a", "an empty value (a missing one is written '?')"),
        ("1,first,'s,a", "quoted value without an end"),
        ("1,first,'s\\',a", "quoted value without an end"),
        ("1,first,'s't,a", "text after a quoted value"),
        ("1,first,},a", "'}' in a value without quotes"),
        ("x,first,s,a", "field 'n': not a number: 'x'"),
        ("1e999,first,s,a", "field 'n': number out of range: '1e999'"),
        ("1,first,s,a,{-1}", "weight -1.0 is not a number of at least 0"),
        ("1,first,s,a,{x}", "the record: weight is not a number: 'x'"),
        ("1,first,s,a,{}", "no weight in the braces at the end"),
        ("1,first,s,a,{1 2}", "more than a weight in the braces at the end"),
        ("1,first,s,a,{1},2", "text after the weight"),
        ("{0 1", "a sparse record that is not of the form {index value, ...}"),
        ("{0}", "a sparse record that is not of the form {index value, ...}"),
        ("{0 }", "index 0 without a value"),
        ("{0 ", "index 0 without a value"),
        ("{x 1}", "a sparse record that is not of the form {index value, ...}"),
        ("{4 1}", "index 4 where the header declares 4 attributes (the first has index 0)"),
        ("{3 a, 0 1}", "index 0 after 3: indices must ascend"),
        ("{0 1, 0 1}", "index 0 after 0: indices must ascend"),
        ("{-1 1}", "a sparse record that is not of the form {index value, ...}"),
        ("{99999999999999999999 1}", "a sparse record that is not of the form {index value, ...}"),
        ("{0 1} x", "more values than the header's 4 attributes (values with blanks need quotes)"),
    ])
    func rejectedRecords(_ text: String, _ reason: String) {
        let outcome = decode(text + "\n2,first,s,b\n")
        #expect(outcome.rejected.map(\.reason) == [reason])
        #expect(outcome.rejected.map(\.bytes) == [Array(text.utf8)])
        #expect(outcome.rows.map(\.numbers) == [[Double(2).bitPattern]])
    }

    @Test(arguments: [
        ("@attribute n\n", "line 1: attribute 'n' is of type ''"),
        ("@attribute\n", "line 1: @attribute without a name"),
        ("@attribute 'n numeric\n", "line 1: @attribute without a name"),
        ("@attribute n relational\n", "line 1: attribute 'n' is of type 'relational'"),
        ("@attribute n {a,b\n", "line 1: the values of attribute 'n' have no end"),
        ("\n@attribute n real\n@attribute n real\n", "line 3: 'n' is declared twice"),
        ("@data\n", "line 1: @data before any @attribute"), ("n,c\n1,2\n", "line 1: expected @relation"),
        ("@attribute n real\n1,2\n", "line 2: expected @relation"), ("@attribute \u{1}\n", "line 1: attribute"),
        ("@attribute other real\n@data\n", "the header declares none of the expected fields"),
    ])
    func headersThatCannotBeRead(_ header: String, _ message: String) {
        #expect(decode("", header: header).error?.hasPrefix(message) == true)
    }

    @Test func declarationsMayBeWrittenInManyWays() {
        let header = """
            %comment
              @ATTRIBUTE\t'n'\tREAL [0,10] % a range
            @attribute "c"{ first , 'second one' }
            @attribute s date 'yyyy-MM-dd HH:mm'
            @Attribute y INTEGER
            @DaTa
            1,first,'2020-01-01 10:00',3
            """
        let outcome = decode("\n", header: header)
        #expect(outcome.error == nil)
        #expect(outcome.rows.map(\.id) == [Array("2020-01-01 10:00".utf8)])
        #expect(outcome.rows.map(\.targetText) == [Array("3".utf8)])
    }

    @Test func attributesMayStandInAnyOrderAndBeAbsent() {
        let header = "@attribute y {a,b}\n@attribute extra {p,q}\n@attribute n real\n@data\n"
        let outcome = decode("b,p,4\na,x,5\n", header: header)
        #expect(outcome.rows.map(\.numbers) == [[Double(4).bitPattern]])
        #expect(outcome.rows.map(\.categories) == [[0]])
        #expect(outcome.rejected.count == 1)
    }

    @Test func weatherDataGivesTheDeclaredSchema() throws {
        let url = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/ARFF/weather.arff")
        let bytes = Array(try Data(contentsOf: url))
        let chunk = Chunk(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        var sample = Sample()
        _ = try ARFFSampler().sample(chunk, isEnd: true, limit: 1000, into: &sample)
        #expect(sample.records == 14)
        #expect(sample.declared == ["outlook": .categorical, "windy": .categorical, "play": .categorical])
        #expect(sample.declaredClasses["outlook"] == ["sunny", "overcast", "rainy"])
        var options = SchemaOptions()
        options.target = "play"
        let schema = try SchemaInference.infer(sample, options)
        #expect(schema.task == .binary)
        #expect(schema.classes == ["no", "yes"])
        #expect(
            schema.fields == [
                Field("outlook", .categorical, values: ["sunny", "overcast", "rainy"]), Field("temperature", .numeric),
                Field("humidity", .both),
                Field("windy", .categorical, values: ["TRUE", "FALSE"]), Field("play", .target),
            ])
        let outcome = Conformance.decode(ARFFDecoder(schema: schema), schema, [bytes], capacity: 3)
        #expect(outcome.rows.count == 14 && outcome.rejected.isEmpty)
        #expect(outcome.rows[3].categories == [Self.hash("rainy"), Self.hash("96"), Self.hash("FALSE")])
    }

    @Test func formatIsFoundByNameAndByContent() throws {
        func detect(_ name: String, _ head: String) throws -> String {
            var head = head
            return try head.withUTF8 { try FormatRegistry.detect(name: name, head: $0) }.name
        }
        #expect(try detect("a.ARFF.gz", "1,2\n") == "arff")
        #expect(try detect("-", "\u{feff}@relation x\n") == "arff")
        #expect(try detect("-", "% comment\n") == "arff")
        #expect(try detect("-", "\u{feff}{\"a\":1}\n") == "jsonl")
        #expect(try detect("-", "\u{feff}a,b\n") == "csv")
    }
}
