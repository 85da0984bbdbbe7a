import CBytes

/// Walks over the delimiters of feature texts (blanks, control characters, ':' and '|') by 64-byte bit masks.
struct FeatureScan {
    private var block: UnsafePointer<UInt8>
    private var mask: UInt64
    /// Non-zero: the current block has a byte outside ASCII; so has a block of the current record.
    private var blockHigh: UInt32 = 0
    private var high: UInt32 = 0

    @inline(__always)
    init(_ start: UnsafePointer<UInt8>) {
        block = start
        mask = bytes_feature_mask64(start, &blockHigh)
        high = blockHigh
    }

    /// The next delimiter. The text must have one.
    @inline(__always)
    mutating func next() -> UnsafePointer<UInt8> {
        while mask == 0 {
            block += 64
            blockHigh = 0
            mask = bytes_feature_mask64(block, &blockHigh)
            high |= blockHigh
        }
        let at = block + mask.trailingZeroBitCount
        mask &= mask &- 1
        return at
    }

    /// The next line end, `at` being the last delimiter seen.
    mutating func lineEnd(from at: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
        var at = at
        while at.pointee != UInt8(ascii: "\n") { at = next() }
        return at
    }

    @inline(__always)
    mutating func beginRecord() { high = blockHigh }

    /// Whether a block loaded since `beginRecord` had a byte outside ASCII (perhaps of a neighbouring record).
    var sawHighByte: Bool { high != 0 }
}
