/// One JSON object a line. Categories are strings, or numbers when all categories of the field are whole numbers; codes
/// are strings; a missing value is null.
public struct JSONLinesWriter: RecordWriter, Sendable {
    private var template = RecordTemplate(missing: "null", lineEnd: "}\n")

    /// Makes a writer.
    public init() {}

    public mutating func header(_ fields: [GeneratedField], into bytes: inout [UInt8]) {
        template = RecordTemplate(missing: "null", lineEnd: "}\n")
        for (column, field) in fields.enumerated() {
            let before = (column == 0 ? "{" : ",") + Self.quoted(field.name) + ":"
            switch field.kind {
            case .numeric:
                template.addNumber(column: column, before: before)
            case .categorical(let categories):
                let texts = categories.allSatisfy(Self.isPlainInteger) ? categories : categories.map(Self.quoted)
                template.addCategory(column: column, before: before, texts: texts)
            case .code(let cardinality, let salt):
                template.addHexadecimal(
                    column: column, before: before, quote: "\"", cardinality: cardinality, salt: salt)
            }
        }
    }

    public mutating func write(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8]) {
        template.render(record, into: &bytes)
    }

    /// Whether a text is a JSON number without fraction or exponent, and small enough for every reader to keep it.
    private static func isPlainInteger(_ text: String) -> Bool {
        guard let number = Int(text), number.magnitude < 1 << 53 else { return false }
        return String(number) == text
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                quoted += "\\"
                quoted.unicodeScalars.append(scalar)
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default:
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
