/// Where whole messages come from, out of several parts at once (the partitions of a topic), which other members of a
/// group may take over at any time.
///
/// `next`, `completeRelease` and `rewind` are called by one thread, `acknowledge` and `status` by any.
public protocol MessageSource: Source {
    /// Names the group, and the cluster it is of, whose members share the parts; nil: nobody takes parts over.
    var group: String? { get }

    /// Payloads are binary: a block holds each behind its length (`MessageFrame`) instead of as a line.
    var framesPayloads: Bool { get }

    /// Connects and joins.
    ///
    /// - Parameter ledger: asked for every part the source is given: whether it may be consumed, and from where.
    /// - Throws: what a person must change (an unknown topic, wrong credentials, nobody listening).
    func open(_ ledger: any PartLedger) throws(ConnectorError)

    /// What comes next, waiting at most `seconds`.
    ///
    /// - Parameter recycled: a block that nobody uses any more, to be filled again.
    func next(waiting seconds: Double, recycling recycled: MessageBlock?) throws(ConnectorError) -> MessageEvent

    /// Answers `MessageEvent.release`: everything the released parts brought is learned, and in a durable snapshot where
    /// there are snapshots; `acknowledge` was called before.
    func completeRelease()

    /// Forgets what was handed out and not learned for good: parts go on where the ledger says now. What `next` returns
    /// after this comes from there.
    func rewind() throws(ConnectorError)

    var status: SourceStatus { get }
}

extension MessageSource {
    public var framesPayloads: Bool { false }
}

/// What a message source has to say.
public enum MessageEvent {
    case messages(MessageBlock)
    /// Nothing within the time.
    case idle
    /// Everything up to the wanted end was handed out.
    case end
    /// These parts go to another member. Before that everything handed out so far must be learned and made durable; the
    /// source waits for `completeRelease`.
    case release([String])
    /// These parts went to another member, who starts at the last durable snapshot: what was learned of them since must
    /// be forgotten (`rewind`).
    case lost([String])
}

/// What a source tells about itself, for the progress line and the report.
public struct SourceStatus: Sendable {
    /// Records of each part that are there and not yet handed out; nil = not known.
    public var lags: [(part: String, records: Int?)] = []
    /// Counts since the start, in a fixed order (`rebalances`, `errors`, `duplicates`, ...).
    public var counters: [(name: String, count: Int)] = []
    /// Why nothing can come at the moment; nil: it is connected.
    public var disconnection: String?

    public init() {}
}
