import Records

/// Why records are rejected, as few kinds as somebody wants to watch; the quarantine has each record's own reason.
public enum RejectionClass: String, Sendable, CaseIterable {
    /// No record of the format: malformed JSON, the wrong number of fields, a quote that does not end.
    case malformed
    /// Bytes that are no UTF-8.
    case encoding
    /// Text where a number belongs.
    case notANumber = "not_a_number"
    /// A number that is infinite or too large to hold. (In JSON also what only looks like a number.)
    case outOfRange = "out_of_range"
    /// A target that cannot be learned.
    case target
    /// A weight that is none.
    case weight
    /// Longer than a record may be.
    case tooLong = "too_long"

    /// Finds the class of a decoder's reason.
    init(reason: String) {
        // What a record brings stands in quotes and may read like anything.
        var own = ""
        var isQuoted = false
        for character in reason.unicodeScalars {
            if character == "'" || character == "\"" {
                isQuoted.toggle()
            } else if !isQuoted {
                own.unicodeScalars.append(character)
            }
        }
        let found = Self.marks.first { own.contains($0.words) }
        self = found?.rejection ?? .malformed
    }

    /// The first that a reason has decides.
    private static let marks: [(words: String, rejection: RejectionClass)] = [
        ("record longer than", .tooLong), ("UTF-8", .encoding), ("parsing a number", .outOfRange),
        ("malformed JSON", .malformed), ("weight", .weight),
        ("out of range", .outOfRange), ("not finite", .outOfRange), ("target", .target), ("label", .target),
        ("not a number", .notANumber), ("no number", .notANumber),
    ]
}
