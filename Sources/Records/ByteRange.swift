/// Bytes inside a buffer that somebody else keeps alive (the chunks of a batch).
public struct ByteRange: Sendable {
    public nonisolated(unsafe) let start: UnsafePointer<UInt8>?
    public let count: Int

    @inlinable public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        self.start = start
        self.count = count
    }

    /// Computed, because the access to a stored global is a call.
    @inlinable public static var empty: ByteRange { ByteRange(nil, 0) }

    /// The bytes as text; invalid UTF-8 becomes U+FFFD.
    public var text: String { String(decoding: buffer, as: UTF8.self) }
    @inlinable public var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }
}
