import CBytes
import Components
import Records

/// Where a step finds a field of a record.
public enum FieldReference: Sendable, Equatable {
    /// A number column.
    case number(Int)
    /// A category column.
    case category(Int)
    /// A column of raw bytes.
    case raw(Int)
    /// The record's id.
    case id

    /// The field as a key: equal values have equal keys; 0 = missing.
    @inline(__always)
    func key(_ batch: RecordBatch, _ row: Int) -> UInt64 {
        switch self {
        case .number(let column):
            let value = batch.numbers[column * batch.columnStride + row]
            // Adding 0 makes one key of both zeros.
            return value.isNaN ? 0 : nonZero(bytes_mix((value + 0).bitPattern ^ 0x9e37_79b9_7f4a_7c15))
        case .category(let column): return batch.categories[column * batch.columnStride + row]
        case .raw(let column): return Self.key(batch.rawFields[column * batch.columnStride + row])
        case .id: return Self.key(batch.ids[row])
        }
    }

    private static func key(_ bytes: ByteRange) -> UInt64 {
        guard let start = bytes.start, bytes.count > 0 else { return 0 }
        return nonZero(bytes_xxh3(start, bytes.count))
    }
}

/// 1 in the place of 0, which means missing.
@inline(__always) func nonZero(_ hash: UInt64) -> UInt64 { hash == 0 ? 1 : hash }

/// The fields there are at one place of a pipeline: those of the schema, then those that earlier steps made.
public struct FieldLayout: Sendable {
    /// With the made fields behind the others.
    public private(set) var schema: Schema
    /// Steps that bring words of their own.
    public private(set) var tokenListCount = 0
    /// Of everything random.
    public let seed: UInt64

    public init(_ schema: Schema, seed: UInt64 = 1) {
        self.schema = schema
        self.seed = seed
    }

    public var numberNames: [String] { schema.fields(.numeric, .both).map(\.name) }
    public var categoryNames: [String] { schema.fields(.categorical, .both).map(\.name) }
    public var rawNames: [String] { schema.keptFields.map(\.name) }

    /// Makes a number column; returns its place.
    ///
    /// - Throws: when the name is taken by a feature.
    public mutating func addNumber(_ name: String) throws(SettingError) -> Int {
        try add(Field(name, .numeric))
        return numberNames.count - 1
    }

    /// Makes a category column; returns its place.
    public mutating func addCategory(_ name: String) throws(SettingError) -> Int {
        try add(Field(name, .categorical))
        return categoryNames.count - 1
    }

    public mutating func addTokenList() -> Int {
        tokenListCount += 1
        return tokenListCount - 1
    }

    private mutating func add(_ field: Field) throws(SettingError) {
        let isTaken = schema.fields.contains { $0.name == field.name && $0.role != .raw && $0.role != .ignored }
        guard !isTaken else {
            throw SettingError("a step of the pipeline makes a field '\(field.name)', but there is one of that name")
        }
        schema.fields.append(field)
    }

    // MARK: Finding

    /// Number columns of the names in `A+B`; `*` and a trailing `*` are wildcards.
    public func numbers(_ list: String, _ step: String) throws(SettingError) -> [Int] {
        try Self.indices(list, in: numberNames, "number", step)
    }

    /// Category columns of the names in `A+B`.
    public func categories(_ list: String, _ step: String) throws(SettingError) -> [Int] {
        try Self.indices(list, in: categoryNames, "categorical", step)
    }

    /// Raw columns of the names in `A+B`.
    public func raws(_ list: String, _ step: String) throws(SettingError) -> [Int] {
        guard !list.isEmpty else { throw SettingError("\(step): say which fields: fields=A+B") }
        return try Self.indices(list, in: rawNames, "raw", step)
    }

    static func indices(
        _ list: String, in names: [String], _ kind: String, _ step: String
    ) throws(SettingError) -> [Int] {
        var chosen: [Int] = []
        for pattern in list.split(separator: "+").map(String.init) {
            let found = names.indices.filter { matches(names[$0], pattern) }
            guard !found.isEmpty || pattern == "*" else {
                throw SettingError("\(step): there is no \(kind) field '\(pattern)'" + didYouMean(pattern, names))
            }
            for column in found where !chosen.contains(column) { chosen.append(column) }
        }
        return chosen
    }

    /// Whether a name is meant by a pattern: the name itself, or a beginning and `*`.
    public static func matches(_ name: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
    }

    /// One field that serves as a key.
    public func reference(_ name: String, _ step: String) throws(SettingError) -> FieldReference {
        if let column = categoryNames.firstIndex(of: name) { return .category(column) }
        if let column = rawNames.firstIndex(of: name) { return .raw(column) }
        if let column = numberNames.firstIndex(of: name) { return .number(column) }
        if schema.fields(.id).contains(where: { $0.name == name }) { return .id }
        throw SettingError(
            "\(step): there is no field '\(name)' to go by" + didYouMean(name, schema.fields.map(\.name)))
    }
}
