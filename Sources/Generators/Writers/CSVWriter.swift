/// Comma-separated values with a header line, quoted as RFC 4180 says, except that lines end with a line feed alone. A
/// missing value is an empty field.
public struct CSVWriter: RecordWriter, Sendable {
    private var template = RecordTemplate(missing: "")

    /// Makes a writer.
    public init() {}

    public mutating func header(_ fields: [GeneratedField], into bytes: inout [UInt8]) {
        bytes.append(contentsOf: fields.map { Self.quoted($0.name) }.joined(separator: ",").utf8)
        bytes.append(UInt8(ascii: "\n"))
        template = RecordTemplate(missing: "")
        for (column, field) in fields.enumerated() {
            let before = column == 0 ? "" : ","
            switch field.kind {
            case .numeric:
                template.addNumber(column: column, before: before)
            case .categorical(let categories):
                template.addCategory(column: column, before: before, texts: categories.map(Self.quoted))
            case .code(let cardinality, let salt):
                template.addHexadecimal(column: column, before: before, cardinality: cardinality, salt: salt)
            }
        }
    }

    public mutating func write(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8]) {
        template.render(record, into: &bytes)
    }

    private static func quoted(_ text: String) -> String {
        // Scalars, because a carriage return and a line feed together are one character.
        guard text.unicodeScalars.contains(where: { [",", "\"", "\r", "\n"].contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
