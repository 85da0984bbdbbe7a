/// What somebody may do; each role may do what those before it may.
public enum Role: String, Sendable, CaseIterable, Comparable {
    case read
    case learn
    case admin

    private var rank: Int { self == .read ? 0 : self == .learn ? 1 : 2 }
    public static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }
}

/// Bearer tokens with their roles.
public struct Tokens: Sendable {
    private var entries: [(role: Role, token: [UInt8])] = []

    public init() {}

    /// Reads lines `ROLE TOKEN`; blank ones and those with `#` first are comments. No message shows a token.
    public init(parsing text: String) throws(ServiceError) {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard let role = Role(rawValue: String(first)), words.count == 2 else {
                throw ServiceError(
                    "line \(index + 1) of the token file: want ROLE TOKEN, ROLE one of read, learn, admin")
            }
            guard words[1].utf8.count >= 16 else {
                throw ServiceError("line \(index + 1) of the token file: a token needs 16 characters or more")
            }
            entries.append((role, Array(words[1].utf8)))
        }
        guard !entries.isEmpty else { throw ServiceError("the token file has no line ROLE TOKEN") }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// The role of a token, nil when nobody has it. Takes the same time for every token of a length.
    public func role(of token: some Sequence<UInt8>) -> Role? {
        let given = Array(token)
        var found: Role?
        for entry in entries {
            var difference = UInt8(given.count == entry.token.count ? 0 : 1)
            for index in entry.token.indices {
                difference |= entry.token[index] ^ (given.indices.contains(index) ? given[index] : 0)
            }
            if difference == 0 { found = max(found ?? entry.role, entry.role) }
        }
        return found
    }
}
