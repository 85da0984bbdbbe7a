import Records

/// What a message is to the reader.
public enum MessageKind: Sendable {
    /// A record to decode.
    case record
    /// Nothing in it (a tombstone, an empty payload): consumed, no record.
    case empty
    /// No record can be in it; the reason is `MessageBlock.reasons[reason]`.
    case rejected(reason: Int)
}

/// One message of a block: where its bytes lie and where it stands in its part.
public struct MessageMark: Sendable {
    public var kind: MessageKind
    /// Index into `MessageBlock.parts`.
    public var part: Int
    /// In the part; the next expected one is this plus 1.
    public var offset: Int
    /// First byte of the payload's line in the chunk. Where `kind` is not `.record` there is no line, and this is where
    /// the next one begins.
    public var start: Int
    /// Bytes at the line's beginning that the source put there (fields made of the message's key, headers, time). They
    /// replace the payload's first byte.
    public var prefixCount: Int
    /// The key's bytes in `MessageBlock.keys`.
    public var keyStart: Int
    public var keyCount: Int

    public init(
        kind: MessageKind, part: Int, offset: Int, start: Int, prefixCount: Int = 0, keyStart: Int = 0,
        keyCount: Int = 0
    ) {
        self.kind = kind
        self.part = part
        self.offset = offset
        self.start = start
        self.prefixCount = prefixCount
        self.keyStart = keyStart
        self.keyCount = keyCount
    }
}

/// Messages on their way from a source to the decoder, in recycled buffers; owned by one thread at a time.
///
/// The chunk holds the payloads of the records, each one line: no line end in it, one behind it. Of a source that frames
/// payloads it holds each behind its length instead (`MessageFrame`).
public final class MessageBlock: @unchecked Sendable {
    public static let capacity = 256 << 10

    /// Filled by the source, which seals its padding.
    public private(set) var chunk: Chunk
    public var marks: [MessageMark] = []
    /// Names of the parts the marks speak of: those the source was ever given, in that order.
    public var parts: [String] = []
    public var keys: [UInt8] = []
    /// Why messages were rejected, and their bytes (cut at `RejectedRecord.maximumBytes`).
    public var reasons: [(reason: String, bytes: [UInt8])] = []

    public init() {
        chunk = Chunk(capacity: Self.capacity)
        marks.reserveCapacity(2048)
    }

    /// Whether batches still point into the chunk. Call where the last of them is given back to.
    public func isFree() -> Bool { isKnownUniquelyReferenced(&chunk) }

    /// Empties the block, keeping its buffers but for those of an unusually large message.
    public func recycle() {
        if chunk.capacity > Self.capacity { chunk = Chunk(capacity: Self.capacity) }
        chunk.count = 0
        marks.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        reasons.removeAll(keepingCapacity: true)
    }
}
