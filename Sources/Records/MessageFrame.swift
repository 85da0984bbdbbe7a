import Glibc

/// How a chunk holds binary messages: each one's length as four little-endian bytes, then its bytes.
public enum MessageFrame {
    public static let headCount = 4

    /// Appends one message; `payload` must not lie in the chunk.
    public static func append(_ payload: UnsafeRawBufferPointer, to chunk: Chunk) {
        chunk.reserve(chunk.count + headCount + payload.count)
        let start = UnsafeMutableRawPointer(chunk.base + chunk.count)
        var count = UInt32(clamping: payload.count).littleEndian
        memcpy(start, &count, headCount)
        if let from = payload.baseAddress { memcpy(start + headCount, from, payload.count) }
        chunk.count += headCount + payload.count
    }

    /// The message at an offset of a chunk; nil: none begins there.
    @inlinable public static func payload(in chunk: Chunk, at offset: Int) -> UnsafeBufferPointer<UInt8>? {
        let left = chunk.count - offset
        guard left >= headCount else { return nil }
        let start = UnsafePointer(chunk.base) + offset
        let count = Int(UInt32(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)))
        guard count <= left - headCount else { return nil }
        return UnsafeBufferPointer(start: start + headCount, count: count)
    }
}
