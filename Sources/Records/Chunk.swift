import Glibc

/// A block of raw bytes from a source, shared by the batches whose records lie in it and recycled after them.
///
/// `paddingBytes` bytes past `count` are readable, so that decoders may load whole vectors.
public final class Chunk: @unchecked Sendable {
    public static let padding = 64

    public private(set) var base: UnsafeMutablePointer<UInt8>
    public private(set) var capacity: Int
    /// Bytes filled in.
    public var count = 0
    /// Where the first byte stands in its source.
    public var position = RecordPosition(part: 0, offset: 0, line: 1)

    public init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity + Self.padding)
        (base + capacity).initialize(repeating: 0, count: Self.padding)
    }

    deinit { base.deallocate() }

    /// Grows to hold at least `needed` bytes, keeping the first `count`.
    public func reserve(_ needed: Int) {
        guard needed > capacity else { return }
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: needed + Self.padding)
        memcpy(grown, base, count)
        base.deallocate()
        base = grown
        capacity = needed
    }

    /// Appends bytes; `bytes` must not lie in this chunk.
    public func append(_ bytes: ByteRange) {
        guard let start = bytes.start, bytes.count > 0 else { return }
        reserve(count + bytes.count)
        memcpy(base + count, start, bytes.count)
        count += bytes.count
    }

    /// Makes the padding readable zeros, as decoders expect after the last byte.
    public func sealPadding() { memset(base + count, 0, min(Self.padding, capacity + Self.padding - count)) }
}
