import JSON

/// What stands at one place of a record (Avro 1.11, "Schema Declaration"), as the decoder needs to know it.
indirect enum AvroType {
    case null, boolean
    /// `int` and `long`: they are written alike.
    case integer
    case float, double, bytes, string
    case fixed(Int)
    /// A date or time: a whole number that becomes seconds, as `value * multiplier / divisor`.
    case time(multiplier: Double, divisor: Double)
    /// Big-endian two's complement times 10^-scale; `size` bytes, or as many as their length says.
    case decimal(scale: Int, size: Int?)
    case enumeration([String])
    case array(AvroType)
    case map(AvroType)
    case union([AvroType])
    /// Index into `AvroSchema.records`: a record may hold itself.
    case record(Int)

    var isNull: Bool { if case .null = self { true } else { false } }

    /// One value of one field, whatever it is.
    var isScalar: Bool {
        switch self {
        case .null, .array, .map, .union, .record: false
        default: true
        }
    }

    /// What JSON writes as a string.
    var isText: Bool {
        switch self {
        case .string, .bytes, .fixed, .enumeration: true
        default: false
        }
    }

    /// Its items are a bag of words, as an array of strings is in JSON Lines; missing ones are left out.
    var isTextOrNull: Bool {
        if case .union(let branches) = self { return branches.allSatisfy { $0.isText || $0.isNull } }
        return isText
    }
}

struct AvroRecordType {
    let name: String
    var fields: [(name: String, type: AvroType)] = []
}

/// A writer's schema.
struct AvroSchema {
    private(set) var records: [AvroRecordType] = []
    /// The record that every datum is.
    private(set) var root = 0
    /// Named types by their full names.
    private var named: [String: AvroType] = [:]
    /// Values of each record with those of the records in it; nil: its declaration has not ended.
    private var weights: [Int?] = []
    /// Values are followed into records that hold themselves no deeper.
    static let maximumDepth = 64
    /// The most values of a record, those of the records in it included.
    private static let maximumWeight = 20_000

    /// - Parameter texts: the schema last, before it the ones it refers to.
    /// - Throws: what in it cannot be used, and why.
    init(_ texts: [String]) throws(FormatError) {
        let parser = JSONParser()
        var last = AvroType.null
        for text in texts {
            let value: JSONValue
            do throws(JSONError) {
                // A schema that is but a name need not be in quotes in a registry.
                value =
                    text.hasPrefix("{") || text.hasPrefix("[") || text.hasPrefix("\"")
                    ? try parser.value(text.utf8) : .string(text)
            } catch { throw FormatError("the Avro schema is not JSON: \(error.description)") }
            last = try parse(value, namespace: "")
        }
        guard case .record(let index) = last else {
            throw FormatError("the Avro schema describes no record; a record's fields are what is learned from")
        }
        root = index
    }

    private mutating func parse(_ value: JSONValue, namespace: String) throws(FormatError) -> AvroType {
        if let name = value.string { return try type(named: name, namespace) }
        if let branches = value.array {
            guard (1...1024).contains(branches.count) else { throw FormatError("the Avro schema has an empty union") }
            var types: [AvroType] = []
            for branch in branches { types.append(try parse(branch, namespace: namespace)) }
            return .union(types)
        }
        guard let type = value["type"] else { throw FormatError("the Avro schema has a part without type") }
        guard let name = type.string else { return try parse(type, namespace: namespace) }
        switch name {
        case "record", "error": return try parseRecord(value, namespace)
        case "enum": return try parseEnumeration(value, namespace)
        case "fixed": return try parseFixed(value, namespace)
        case "array": return .array(try parse(value["items"] ?? .null, namespace: namespace))
        case "map": return .map(try parse(value["values"] ?? .null, namespace: namespace))
        default: return logical(try self.type(named: name, namespace), value, size: nil)
        }
    }

    private func type(named name: String, _ namespace: String) throws(FormatError) -> AvroType {
        switch name {
        case "null": return .null
        case "boolean": return .boolean
        case "int", "long": return .integer
        case "float": return .float
        case "double": return .double
        case "bytes": return .bytes
        case "string": return .string
        default:
            let full = name.contains(".") || namespace.isEmpty ? name : "\(namespace).\(name)"
            guard let found = named[full] ?? named[name] else {
                throw FormatError("the Avro schema names a type '\(name)' that it does not declare")
            }
            return found
        }
    }

    /// The full name of a declaration, and the namespace inside it.
    private func fullName(_ value: JSONValue, _ namespace: String) throws(FormatError) -> (name: String, inner: String)
    {
        guard let name = value["name"]?.string, !name.isEmpty else {
            throw FormatError("the Avro schema declares a type without name")
        }
        let space = value["namespace"]?.string ?? namespace
        let full = name.contains(".") || space.isEmpty ? name : "\(space).\(name)"
        let inner = full.lastIndex(of: ".").map { String(full[..<$0]) } ?? ""
        return (full, inner)
    }

    private mutating func parseRecord(_ value: JSONValue, _ namespace: String) throws(FormatError) -> AvroType {
        let (name, inner) = try fullName(value, namespace)
        let index = records.count
        records.append(AvroRecordType(name: name))
        weights.append(nil)
        var weight = 1
        named[name] = .record(index)
        var seen = Set<String>()
        for field in value["fields"]?.array ?? [] {
            guard let fieldName = field["name"]?.string, let type = field["type"] else {
                throw FormatError("the Avro record '\(name)' has a field without name or type")
            }
            guard seen.insert(fieldName).inserted else {
                throw FormatError("the Avro record '\(name)' has two fields '\(fieldName)'")
            }
            var fieldType = try parse(type, namespace: inner)
            // Some writers put the logical type beside the field's type instead of into it.
            if type.string != nil { fieldType = logical(fieldType, field, size: nil) }
            records[index].fields.append((fieldName, fieldType))
            weight += try self.weight(fieldType, mayHoldItself: false)
            guard weight <= Self.maximumWeight else {
                throw FormatError("the Avro record '\(name)' has more than \(Self.maximumWeight) values")
            }
        }
        weights[index] = weight
        return .record(index)
    }

    /// How many values a value has in it. Each record is counted wherever it is named, so that a few lines of schema
    /// cannot stand for values without end.
    private func weight(_ type: AvroType, mayHoldItself: Bool) throws(FormatError) -> Int {
        switch type {
        case .record(let index):
            if let known = weights[index] { return known }
            guard mayHoldItself else {
                throw FormatError("the Avro record '\(records[index].name)' holds itself, always: it has no end")
            }
            return 1
        case .array(let item), .map(let item): return try weight(item, mayHoldItself: true)
        case .union(let types):
            var sum = 0
            for type in types { sum += try weight(type, mayHoldItself: true) }
            return sum
        default: return 1
        }
    }

    private mutating func parseEnumeration(_ value: JSONValue, _ namespace: String) throws(FormatError) -> AvroType {
        let (name, _) = try fullName(value, namespace)
        let symbols = value["symbols"]?.array?.compactMap(\.string) ?? []
        guard !symbols.isEmpty else { throw FormatError("the Avro enumeration '\(name)' has no symbols") }
        named[name] = .enumeration(symbols)
        return .enumeration(symbols)
    }

    private mutating func parseFixed(_ value: JSONValue, _ namespace: String) throws(FormatError) -> AvroType {
        let (name, _) = try fullName(value, namespace)
        guard let size = value["size"]?.integer, (0...1 << 30).contains(size) else {
            throw FormatError("the Avro type '\(name)' is of no size that could be read")
        }
        let type = logical(.fixed(size), value, size: size)
        named[name] = type
        return type
    }

    /// What a logical type makes of the type below it; an unknown or unfitting one is ignored, as the specification says.
    private func logical(_ type: AvroType, _ value: JSONValue, size: Int?) -> AvroType {
        guard let name = value["logicalType"]?.string else { return type }
        switch (type, name) {
        case (.integer, "date"): return .time(multiplier: 86_400, divisor: 1)
        case (.integer, "time-millis"), (.integer, "timestamp-millis"), (.integer, "local-timestamp-millis"):
            return .time(multiplier: 1, divisor: 1e3)
        case (.integer, "time-micros"), (.integer, "timestamp-micros"), (.integer, "local-timestamp-micros"):
            return .time(multiplier: 1, divisor: 1e6)
        case (.integer, "timestamp-nanos"), (.integer, "local-timestamp-nanos"):
            return .time(multiplier: 1, divisor: 1e9)
        case (.bytes, "decimal"), (.fixed, "decimal"):
            let scale = value["scale"]?.integer ?? 0
            return (0...300).contains(scale) ? .decimal(scale: scale, size: size) : type
        default: return type
        }
    }
}
