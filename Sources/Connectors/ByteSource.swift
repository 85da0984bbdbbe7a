import Records

/// Where bytes come from: parts, one after the other, each an ordered run of bytes. Used by one thread.
public protocol ByteSource: Source {
    /// Prepares to read; parts named in `positions` continue where they stand, done ones are passed over.
    func open(at positions: [PartPosition]) throws(ConnectorError)

    /// Goes to the next part. Nil: there is none, the stream is over.
    /// - Returns: the position in that part at which reading starts.
    func advance() throws(ConnectorError) -> PartPosition?

    /// Appends at most the chunk's free room to it, waiting a short while at most.
    func read(into chunk: Chunk) throws(ConnectorError) -> ReadOutcome

    /// The current part's fingerprint, over at most `limit` of its first bytes.
    func fingerprint(limit: Int) -> (digest: String, bytes: Int)

    /// Another source that has one of the parts alone, for a look at it before its turn; nil: that cannot be had.
    func lookAhead(at part: String) -> (any ByteSource)?
}

extension ByteSource {
    public func lookAhead(at part: String) -> (any ByteSource)? { nil }
}
