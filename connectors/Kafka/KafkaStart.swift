import Connectors
import Glibc

/// Where a part begins of which nothing was consumed yet.
public enum KafkaStart: Sendable, Equatable {
    /// The group's committed offset; the earliest where there is none.
    case stored
    case earliest
    case latest
    case offset(Int)
    /// So many before the end.
    case beforeEnd(Int)
    /// The first message at or after a time, in milliseconds since 1970.
    case time(milliseconds: Int)

    /// `stored`, `earliest`, `latest`, an offset, `-N`, `@MILLISECONDS`, or a time by ISO 8601 (UTC unless it says
    /// otherwise).
    public init(parsing text: String) throws(ConnectorError) {
        switch text {
        case "stored": self = .stored
        case "earliest", "beginning": self = .earliest
        case "latest", "end": self = .latest
        default:
            if text.hasPrefix("@"), let milliseconds = Int(text.dropFirst()), milliseconds >= 0 {
                self = .time(milliseconds: milliseconds)
            } else if text.hasPrefix("-"), let count = Int(text.dropFirst()), count > 0 {
                self = .beforeEnd(count)
            } else if let offset = Int(text), offset >= 0 {
                self = .offset(offset)
            } else if let milliseconds = Self.milliseconds(text) {
                self = .time(milliseconds: milliseconds)
            } else {
                throw ConnectorError(
                    "start=\(text) is not valid; it takes earliest, latest, stored, an offset, -N (N before the end), "
                        + "or a time (2026-01-31T12:00:00Z, @1700000000000)")
            }
        }
    }

    /// The time that `YYYY-MM-DD[(T| )hh:mm[:ss[.fff]]][Z|+hh[:mm]|-hh[:mm]]` names.
    private static func milliseconds(_ text: String) -> Int? {
        var rest = Array(text.utf8)[...]
        guard let year = number(&rest, 4), skip(&rest, "-"), let month = number(&rest, 2), skip(&rest, "-"),
            let day = number(&rest, 2), (1...12).contains(month), (1...31).contains(day), year >= 1970
        else { return nil }
        var (hour, minute, second, fraction) = (0, 0, 0, 0)
        if skip(&rest, "T") || skip(&rest, " ") {
            guard let h = number(&rest, 2), skip(&rest, ":"), let m = number(&rest, 2), h < 24, m < 60 else {
                return nil
            }
            (hour, minute) = (h, m)
            if skip(&rest, ":") {
                guard let s = number(&rest, 2), s < 61 else { return nil }
                second = s
                if skip(&rest, ".") {
                    guard let thousandths = Self.fraction(&rest) else { return nil }
                    fraction = thousandths
                }
            }
        }
        guard let zone = zoneMinutes(&rest), rest.isEmpty else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (Int32(hour), Int32(minute), Int32(second))
        let seconds = timegm(&parts)
        // The 31st of a month that has no such day.
        guard parts.tm_mday == Int32(day) || second == 60 else { return nil }
        return (seconds - zone * 60) * 1000 + fraction
    }

    private static func zoneMinutes(_ rest: inout ArraySlice<UInt8>) -> Int? {
        if rest.isEmpty || skip(&rest, "Z") { return 0 }
        let sign = skip(&rest, "-") ? -1 : 1
        if sign == 1, !skip(&rest, "+") { return nil }
        guard let hours = number(&rest, 2), hours < 24 else { return nil }
        _ = skip(&rest, ":")
        guard !rest.isEmpty else { return sign * hours * 60 }
        guard let minutes = number(&rest, 2), minutes < 60 else { return nil }
        return sign * (hours * 60 + minutes)
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, _ digits: Int) -> Int? {
        let head = rest.prefix(digits)
        guard head.count == digits, head.allSatisfy({ (48...57).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return head.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        let padded = Array(digits.prefix(3)) + Array(repeating: 48, count: max(0, 3 - digits.count))
        return padded.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }
}
