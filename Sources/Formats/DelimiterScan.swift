import CBytes

/// Walks over the separators, line ends and quotes of a text by 64-byte bit masks.
struct DelimiterScan {
    private var block: UnsafePointer<UInt8>
    private var mask: UInt64
    private let separator: UInt8
    /// Non-zero: the current block has a byte outside ASCII; so has a block of the current record.
    private var blockHigh: UInt32 = 0
    private var high: UInt32 = 0

    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, _ separator: UInt8) {
        block = start
        self.separator = separator
        mask = 0
        mask = load()
    }

    @inline(__always)
    private mutating func load() -> UInt64 {
        blockHigh = 0
        let delimiters = bytes_mask64(
            block, separator, UInt8(ascii: "\n"), UInt8(ascii: "\""), UInt8(ascii: "\n"), &blockHigh)
        high |= blockHigh
        return delimiters
    }

    /// The next delimiter. The text must have one.
    @inline(__always)
    mutating func next() -> UnsafePointer<UInt8> {
        while mask == 0 {
            block += 64
            mask = load()
        }
        let at = block + mask.trailingZeroBitCount
        mask &= mask &- 1
        return at
    }

    @inline(__always)
    mutating func beginRecord() { high = blockHigh }

    /// Whether a block loaded since `beginRecord` had a byte outside ASCII (perhaps of a neighbouring record).
    var sawHighByte: Bool { high != 0 }
}
