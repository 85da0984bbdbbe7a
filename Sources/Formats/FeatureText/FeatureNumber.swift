import Glibc

/// How the text after a ':' reads in Vowpal Wabbit's text format.
enum FeatureNumber {
    /// A number, and how many bytes it takes, blanks before it included.
    case number(Double, consumed: Int)
    /// Not the beginning of a number: a text value.
    case text
    /// Begins like a number but is none.
    case malformed

    /// Longer numbers are taken for malformed.
    private static let maximumBytes = 400

    /// Reads at `start`. Blanks before the number are skipped; the byte at `end` need not be readable as a number's end.
    static func read(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> FeatureNumber {
        var p = start
        while p < end, p.pointee == 0x20 { p += 1 }
        let stop = plainEnd(p, end)
        if stop.end == end || stop.end.pointee == 0x20 || stop.end.pointee == 0x09 {
            // Blanks only: Vowpal Wabbit reads 0 when there are any, and a text value (an empty one) when not.
            if stop.end == p { return p == start ? .text : .number(0, consumed: p - start) }
            guard stop.hasDigits, let value = convert(p, stop.end)?.value else { return .malformed }
            return .number(value, consumed: stop.end - start)
        }
        // Other ways to write a number, as the C library reads them: a plus sign, hexadecimal, an end at '|'.
        guard p.pointee > 0x20 else { return .text }
        var limit = p
        while limit < end, limit.pointee > 0x20 { limit += 1 }
        guard let converted = convert(p, limit) else { return .malformed }
        return converted.consumed == 0 ? .text : .number(converted.value, consumed: p - start + converted.consumed)
    }

    /// A whole text as a finite number; nil when it is not one.
    static func whole(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Double? {
        guard case .number(let value, let consumed) = read(start, end), start + consumed == end, value.isFinite,
            end > start
        else { return nil }
        return value
    }

    /// The end of `-?digits.digits[eE]-?digits`, every part of which may be absent.
    private static func plainEnd(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> (end: UnsafePointer<UInt8>, hasDigits: Bool) {
        var p = start
        if p < end, p.pointee == UInt8(ascii: "-") { p += 1 }
        let whole = skipDigits(p, end)
        var hasDigits = whole > p
        p = whole
        if p < end, p.pointee == UInt8(ascii: ".") {
            let fraction = skipDigits(p + 1, end)
            hasDigits = hasDigits || fraction > p + 1
            p = fraction
        }
        if p < end, p.pointee | 0x20 == UInt8(ascii: "e") {
            p += 1
            if p < end, p.pointee == UInt8(ascii: "-") { p += 1 }
            let exponent = skipDigits(p, end)
            hasDigits = hasDigits && exponent > p
            p = exponent
        }
        return (p, hasDigits)
    }

    private static func skipDigits(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> UnsafePointer<UInt8> {
        var p = start
        while p < end, p.pointee &- UInt8(ascii: "0") <= 9 { p += 1 }
        return p
    }

    /// strtod on a copy of the text; nil when it is too long.
    private static func convert(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> (value: Double, consumed: Int)? {
        let count = min(end - start, maximumBytes)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: maximumBytes + 1) { copy in
            guard let base = copy.baseAddress else { return nil }
            memcpy(base, start, count)
            base[count] = 0
            var stop: UnsafeMutablePointer<CChar>?
            let value = strtod(base, &stop)
            guard let stop, stop < base + maximumBytes else { return nil }
            return (value, stop - base)
        }
    }
}
