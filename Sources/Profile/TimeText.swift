import Records

/// Reads points in time: ISO 8601 dates and times, and numbers since 1970 in a unit told by their size.
public enum TimeText {
    /// Seconds since 1970 of a date of ISO 8601. Nil: it is none.
    public static func seconds(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
        Timestamp.iso(text, allowsBasic: false)
    }

    public static func seconds(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { seconds($0) }
    }

    /// A point in time as `YYYY-MM-DDThh:mm:ssZ`.
    public static func text(_ seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e14 else { return "\(seconds)" }
        let whole = Int(seconds.rounded(.down))
        let days = whole >= 0 ? whole / 86_400 : (whole - 86_399) / 86_400
        let rest = whole - days * 86_400
        let date = Timestamp.date(days)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return
            "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
    }
}

/// What one of a number that stands for a time is worth.
public enum TimeUnit: String, Sendable {
    case iso8601
    case seconds
    case milliseconds
    case microseconds
    case nanoseconds

    /// By the size of a number since 1970: from 1e11 on milliseconds, from 1e14 on microseconds, from 1e17 on nanoseconds.
    public init(ofSize value: Double) {
        switch abs(value) {
        case ..<1e11: self = .seconds
        case ..<1e14: self = .milliseconds
        case ..<1e17: self = .microseconds
        default: self = .nanoseconds
        }
    }

    public var seconds: Double {
        switch self {
        case .iso8601, .seconds: 1
        case .milliseconds: 1e-3
        case .microseconds: 1e-6
        case .nanoseconds: 1e-9
        }
    }
}
