/// Writes numbers as text without making strings.
///
/// A number is written with the fewest digits that read back as the same number. Whole numbers have no point; very
/// large and very small numbers have an exponent (`1.5e-7`), as JSON allows.
enum DecimalText {
    /// The most bytes `write` needs.
    static let capacity = 32

    /// Plain notation up to this many digits before the point and, below 1, zeros after it.
    private static let mostPlainDigits = 17
    private static let mostLeadingZeros = 4

    /// The texts 00 to 99, one after the other.
    private static let digitPairs: [UInt8] = (0..<200).map { position in
        let number: Int = position / 2
        return UInt8(48 + (position % 2 == 0 ? number / 10 : number % 10))
    }

    /// The text of a number.
    static func string(_ value: Double) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            let end = write(value, to: start)
            return String(decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
        }
    }

    /// Writes a number at a place with room for `capacity` bytes and returns the place after it.
    static func write(_ value: Double, to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        guard value.isFinite else { return writeSpecial(value, to: start) }
        var at = start
        if value.sign == .minus {
            at.pointee = UInt8(ascii: "-")
            at += 1
        }
        let magnitude = value.magnitude
        if magnitude < 0x1p53 {
            let whole = UInt64(magnitude)
            if Double(whole) == magnitude { return write(integer: whole, to: at) }
            // Four decimals are common (money, rounded logarithms). Up to 15 digits, different decimals are different
            // numbers, so a decimal that reads back as this number is, without its trailing zeros, the shortest.
            let scaled = (magnitude * 10_000).rounded()
            if scaled < 1e15 && scaled / 10_000 == magnitude { return write(UInt64(scaled), exponent: -4, to: at) }
        }
        let shortest = ShortestDecimal(magnitude)
        return write(shortest.digits, exponent: shortest.exponent, to: at)
    }

    /// Only messages show these; writers take them for missing values.
    private static func writeSpecial(
        _ value: Double, to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        var at = start
        for byte in (value.isNaN ? "nan" : value < 0 ? "-inf" : "inf").utf8 {
            at.pointee = byte
            at += 1
        }
        return at
    }

    /// Writes `digits * 10^exponent`.
    private static func write(
        _ digits: UInt64, exponent: Int, to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        var digits = digits
        var exponent = exponent
        while digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
        let count = digitCount(digits)
        let pointAt = count + exponent
        if pointAt > mostPlainDigits || pointAt < -mostLeadingZeros {
            let end = writeFraction(digits, count, pointAt: 1, to: start)
            return writeExponent(pointAt - 1, to: end)
        }
        if pointAt > 0 && pointAt < count { return writeFraction(digits, count, pointAt: pointAt, to: start) }
        var at = start
        if pointAt <= 0 {
            at = fill(2 - pointAt, to: at)
            start[1] = UInt8(ascii: ".")
        }
        at = write(integer: digits, to: at)
        return pointAt > count ? fill(pointAt - count, to: at) : at
    }

    /// Writes digits with a point after some of them, which are not all unless there is only one.
    private static func writeFraction(
        _ digits: UInt64, _ count: Int, pointAt: Int, to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        if count == pointAt { return write(integer: digits, to: start) }
        let end = write(integer: digits, count: count, to: start + 1)
        for i in 0..<pointAt { start[i] = start[i + 1] }
        start[pointAt] = UInt8(ascii: ".")
        return end
    }

    private static func writeExponent(
        _ exponent: Int, to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        start[0] = UInt8(ascii: "e")
        start[1] = UInt8(ascii: exponent < 0 ? "-" : "+")
        return write(integer: UInt64(exponent.magnitude), to: start + 2)
    }

    private static func fill(_ zeros: Int, to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        start.update(repeating: UInt8(ascii: "0"), count: zeros)
        return start + zeros
    }

    /// Writes a whole number.
    @inline(__always)
    static func write(
        integer: UInt64, to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        write(integer: integer, count: digitCount(integer), to: start)
    }

    @inline(__always)
    private static func write(
        integer: UInt64, count: Int, to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        if integer < 10 {
            start.pointee = 48 + UInt8(integer)
            return start + 1
        }
        var rest = integer
        var at = start + count
        digitPairs.withUnsafeBufferPointer { pairs in
            while rest >= 10 {
                let pair = Int(rest % 100) * 2
                rest /= 100
                at -= 2
                at[0] = pairs[pair]
                at[1] = pairs[pair + 1]
            }
        }
        if at > start { start.pointee = 48 + UInt8(rest) }
        return start + count
    }

    /// The number of decimal digits; 1 for zero.
    @inline(__always)
    private static func digitCount(_ integer: UInt64) -> Int {
        // 1233 / 4096 is just above log10(2): right, or one too many.
        let estimate = ((64 - (integer | 1).leadingZeroBitCount) * 1233) >> 12
        return integer < powers[estimate] ? max(estimate, 1) : estimate + 1
    }

    private static let powers: [UInt64] = (0..<20).map { exponent in
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }
}
