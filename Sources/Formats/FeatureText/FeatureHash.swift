import CBytes

/// Hashing of names as Vowpal Wabbit does it by default (`--hash strings`): decimal numbers are themselves, everything
/// else goes through MurmurHash3.
enum FeatureHash {
    /// The hash of the constant feature.
    static let constant: UInt32 = 11_650_396

    /// The hash of a non-empty name without blanks and control characters; 4 bytes past it must be readable.
    @inline(__always)
    static func plain(_ start: UnsafePointer<UInt8>, _ count: Int, _ seed: UInt32) -> UInt32 {
        if start.pointee &- UInt8(ascii: "0") > 9 { return bytes_murmur3_padded(start, count, seed) }
        var number: UInt64 = 0
        for offset in 0..<count {
            let digit = start[offset] &- UInt8(ascii: "0")
            if digit > 9 { return bytes_murmur3_padded(start, count, seed) }
            number = number &* 10 &+ UInt64(digit)
        }
        return UInt32(truncatingIfNeeded: number) &+ seed
    }

    /// The hash of any name: bytes 0x00...0x20 at both ends do not count, and nothing at all is the number 0.
    static func any(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ seed: UInt32) -> UInt32 {
        var start = start
        var end = end
        while start < end, start.pointee <= 0x20 { start += 1 }
        while start < end, end[-1] <= 0x20 { end -= 1 }
        return start == end ? seed : plain(start, end - start, seed)
    }
}
