import Testing

@testable import Serving

struct RecordLinesTests {
    private func lines(_ json: String) throws -> [String] {
        let lines = try Array(json.utf8).withUnsafeBytes { bytes throws(Failure) in
            try RecordLines(json: bytes, maximumFields: 4)
        }
        return lines.withRecords { records in records.map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test func objectsAndArrays() throws {
        #expect(try lines(#" {"a": [1, 2], "b": "}\"{"} "#) == [#"{"a": [1, 2], "b": "}\"{"}"#])
        #expect(try lines("[]") == [])
        #expect(try lines("[{\"a\":\n1},\r\n{}]") == ["{\"a\": 1}", "{}"])
    }

    @Test(arguments: [
        "", "  ", "1", "\"a\"", "{", "[", "[{}", "[{},", "[{},]", "[{} {}]", "{} x", "[1]", "{\"a", "{\"a\\",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}", String(repeating: "{\"a\":", count: 100),
    ])
    func refused(_ json: String) { #expect(throws: Failure.self) { try lines(json) } }

    @Test func linesOfAStream() {
        var lines = RecordLines(maximumFields: 4)
        let taken = Array("{}\n\n  \r\n{\"a\":1}\r\n{\"b".utf8).withUnsafeBytes { lines.addLines($0, isEnd: false) }
        #expect(taken == 17)
        #expect(lines.count == 2)
        #expect(lines.slices(of: 1).map(\.first) == [0, 1])
    }
}
