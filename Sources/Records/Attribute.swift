/// A field as learners see it that do not live on hashed slots (trees, naive Bayes, neighbours).
public struct Attribute: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// A number.
        case numeric
        /// One of several values, given as their codes 0, 1, 2, ... in the order in which they were declared or first
        /// learned. New ones may come at any time, up to `maximumValues`; `declared` are known from the start. A value
        /// that nobody has learned yet has the next free code.
        case nominal(declared: Int)
    }

    /// Codes lie below; all further values of a field share the last one.
    public static let maximumValues = 1 << 16

    public let name: String
    public let kind: Kind

    public init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    public var isNominal: Bool { kind != .numeric }
}
