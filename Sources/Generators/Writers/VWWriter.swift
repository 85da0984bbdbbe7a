/// Vowpal Wabbit's text: the label, then one namespace `f` with `name:value` for numbers and `name=value` for
/// categories.
///
/// The first of two classes is -1 and the second 1; three or more are numbered from 1. What has a meaning in the format
/// (blanks, colons, bars) becomes an underscore in names and categories. Missing values are left out.
public struct VWWriter: RecordWriter, Sendable {
    private var template = RecordTemplate(missing: nil)

    /// Makes a writer.
    public init() {}

    public mutating func header(_ fields: [GeneratedField], into bytes: inout [UInt8]) {
        template = RecordTemplate(missing: nil)
        template.addLabel(fields)
        template.addFixed(" |f")
        for (column, field) in fields.dropLast().enumerated() {
            let before = " " + Self.cleaned(field.name)
            switch field.kind {
            case .numeric:
                template.addNumber(column: column, before: before + ":")
            case .categorical(let categories):
                template.addCategory(column: column, before: before + "=", texts: categories.map(Self.cleaned))
            case .code(let cardinality, let salt):
                template.addHexadecimal(column: column, before: before + "=", cardinality: cardinality, salt: salt)
            }
        }
    }

    public mutating func write(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8]) {
        template.render(record, into: &bytes)
    }

    private static func cleaned(_ text: String) -> String {
        String(text.map { $0.isWhitespace || $0 == ":" || $0 == "|" ? "_" : $0 })
    }
}

extension RecordTemplate {
    /// Adds the target, which is the last field, as the label formats for sparse data begin with.
    mutating func addLabel(_ fields: [GeneratedField]) {
        guard let target = fields.last else { return }
        let column = fields.count - 1
        switch target.kind {
        case .numeric:
            addNumber(column: column, before: "")
        case .categorical(let categories):
            let texts = categories.count == 2 ? ["-1", "1"] : categories.indices.map { "\($0 + 1)" }
            addCategory(column: column, before: "", texts: texts)
        case .code(let cardinality, _):
            addOffsetCode(column: column, before: "", after: "", cardinality: cardinality, first: 1)
        }
    }
}
