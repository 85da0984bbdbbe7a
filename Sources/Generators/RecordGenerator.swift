/// A source of synthetic records that never ends.
///
/// Values are written in field order; a categorical value is the index of its category. A generator is a value: a copy
/// of it continues independently with the same records.
public protocol RecordGenerator: Sendable {
    /// The columns; the last one is the target, named `class`.
    var fields: [GeneratedField] { get }

    /// Writes the next record.
    ///
    /// - Parameter record: at least `fields.count` values; all of those are overwritten.
    mutating func next(into record: UnsafeMutableBufferPointer<Double>)
}
