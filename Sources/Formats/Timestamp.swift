import Records

/// A number as a point in time, in seconds since 1970: a larger one than there are seconds until the year 5138 is in
/// milliseconds, microseconds or nanoseconds, as its size says.
func seconds(ofTimestamp value: Double) -> Double {
    switch abs(value) {
    case ..<1e11: value
    case ..<1e14: value / 1e3
    case ..<1e17: value / 1e6
    default: value / 1e9
    }
}

/// Reads a point in time, in seconds since 1970: a number, or a date of ISO 8601 (`2024-05-01`, with a time behind `T` or
/// a space, with a fraction of a second, with `Z` or an offset; without one it is UTC). Nil: it is neither.
func readTime(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    if case .number(let value) = readNumber(text) { return seconds(ofTimestamp: value) }
    var reader = TimeReader(rest: text[...])
    return reader.read()
}

/// Reads the parts of a date one after the other.
private struct TimeReader {
    var rest: Slice<UnsafeBufferPointer<UInt8>>

    mutating func read() -> Double? {
        while rest.last == 0x20 { rest.removeLast() }
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2),
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let days = Double(Self.days(year, month, day) * 86_400)
        guard let separator = rest.popFirst() else { return days }
        guard separator == UInt8(ascii: "T") || separator == UInt8(ascii: "t") || separator == 0x20,
            let hour = number(2), take(":"), let minute = number(2), hour < 24, minute < 60
        else { return nil }
        var seconds = days + Double(hour * 3600 + minute * 60)
        if take(":") {
            guard let second = number(2), second <= 60 else { return nil }
            seconds += Double(second)
            if take(".") { seconds += fraction() }
        }
        return zone().map { seconds - $0 }
    }

    /// Seconds ahead of UTC, at the end of the text.
    private mutating func zone() -> Double? {
        guard let first = rest.popFirst() else { return 0 }
        switch first {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return rest.isEmpty ? 0 : nil
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard let hours = number(2) else { return nil }
            _ = take(":")
            let minutes = rest.isEmpty ? 0 : number(2)
            guard let minutes, rest.isEmpty else { return nil }
            let offset = Double(hours * 3600 + minutes * 60)
            return first == UInt8(ascii: "-") ? -offset : offset
        default: return nil
        }
    }

    private mutating func number(_ digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let byte = rest.popFirst(), byte &- UInt8(ascii: "0") <= 9 else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private mutating func fraction() -> Double {
        var value = 0.0
        var scale = 1.0
        while let byte = rest.first, byte &- UInt8(ascii: "0") <= 9 {
            rest.removeFirst()
            guard scale < 1e9 else { continue }
            scale *= 10
            value = value * 10 + Double(byte - UInt8(ascii: "0"))
        }
        return value / scale
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Days from 1970-01-01 in the Gregorian calendar (Hinnant, days_from_civil).
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
