/// Weka's attribute-relation file format with the header MOA writes, but without MOA's comma after the last value.
///
/// Codes are `string` attributes, because listing hundreds of thousands of categories would make the header longer than
/// the data. A missing value is a question mark.
public struct ARFFWriter: RecordWriter, Sendable {
    private let relation: String
    private var template = RecordTemplate(missing: "?")

    /// Makes a writer.
    ///
    /// - Parameter relation: what the records are.
    public init(relation: String = "thalweg") {
        self.relation = relation
    }

    public mutating func header(_ fields: [GeneratedField], into bytes: inout [UInt8]) {
        var text = "@relation \(Self.inQuotes(relation))\n\n"
        template = RecordTemplate(missing: "?")
        for (column, field) in fields.enumerated() {
            let before = column == 0 ? "" : ","
            let type: String
            switch field.kind {
            case .numeric:
                type = "numeric"
                template.addNumber(column: column, before: before)
            case .categorical(let categories):
                let texts = categories.map(Self.quoted)
                type = "{" + texts.joined(separator: ",") + "}"
                template.addCategory(column: column, before: before, texts: texts)
            case .code(let cardinality, let salt):
                type = "string"
                template.addHexadecimal(column: column, before: before, cardinality: cardinality, salt: salt)
            }
            text += "@attribute \(Self.quoted(field.name)) \(type)\n"
        }
        text += "\n@data\n\n"
        bytes.append(contentsOf: text.utf8)
    }

    public mutating func write(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8]) {
        template.render(record, into: &bytes)
    }

    private static let needsQuotes: Set<Character> = [",", "{", "}", "'", "\"", "%", "\\", "?"]

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && !text.contains { $0.isWhitespace || needsQuotes.contains($0) }
        return isPlain ? text : inQuotes(text)
    }

    private static func inQuotes(_ text: String) -> String {
        "'" + text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "'"
    }
}
