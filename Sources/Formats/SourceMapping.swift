import Records

/// What one of several inputs calls the schema's fields, and how it writes and measures them.
public struct SourceMapping: Sendable, Equatable {
    /// A field of the schema as the source has it.
    public struct SourceField: Sendable, Equatable {
        /// The schema's name for it.
        public var field: String
        /// The source's name for it.
        public var name: String
        /// value * factor + offset is the number in the schema's unit.
        public var factor = 1.0
        public var offset = 0.0
        /// A comma stands before the fraction, and points between thousands.
        public var hasDecimalComma = false

        public init(_ field: String, from name: String) {
            self.field = field
            self.name = name
        }

        var convertsNumbers: Bool { factor != 1 || offset != 0 }
        var isNumber: Bool { convertsNumbers || hasDecimalComma }
    }

    public var fields: [SourceField] = []

    public init() {}

    private func source(of field: String) -> SourceField? { fields.first { $0.field == field } }

    /// What the schema calls a field of the source; nil: it has no place there.
    private func schemaName(of name: String) -> String? {
        if let mapped = fields.first(where: { $0.name == name }) { return mapped.field }
        return source(of: name) == nil ? name : nil
    }

    /// The schema as the source's decoder needs it, with fields in the same order.
    ///
    /// - Throws: when a field that has a unit is no number.
    public func schema(for schema: Schema) throws(FormatError) -> Schema {
        for field in fields where field.isNumber && !isNumber(field.field, schema) {
            throw FormatError(
                "sources: field '\(field.field)' has a unit or a decimal comma, but it is no number in the schema: "
                    + "name it in schema.numeric, or take the unit out")
        }
        var mapped = schema
        for index in mapped.fields.indices {
            let field = mapped.fields[index]
            guard let source = source(of: field.name) else { continue }
            mapped.fields[index] = Field(source.name, field.role)
            mapped.fields[index].schemaName = field.name
            mapped.fields[index].hasDecimalComma = source.hasDecimalComma
        }
        return mapped
    }

    private func isNumber(_ name: String, _ schema: Schema) -> Bool {
        guard let index = schema.index(of: name) else { return true }
        switch schema.fields[index].role {
        case .numeric, .both, .ignored: return true
        case .target: return schema.task == .regression
        case .categorical, .text, .raw, .id, .weight, .time: return false
        }
    }

    /// The sample as a source with the schema's names and units would have given it.
    public func sample(_ sample: Sample) -> Sample {
        var mapped = Sample()
        mapped.records = sample.records
        for name in sample.names {
            guard let field = schemaName(of: name), !mapped.names.contains(field) else { continue }
            mapped.names.append(field)
            mapped.declared[field] = sample.declared[name]
            mapped.declaredClasses[field] = sample.declaredClasses[name]
            let source = source(of: field)
            mapped.values[field] = (sample.values[name] ?? []).map { source?.converted($0) ?? $0 }
        }
        return mapped
    }

    /// The columns of a batch whose numbers are converted once they are read.
    public func conversions(_ schema: Schema) -> NumberConversions {
        var conversions = NumberConversions()
        for (column, field) in schema.fields(.numeric, .both).enumerated() {
            guard let source = source(of: field.name), source.convertsNumbers else { continue }
            conversions.columns.append(.init(column: column, factor: source.factor, offset: source.offset))
        }
        if let target = schema.fields(.target).first, let source = source(of: target.name), source.convertsNumbers {
            conversions.target = .init(column: 0, factor: source.factor, offset: source.offset)
        }
        return conversions
    }
}

extension SourceMapping.SourceField {
    fileprivate func converted(_ value: SampledValue) -> SampledValue {
        switch value {
        case .number(let number): return .number(number * factor + offset)
        case .string(let text) where hasDecimalComma:
            var text = text
            let number = text.withUTF8 { localizedNumber($0) }
            return number.map { .number($0 * factor + offset) } ?? value
        default: return value
        }
    }
}

extension Sample {
    /// Adds the first records of another source of the same schema.
    public mutating func append(_ other: Sample) {
        for name in other.names {
            if values[name] == nil {
                names.append(name)
                values[name] = []
            }
            let absent = records - (values[name]?.count ?? 0)
            if absent > 0 { values[name]?.append(contentsOf: repeatElement(.missing, count: absent)) }
            values[name]?.append(contentsOf: other.values[name] ?? [])
            if declared[name] == nil { declared[name] = other.declared[name] }
            if declaredClasses[name] == nil { declaredClasses[name] = other.declaredClasses[name] }
        }
        records += other.records
    }
}

/// Numbers of a batch that come in another unit than the schema's.
public struct NumberConversions: Sendable {
    struct Column {
        let column: Int
        let factor: Double
        let offset: Double

        @inline(__always)
        func converted(_ value: Double) -> Double {
            let limit = Double.greatestFiniteMagnitude
            let result = value * factor + offset
            // Missing stays missing.
            return result > limit ? limit : result < -limit ? -limit : result
        }
    }

    var columns: [Column] = []
    /// Of a regression.
    var target: Column?

    public init() {}

    public var isEmpty: Bool { columns.isEmpty && target == nil }

    /// Converts the rows that were just decoded.
    public func apply(to batch: RecordBatch, _ rows: Range<Int>) {
        for conversion in columns {
            let values = batch.numbers + conversion.column * batch.columnStride
            for row in rows { values[row] = conversion.converted(values[row]) }
        }
        guard let target else { return }
        for row in rows { batch.targetNumbers[row] = target.converted(batch.targetNumbers[row]) }
    }
}

/// A number with a decimal comma: `3,14`, `1.234.567,8`, also with spaces between thousands. Nil: it is none.
func localizedNumber(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    guard text.count <= 100 else { return nil }
    var plain: [UInt8] = []
    for byte in text {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: " "), UInt8(ascii: "'"): continue
        case UInt8(ascii: ","): plain.append(UInt8(ascii: "."))
        default: plain.append(byte)
        }
    }
    // A delimiter must follow a number.
    plain.append(0x0a)
    return plain.withUnsafeBufferPointer { plain in
        guard case .number(let value) = readNumber(UnsafeBufferPointer(rebasing: plain.dropLast())) else { return nil }
        return value
    }
}
