import Records
import Testing

@testable import Formats

/// CSV that differs from RFC 4180 with a header; the conformance tests have an example, too.
@Suite struct CSVDialectTests {
    private func decode(
        _ text: String, _ fields: [Field], _ settings: [(String, String)], capacity: Int = 8
    ) throws -> Conformance.Outcome {
        var options = DecoderOptions()
        for (name, value) in settings { try options.csv.set(name, value) }
        try options.csv.check()
        let schema = Schema(fields: fields, task: .regression)
        let decoder = CSVDecoder(schema: schema, dialect: options.csv)
        return Conformance.decode(decoder, schema, Array(text.utf8).map { [$0] }, capacity: capacity)
    }

    /// Every byte that may separate gives what a comma gives.
    @Test func separators() throws {
        let fields = [Field("a", .numeric), Field("b", .categorical), Field("c", .numeric)]
        let text = "a,b,c\n1,x,2\n-0.5,\"y,\"\"z\",3\n,,\n1,x\n"
        let commas = try decode(text, fields, [])
        for separator in ["tab", "\\t", "space", ";", "|", ":", "^"] {
            let byte = separator == "space" ? " " : separator.count > 1 ? "\t" : separator
            let other = try decode(
                String(text.map { $0 == "," ? Character(byte) : $0 }), fields, [("separator", separator)])
            #expect(other.rows.map(\.numbers) == commas.rows.map(\.numbers))
            #expect(other.rejected.map(\.reason) == commas.rejected.map(\.reason))
            // The text of the quoted field has the separator in it.
            #expect(other.rows.map { $0.categories[0] == 0 } == commas.rows.map { $0.categories[0] == 0 })
        }
    }

    @Test func quotes() throws {
        let fields = [Field("a", .categorical), Field("b", .numeric)]
        func hash(_ text: String) -> UInt64 {
            Array(text.utf8).withUnsafeBufferPointer {
                $0.baseAddress.map { start in categoryHash(start, text.utf8.count) } ?? 0
            }
        }
        let single = try decode("a,b\n'x, ''y''',1\n\"z\",2\n", fields, [("quote", "'")])
        #expect(single.rows.map { $0.categories[0] } == [hash("x, 'y'"), hash("\"z\"")])
        let none = try decode("a,b\n\"x,1\n'y',2\n", fields, [("quote", "none")])
        #expect(none.rows.map { $0.categories[0] } == [hash("\"x"), hash("'y'")])
        #expect(none.rejected.isEmpty)
    }

    @Test func withoutAHeader() throws {
        let fields = [Field("column1", .numeric), Field("column2", .categorical), Field("column3", .numeric)]
        let outcome = try decode("\u{feff}1,x,2\n3,y,4\n5,6\n", fields, [("header", "no")])
        #expect(outcome.rows.map { $0.numbers.map { Double(bitPattern: $0) } } == [[1, 2], [3, 4]])
        #expect(outcome.rejected.count == 1)
        // A schema that knows no column takes as many as the first record has.
        let few = try decode(
            "# none\n'1\n2',x,2\n3,y,4\n5,6\n", [Field("column2", .categorical)],
            [("header", "no"), ("quote", "'"), ("comment", "#")])
        #expect(few.rows.count == 2 && few.rejected.count == 1)
        let named = try decode("1,2\n3,4\n", [Field("b", .numeric)], [("header", "names: a, b")])
        #expect(named.rows.map { Double(bitPattern: $0.numbers[0]) } == [2, 4])
        let unknown = try decode("1,2\n", [Field("z", .numeric)], [("header", "names:a,b")])
        #expect(unknown.error?.contains("none of the expected fields") == true)
    }

    @Test func samplersKnowTheDialect() throws {
        var dialect = CSVDialect()
        try dialect.set("separator", "tab")
        try dialect.set("header", "no")
        try dialect.set("comment", "#")
        let text = Array("# a\n\n1\tx\n# b\n2\ty\n3\n".utf8)
        let chunk = Chunk(capacity: text.count)
        text.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        var sample = Sample()
        _ = try CSVSampler(dialect: dialect).sample(chunk, isEnd: true, limit: 10, into: &sample)
        #expect(sample.names == ["column1", "column2"] && sample.records == 2)
        #expect(sample.values["column1"] == [.number(1), .number(2)])
    }
}
