import JSON

/// How a run treats targets that come later than their records.
public struct DelayOptions: Sendable, Equatable {
    /// A length of the stream.
    public enum Span: Sendable, Equatable {
        /// Records of the input, and those predicted over HTTP.
        case records(Int)
        /// By the records' time; by the clock on the wall where they have none.
        case seconds(Double)
    }

    /// Every record is predicted when it comes and learned that much later (`evaluate --delay`); nil = records that have
    /// their target are learned at once.
    public var withheld: Span?
    /// After that a record waits no longer; nil = it waits until there is no room.
    public var timeout: Span?
    /// What is learned of a record whose time is over; nil = nothing.
    public var defaultTarget: String?
    /// Records that may wait for their targets; the oldest goes first.
    public var maximumPending = 100_000
    /// Bytes they may take in all.
    public var maximumBytes = 256 << 20

    public init() {}
}

extension DelayOptions.Span {
    /// What `text` says; nil: it is none.
    init?(text: String) {
        if let count = Int(text) {
            self = .records(count)
        } else if text.hasSuffix("s"), let seconds = Double(text.dropLast()) {
            self = .seconds(seconds)
        } else {
            return nil
        }
    }

    /// As the command line takes it.
    var text: String {
        switch self {
        case .records(let count): String(count)
        case .seconds(let seconds): "\(seconds)s"
        }
    }
}
