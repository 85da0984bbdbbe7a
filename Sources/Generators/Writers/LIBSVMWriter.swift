/// LIBSVM's text: the label, then `index:value` for all values that are not 0, with indices from 1 upwards.
///
/// A categorical field takes as many indices as it has categories, of which the one that applies is 1. Labels are as in
/// `VWWriter`. Missing values are left out.
public struct LIBSVMWriter: RecordWriter, Sendable {
    private var template = RecordTemplate(missing: nil)

    /// Makes a writer.
    public init() {}

    public mutating func header(_ fields: [GeneratedField], into bytes: inout [UInt8]) {
        template = RecordTemplate(missing: nil)
        template.addLabel(fields)
        var index = 1
        for (column, field) in fields.dropLast().enumerated() {
            switch field.kind {
            case .numeric:
                template.addNumber(column: column, before: " \(index):", skipZero: true)
                index += 1
            case .categorical(let categories):
                let texts = categories.indices.map { "\(index + $0):1" }
                template.addCategory(column: column, before: " ", texts: texts)
                index += categories.count
            case .code(let cardinality, _):
                template.addOffsetCode(column: column, before: " ", after: ":1", cardinality: cardinality, first: index)
                index += cardinality
            }
        }
    }

    public mutating func write(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8]) {
        template.render(record, into: &bytes)
    }
}
