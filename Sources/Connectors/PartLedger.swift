/// Says who may consume a part, and from where: the engine's answer to a source that was given a part.
///
/// May be called from any thread.
public protocol PartLedger: AnyObject, Sendable {
    /// Names this worker in what the source writes outside (Kafka's committed offsets); the same after a restart.
    var worker: String { get }

    /// Whether there are snapshots: without them nothing is durable, and nothing is ever acknowledged.
    var isDurable: Bool { get }

    /// Takes hold of a part.
    func claim(_ part: String) throws(ConnectorError) -> PartClaim

    /// Lets go of a part.
    func release(_ part: String)
}

/// The answer to a claim.
public enum PartClaim: Sendable, Equatable {
    /// Go on at this offset; nil: nothing was ever consumed of this part, so the source's own start applies.
    case granted(next: Int?)
    /// Another live worker has not let go of it yet; ask again soon.
    case held(by: String)
}
