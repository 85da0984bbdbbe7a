import Records

/// A format that cannot be read at all, with what to do about it.
public struct FormatError: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Turns bytes into records, batch by batch. One object per stream, used by one thread.
///
/// A malformed record goes to `batch.rejected`, never further; nothing of it stays in the batch.
public protocol RecordDecoder: AnyObject {
    /// What to know of the stream besides the bytes that follow, to resume in its middle (a CSV header).
    var context: String { get set }

    /// Called before the first byte of a part (a file) when reading starts at its beginning.
    func beginPart()

    /// Decodes complete records from `chunk.base[offset ..< chunk.count]` until `batch` is full.
    ///
    /// - Parameter isEnd: no more bytes follow in this part; then the last record counts as complete, and the chunk
    ///   ends with a line end.
    /// - Returns: the offset after the last record that was used up. When the batch is not full, the bytes from there
    ///   on are the beginning of a record whose end has not arrived.
    func decode(_ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch) throws(FormatError) -> Int
}

/// What one field of one sampled record looks like.
public enum SampledValue: Sendable, Equatable {
    case missing
    case number(Double)
    case boolean(Bool)
    case string(String)
    case bag
}

/// The first records of a stream, loosely parsed, for inferring a schema.
public struct Sample: Sendable {
    /// Field names in order of first appearance.
    public var names: [String] = []
    /// Values by field, aligned by record; absent = missing.
    public var values: [String: [SampledValue]] = [:]
    public var records = 0
    /// Roles that the format itself states (ARFF's nominal attributes).
    public var declared: [String: FieldRole] = [:]
    /// The task, where the format allows one only.
    public var declaredTask: Task?
    /// Classes that the format itself states for a field.
    public var declaredClasses: [String: [String]] = [:]

    public init() {}

    /// Adds one value of the current record (`records` counts finished ones).
    public mutating func add(_ name: String, _ value: SampledValue) {
        if values[name] == nil {
            names.append(name)
            values[name] = []
        }
        let absent = records - (values[name]?.count ?? 0)
        if absent > 0 { values[name]?.append(contentsOf: repeatElement(.missing, count: absent)) }
        if values[name]?.count == records { values[name]?.append(value) }
    }
}

/// Reads the first records of a stream without a schema.
public protocol RecordSampler: AnyObject {
    /// Adds the complete records of the chunk to `sample`, at most `limit` in all; returns the bytes looked at.
    func sample(_ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample) throws(FormatError) -> Int
}
