/// Bytes inside a buffer that somebody else keeps alive (the chunks of a batch).
public struct ByteRange: Sendable {
    public nonisolated(unsafe) let start: UnsafePointer<UInt8>?
    public let count: Int

    @inlinable public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        self.start = start
        self.count = count
    }

    public static let empty = ByteRange(nil, 0)

    /// The bytes as text; invalid UTF-8 becomes U+FFFD.
    public var text: String { String(decoding: buffer, as: UTF8.self) }
    public var buffer: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }
}
