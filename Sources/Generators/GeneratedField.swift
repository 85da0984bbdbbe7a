/// One column of a generated stream.
public struct GeneratedField: Sendable, Equatable {
    /// How the values of a column are stored in a record and shown as text.
    public enum Kind: Sendable, Equatable {
        /// The value is a number.
        case numeric
        /// The value is the index (from 0) of one of these categories.
        case categorical([String])
        /// The value is a code in `0 ..< cardinality`, shown as eight hexadecimal digits computed from the code, so
        /// that a field with hundreds of thousands of values needs no table of strings.
        ///
        /// The digits are `code * 2654435761 + salt` modulo 2^32 (Knuth's multiplicative hash): the multiplier is odd,
        /// so two codes of a field never share a text.
        case code(cardinality: Int, salt: UInt32)
    }

    /// The name of the column; the target is always named `class`.
    public let name: String
    /// What the column holds.
    public let kind: Kind

    /// Describes a column.
    public init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }

    /// The number behind the text of a `code` value.
    @inline(__always)
    public static func codeBits(_ code: UInt32, salt: UInt32) -> UInt32 {
        code &* 2_654_435_761 &+ salt
    }
}

extension GeneratedField {
    /// Numeric columns named `prefix1`, `prefix2`, ...
    static func numbered(_ prefix: String, _ count: Int, kind: Kind = .numeric) -> [GeneratedField] {
        (0..<count).map { GeneratedField(name: "\(prefix)\($0 + 1)", kind: kind) }
    }

    /// The target column.
    static func target(_ categories: [String]) -> GeneratedField {
        GeneratedField(name: "class", kind: .categorical(categories))
    }

    /// A target with the categories `class1`, `class2`, ...
    static func target(classes: Int) -> GeneratedField {
        target(names("class", 1...max(classes, 1)))
    }

    /// The texts `prefix` followed by each number of a range.
    static func names(_ prefix: String, _ numbers: ClosedRange<Int>) -> [String] {
        numbers.map { "\(prefix)\($0)" }
    }
}
