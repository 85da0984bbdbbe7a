import Records

/// A connector's failure: what happened, and what the caller must do about it.
public struct ConnectorError: Error, Sendable, CustomStringConvertible {
    public enum Disposition: Sendable {
        /// Nothing more can come; stop after a last snapshot.
        case fatal
        /// The other side is gone (a closed pipe); stop quietly after a last snapshot.
        case closed
    }

    public let description: String
    public let disposition: Disposition

    public init(_ description: String, _ disposition: Disposition = .fatal) {
        self.description = description
        self.disposition = disposition
    }
}

/// What `Source.read` found.
public enum ReadOutcome: Sendable {
    /// Bytes were appended to the chunk.
    case bytes
    /// Nothing now; more may come.
    case idle
    /// The current part is complete; `advance` goes to the next.
    case endOfPart
}

/// How far one part of a source (a file, a partition) was consumed.
public struct PartPosition: Sendable, Equatable {
    public var name: String
    /// Bytes consumed, after decompression.
    public var offset: Int
    /// The line that comes next, from 1.
    public var line: Int
    public var isDone: Bool
    /// Digest of the part's first bytes, to notice that it is not the same part any more.
    public var fingerprint: String
    /// How many bytes the fingerprint covers.
    public var fingerprintBytes: Int
    /// The decoder's context (a CSV header).
    public var context: String

    public init(name: String) {
        self.name = name
        offset = 0
        line = 1
        isDone = false
        fingerprint = ""
        fingerprintBytes = 0
        context = ""
    }
}

/// Where records come from. A source is either a `ByteSource` or a `MessageSource`.
public protocol Source: AnyObject {
    /// Whether reading can start again at a position (a file, a topic), or what was read is gone (a pipe).
    var isReplayable: Bool { get }

    /// Says that everything before the positions is in a durable snapshot. May be called from any thread.
    func acknowledge(_ positions: [PartPosition])

    func close()
}

extension Source {
    public func acknowledge(_ positions: [PartPosition]) {}
}
