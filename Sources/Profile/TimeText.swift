/// Reads points in time: ISO 8601 dates and times, and numbers since 1970 in a unit told by their size.
public enum TimeText {
    /// Seconds since 1970-01-01T00:00Z of `YYYY-MM-DD`, then perhaps `T` or a blank, `hh:mm`, `:ss`, a fraction, and a
    /// zone (`Z`, `+hh:mm`, `+hhmm`, `+hh`; none = UTC). Nil: not of that form, or no such day.
    public static func seconds(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
        var at = 0
        func digits(_ count: Int) -> Int? {
            guard at + count <= text.count else { return nil }
            var value = 0
            for index in at..<at + count {
                guard text[index] &- 0x30 <= 9 else { return nil }
                value = value * 10 + Int(text[index] - 0x30)
            }
            at += count
            return value
        }
        func skip(_ byte: UInt8) -> Bool {
            guard at < text.count, text[at] == byte else { return false }
            at += 1
            return true
        }
        guard let year = digits(4), skip(UInt8(ascii: "-")), let month = digits(2), skip(UInt8(ascii: "-")),
            let day = digits(2), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var seconds = Double(dayNumber(year, month, day)) * 86_400
        if at == text.count { return seconds }
        guard skip(UInt8(ascii: "T")) || skip(UInt8(ascii: " ")), let hour = digits(2), hour <= 24,
            skip(UInt8(ascii: ":")), let minute = digits(2), minute <= 59
        else { return nil }
        seconds += Double(hour * 3600 + minute * 60)
        if skip(UInt8(ascii: ":")) {
            guard let second = digits(2), second <= 60 else { return nil }
            seconds += Double(second)
            if skip(UInt8(ascii: ".")) || skip(UInt8(ascii: ",")) {
                var scale = 0.1
                while let digit = digits(1) {
                    seconds += Double(digit) * scale
                    scale /= 10
                }
            }
        }
        if at == text.count || skip(UInt8(ascii: "Z")) { return at == text.count ? seconds : nil }
        let isBehind = skip(UInt8(ascii: "-"))
        guard isBehind || skip(UInt8(ascii: "+")), let zoneHour = digits(2) else { return nil }
        _ = skip(UInt8(ascii: ":"))
        let zone = Double(zoneHour * 3600 + (digits(2) ?? 0) * 60)
        return at == text.count ? (isBehind ? seconds + zone : seconds - zone) : nil
    }

    public static func seconds(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { seconds($0) }
    }

    /// Days since 1970-01-01 in the Gregorian calendar (Hinnant 2013, days_from_civil).
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// A point in time as `YYYY-MM-DDThh:mm:ssZ`.
    public static func text(_ seconds: Double) -> String {
        guard seconds.isFinite, abs(seconds) < 1e14 else { return "\(seconds)" }
        let whole = Int(seconds.rounded(.down))
        let days = whole >= 0 ? whole / 86_400 : (whole - 86_399) / 86_400
        let rest = whole - days * 86_400
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = two(dayOfYear - (153 * shifted + 2) / 5 + 1)
        return "\(year)-\(two(month))-\(day)T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
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
