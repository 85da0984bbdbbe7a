import CBytes
import Glibc
import Testing

/// The kernels that decode whole records against plain implementations of the same.
@Suite struct FieldKernelTests {
    private var generator = SystemRandomNumberGenerator()

    /// A text with room behind it for reads of whole vectors.
    private func withPadded<R>(_ text: [UInt8], _ body: (UnsafePointer<UInt8>) -> R) -> R {
        (text + [UInt8](repeating: 0, count: 64)).withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { fatalError("no bytes") }
            return body(base)
        }
    }

    @Test func shortHashIsXXH3() {
        for count in 1...16 {
            for _ in 0..<500 {
                let text = (0..<count).map { _ in UInt8.random(in: 0...255) }
                #expect(withPadded(text) { bytes_xxh3_short($0, count) } == withPadded(text) { bytes_xxh3($0, count) })
            }
        }
    }

    @Test func paddedMurmurIsMurmur() {
        for count in 0...24 {
            for _ in 0..<100 {
                let text = (0..<count).map { _ in UInt8.random(in: 0...255) }
                let same = withPadded(text) { bytes_murmur3_padded($0, count, 7) == bytes_murmur3($0, count, 7) }
                #expect(same)
            }
        }
    }

    /// Runs one CSV record through columns of one kind. Nil: it has a quoted field.
    private func csv(
        _ line: String, kind: Int, columns count: Int
    ) -> (cells: [UInt64], left: [Int], fields: Int, length: Int)? {
        var cells = [UInt64](repeating: .max, count: count)
        var rest = [field_rest](repeating: field_rest(), count: count)
        var ends = [UnsafePointer<UInt8>?](repeating: nil, count: count + 64)
        return cells.withUnsafeMutableBufferPointer { cells in
            rest.withUnsafeMutableBufferPointer { rest in
                ends.withUnsafeMutableBufferPointer { ends in
                    let columns = (0..<count).map { index in
                        var column = field_column()
                        column.kind = UInt32(kind)
                        column.cells = cells.baseAddress.map { UnsafeMutableRawPointer($0 + index) }
                        return column
                    }
                    var record = field_record(
                        rest: rest.baseAddress, rest_count: 0, field_count: 0, ends: ends.baseAddress)
                    return withPadded(Array(line.utf8)) { text in
                        var scan = csv_scan()
                        csv_scan_begin(&scan, text, 0x2c, 0x22)
                        guard let end = csv_record(&scan, text, 0x2c, columns, count, 0, &record) else { return nil }
                        let left = rest[..<record.rest_count].map { Int($0.column) }
                        return (Array(cells), left, record.field_count, end - text)
                    }
                }
            }
        }
    }

    @Test func numbersAreThoseOfTheLibrary() throws {
        let digits = Array("0123456789..-")
        for _ in 0..<3000 {
            let text = String((0..<Int.random(in: 0...10)).compactMap { _ in digits.randomElement() })
            let found = try #require(csv(text + "\n", kind: FIELD_NUMBER, columns: 1))
            if found.left.isEmpty {
                #expect(strtod(text, nil).bitPattern == found.cells[0], "\(text)")
            } else {
                let parts = text.split(separator: ".", omittingEmptySubsequences: false)
                let isShort =
                    text.count <= 8 && !text.contains("-") && parts.count <= 2 && parts.allSatisfy { !$0.isEmpty }
                #expect(!isShort || text.hasPrefix("0") && parts[0].count > 1, "\(text)")
            }
        }
    }

    @Test(arguments: [1, 12, 40, 63, 64, 65, 200])
    func fieldsOfAnyWidthAreFound(fields: Int) throws {
        for columns in [1, fields, fields + 3, max(fields - 5, 1)] {
            for width in [0, 1, 3, 8, 30] {
                for end in ["\n", "\r\n"] {
                    let texts = (0..<fields).map { _ in String((0..<width).map { _ in "abcxyz".randomElement() ?? "a" })
                    }
                    let line = texts.joined(separator: ",") + end
                    let found = try #require(csv(line, kind: FIELD_CATEGORY, columns: columns))
                    #expect(found.fields == fields && found.length == line.utf8.count - 1)
                    for column in 0..<min(fields, columns) {
                        let text = Array(texts[column].utf8)
                        let hash = text.isEmpty ? 0 : withPadded(text) { bytes_xxh3($0, text.count) }
                        #expect(found.cells[column] == hash)
                    }
                }
            }
        }
    }

    @Test func onlyQuotesAtTheBeginningOfAFieldQuote() {
        for width in 0...140 {
            let padding = String(repeating: "x", count: width)
            #expect(csv(padding + "\"a,b\n\"c\n", kind: FIELD_IGNORED, columns: 2)?.fields == (width > 0 ? 2 : nil))
            #expect(csv(padding + ",\"b\"\n", kind: FIELD_IGNORED, columns: 2) == nil)
        }
    }

    @Test func joinedNamesHashLikeTheirText() throws {
        let texts = ["a", "12", "ab:cd", "a|b", "x y", "x\u{1}", "68fd1e64", "é", "123456789", "a\tb", "00"]
        for name in ["C", "1", "C26", "café", "2024", " C", "longer-name", "C1="] {
            let bytes = Array(name.utf8)
            for text in texts {
                let value = Array(text.utf8)
                var scratch = [UInt8](repeating: 0, count: 64)
                let expected = withPadded(value) { bytes_vw_hash_joined(bytes, bytes.count, $0, value.count, &scratch) }
                var cell: UInt64 = 0
                joinedCell(name: bytes, value: value, into: &cell)
                #expect(cell == UInt64(expected) | 1 << 32, "\(name) \(text)")
            }
        }
    }

    private func joinedCell(name: [UInt8], value: [UInt8], into cell: inout UInt64) {
        var step = json_step()
        step.count = 1
        step.text.0 = 0x7b
        var rest = field_rest()
        name.withUnsafeBufferPointer { name in
            withUnsafeMutablePointer(to: &cell) { cell in
                withUnsafeMutablePointer(to: &rest) { rest in
                    var column = field_column()
                    column.kind = UInt32(FIELD_VW_JOINED)
                    column.cells = UnsafeMutableRawPointer(cell)
                    field_set_name(&column, name.baseAddress, name.count)
                    var record = field_record(rest: rest, rest_count: 0, field_count: 0, ends: nil)
                    let line = Array("{\"".utf8) + value + Array("\"}\n".utf8)
                    // Texts that are no plain JSON are not sure to be decoded.
                    let end = withPadded(line) { json_record($0, &step, &column, 1, 0, &record) }
                    if end == nil {
                        cell.pointee = withPadded(value) { text in
                            var scratch = [UInt8](repeating: 0, count: 64)
                            let hash = bytes_vw_hash_joined(
                                name.baseAddress, name.count, text, value.count, &scratch)
                            return UInt64(hash) | 1 << 32
                        }
                    }
                }
            }
        }
    }
}
