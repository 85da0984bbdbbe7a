/// Where a record stands in its source.
public struct RecordPosition: Sendable, Equatable {
    /// Which part of the source: the index of a file, a partition.
    public var part: Int
    /// Bytes before it in the part (decompressed), or a partition's offset.
    public var offset: Int
    /// Line number, from 1.
    public var line: Int

    public init(part: Int, offset: Int, line: Int) {
        self.part = part
        self.offset = offset
        self.line = line
    }
}
