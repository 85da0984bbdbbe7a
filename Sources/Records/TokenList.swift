/// Weighted words of a batch's rows, brought by one preprocessing step; buffers stay.
public final class TokenList: @unchecked Sendable {
    /// Hashes of the words, salted with the field's name, row after row.
    @exclusivity(unchecked) public var hashes: [UInt64] = []
    /// Their values.
    @exclusivity(unchecked) public var values: [Float] = []
    /// Words of row r: `ends[r - 1] ..< ends[r]`.
    @exclusivity(unchecked) public var ends: [Int] = []

    public init() {}

    public func clear() {
        hashes.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// The words of a row.
    public func range(_ row: Int) -> Range<Int> { (row > 0 ? ends[row - 1] : 0)..<ends[row] }
}
