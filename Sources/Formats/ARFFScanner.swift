/// One value as it stands in an ARFF line; the byte after it is readable and cannot continue a number.
struct ARFFValue {
    let bytes: UnsafeBufferPointer<UInt8>
    var isQuoted = false
    /// It has backslashes that stand for something else.
    var hasEscapes = false

    var count: Int { bytes.count }

    /// Whether it is the mark of a missing value.
    var isMissing: Bool { !isQuoted && bytes.count == 1 && bytes[0] == UInt8(ascii: "?") }

    /// The text it stands for.
    var text: String {
        guard hasEscapes else { return String(decoding: bytes, as: UTF8.self) }
        var unescaped: [UInt8] = []
        unescape(into: &unescaped)
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// Appends the text it stands for: Java's escapes, as Weka's tokenizer reads them, and `\uXXXX`.
    func unescape(into text: inout [UInt8]) {
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "\\"), at + 1 < bytes.count else {
                text.append(bytes[at])
                at += 1
                continue
            }
            let byte = bytes[at + 1]
            at += 2
            switch byte {
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "a"): text.append(0x07)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "v"): text.append(0x0b)
            case UInt8(ascii: "0")...UInt8(ascii: "7"): appendOctal(&at, into: &text)
            case UInt8(ascii: "u"): appendUnicode(&at, into: &text)
            default: text.append(byte)
            }
        }
    }

    /// Up to three octal digits, the first of which stands before `at`; a value over 255 takes two.
    private func appendOctal(_ at: inout Int, into text: inout [UInt8]) {
        var value = UInt32(bytes[at - 1] - UInt8(ascii: "0"))
        var digits = 1
        while digits < 3, at < bytes.count, bytes[at] &- UInt8(ascii: "0") <= 7, value * 8 <= 255 {
            value = value * 8 + UInt32(bytes[at] - UInt8(ascii: "0"))
            at += 1
            digits += 1
        }
        text.append(contentsOf: UTF8.encode(Unicode.Scalar(UInt8(truncatingIfNeeded: value))) ?? .init())
    }

    /// Four hexadecimal digits at `at`; anything else leaves the `u`.
    private func appendUnicode(_ at: inout Int, into text: inout [UInt8]) {
        let digits = String(decoding: bytes[at..<min(at + 4, bytes.count)], as: UTF8.self)
        guard digits.utf8.count == 4, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value),
            let encoded = UTF8.encode(scalar)
        else { return text.append(UInt8(ascii: "u")) }
        text.append(contentsOf: encoded)
        at += 4
    }
}

/// Walks over one line of an ARFF file, which ends in a newline.
///
/// As in Weka's tokenizer, blanks separate values as commas do, `%` begins a comment wherever a value may end, and
/// braces need quotes inside a value. A quote inside an unquoted value is an ordinary character.
struct ARFFScanner {
    /// The next byte to read.
    var at: UnsafePointer<UInt8>
    /// The bits set in any byte of the values read.
    var bits: UInt8 = 0

    init(_ start: UnsafePointer<UInt8>) { at = start }

    /// Whether nothing more stands in the line.
    @inline(__always)
    var isAtEnd: Bool { at.pointee == UInt8(ascii: "\n") || at.pointee == UInt8(ascii: "%") }

    @inline(__always)
    mutating func skipBlanks() {
        while at.pointee == 0x20 || at.pointee == 0x09 || at.pointee == 0x0d { at += 1 }
    }

    mutating func skipLine() {
        while at.pointee != UInt8(ascii: "\n") { at += 1 }
    }

    /// Reads a value at `at`, where no blank stands; nil = a quoted value without an end in this line.
    @inline(__always)
    mutating func readValue() -> ARFFValue? {
        let start = at
        let first = start.pointee
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") { return readQuoted(first) }
        while !Self.endsValue(at.pointee) {
            bits |= at.pointee
            at += 1
        }
        return ARFFValue(bytes: UnsafeBufferPointer(start: start, count: at - start))
    }

    @inline(__always)
    private static func endsValue(_ byte: UInt8) -> Bool {
        // Most bytes of a value are above all of these but the braces.
        if byte > UInt8(ascii: ",") { return byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") }
        return byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == 0x20 || byte == 0x09 || byte == 0x0d
            || byte == UInt8(ascii: "%")
    }

    private mutating func readQuoted(_ quote: UInt8) -> ARFFValue? {
        let start = at + 1
        var hasEscapes = false
        at = start
        while at.pointee != quote {
            if at.pointee == UInt8(ascii: "\\") {
                hasEscapes = true
                at += 1
            }
            if at.pointee == UInt8(ascii: "\n") { return nil }
            bits |= at.pointee
            at += 1
        }
        let bytes = UnsafeBufferPointer(start: start, count: at - start)
        at += 1
        return ARFFValue(bytes: bytes, isQuoted: true, hasEscapes: hasEscapes)
    }
}
