/// Turns records into text.
///
/// Call `header` once, then `write` for each record; both append to the bytes given, which the caller empties whenever
/// it has passed them on.
public protocol RecordWriter {
    /// Takes in the columns and appends what the format puts before the records, if anything.
    mutating func header(_ fields: [GeneratedField], into bytes: inout [UInt8])

    /// Appends one record: `fields.count` values, categorical ones as the index of their category. A value
    /// that is not finite counts as missing.
    mutating func write(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8])
}
