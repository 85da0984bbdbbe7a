import CBytes
import Glibc

/// The powers of ten that a Double holds exactly.
@usableFromInline
nonisolated(unsafe) let exactPowersOfTen: UnsafeMutablePointer<Double> = {
    let powers = UnsafeMutablePointer<Double>.allocate(capacity: 23)
    var power = 1.0
    for exponent in 0...22 {
        powers[exponent] = power
        power *= 10
    }
    return powers
}()

/// Outcome of reading a decimal number at a pointer.
struct Decimal {
    var value: Double
    /// The first byte after the number.
    var end: UnsafePointer<UInt8>
    /// False: not of the simple form read here exactly (or not a number at all).
    var isExact: Bool
}

/// Reads `-?digits[.digits][e[+-]digits]` at `p`, exactly rounded: at most 15 significant digits and a power of ten
/// that a Double holds exactly give one correctly rounded operation (Clinger 1990, fast path); everything else is left
/// to the caller. The bytes must end in one that cannot continue a number; 8 bytes from `p + 1` must be readable.
@inline(__always)
func readDecimal(_ start: UnsafePointer<UInt8>, _ powers: UnsafeMutablePointer<Double>) -> Decimal {
    let isNegative = start.pointee == UInt8(ascii: "-")
    let first = isNegative ? start + 1 : start
    var mantissa: UInt32 = 0
    var scale: UInt32 = 0
    let length = bytes_short_decimal(first, &mantissa, &scale)
    // An exponent is part of the number.
    guard length > 0, first[Int(length)] | 0x20 != UInt8(ascii: "e") else { return readLongDecimal(start, powers) }
    let value = Double(mantissa) / powers[Int(scale)]
    return Decimal(value: isNegative ? -value : value, end: first + Int(length), isExact: true)
}

/// `readDecimal` for numbers of any length.
@inline(never)
func readLongDecimal(_ start: UnsafePointer<UInt8>, _ powers: UnsafeMutablePointer<Double>) -> Decimal {
    var p = start
    let isNegative = p.pointee == UInt8(ascii: "-")
    if isNegative { p += 1 }
    let digits = p
    var mantissa: UInt64 = 0
    while true {
        let digit = p.pointee &- UInt8(ascii: "0")
        if digit > 9 { break }
        mantissa = mantissa &* 10 &+ UInt64(digit)
        p += 1
    }
    var significant = p - digits
    if significant == 0 { return Decimal(value: 0, end: start, isExact: false) }
    // JSON forbids leading zeros; the exact path leaves them to the strict reader.
    if digits.pointee == UInt8(ascii: "0"), significant > 1 { return Decimal(value: 0, end: start, isExact: false) }
    var exponent = 0
    if p.pointee == UInt8(ascii: ".") {
        p += 1
        let fraction = p
        while true {
            let digit = p.pointee &- UInt8(ascii: "0")
            if digit > 9 { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            p += 1
        }
        let count = p - fraction
        if count == 0 { return Decimal(value: 0, end: start, isExact: false) }
        significant += count
        exponent = -count
    }
    if p.pointee | 0x20 == UInt8(ascii: "e") {
        p += 1
        let isDown = p.pointee == UInt8(ascii: "-")
        if isDown || p.pointee == UInt8(ascii: "+") { p += 1 }
        let first = p
        var power = 0
        while true {
            let digit = p.pointee &- UInt8(ascii: "0")
            if digit > 9 || p - first > 3 { break }
            power = power * 10 + Int(digit)
            p += 1
        }
        if p == first { return Decimal(value: 0, end: start, isExact: false) }
        exponent += isDown ? -power : power
    }
    if significant > 19 || mantissa > 1 << 53 || exponent < -22 || exponent > 22 {
        return Decimal(value: 0, end: p, isExact: false)
    }
    var value = Double(mantissa)
    if exponent < 0 { value /= powers[-exponent] } else if exponent > 0 { value *= powers[exponent] }
    return Decimal(value: isNegative ? -value : value, end: p, isExact: true)
}

/// How a field's text reads as a number.
enum NumberReading: Equatable {
    case number(Double)
    case missing
    case outOfRange
    case notANumber
}

/// Reads a whole field as a number, any decimal form, with surrounding spaces; empty, NA, NaN, null and ? are missing.
func readNumber(_ field: UnsafeBufferPointer<UInt8>) -> NumberReading {
    var text = field[...]
    while let last = text.last, last == 0x20 || last == 0x09 || last == 0x0d { text.removeLast() }
    while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
    if isMissing(UnsafeBufferPointer(rebasing: text)) { return .missing }
    guard text.count < 1024 else { return .notANumber }
    guard text.allSatisfy(mayStandInNumber) else {
        let word = String(decoding: text, as: UTF8.self).lowercased()
        return ["inf", "infinity", "+inf", "-inf", "-infinity", "+infinity"].contains(word) ? .outOfRange : .notANumber
    }
    var terminated = Array(text.map { CChar(bitPattern: $0) })
    terminated.append(0)
    return terminated.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return .notANumber }
        var end: UnsafeMutablePointer<CChar>?
        let value = strtod(base, &end)
        guard let end, end == base + text.count else { return .notANumber }
        return value.isFinite ? .number(value) : .outOfRange
    }
}

/// Digits, signs, the point and the exponent's letter.
private func mayStandInNumber(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || byte == 0x2b || byte == 0x2d || byte == 0x2e || byte | 0x20 == 0x65
}

/// Whether a field's text stands for a missing value: empty, NA, NaN, null or ?.
@inline(never)
func isMissing(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    switch text.count {
    case 0: return true
    case 1: return text[0] == UInt8(ascii: "?")
    case 2: return text[0] == UInt8(ascii: "N") && text[1] == UInt8(ascii: "A")
    case 3: return text[0] | 0x20 == 0x6e && text[1] | 0x20 == 0x61 && text[2] | 0x20 == 0x6e
    case 4: return text[0] == 0x6e && text[1] == 0x75 && text[2] == 0x6c && text[3] == 0x6c
    default: return false
    }
}
