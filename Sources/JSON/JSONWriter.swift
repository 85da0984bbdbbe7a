import Glibc

/// Appends JSON to a byte buffer. Numbers print as their shortest decimal that reads back the same.
public struct JSONWriter {
    public var bytes: [UInt8] = []

    public init() {}

    @inlinable public mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A quoted string.
    public mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write($0) }
    }

    /// A quoted string from UTF-8 bytes; invalid sequences become U+FFFD.
    public mutating func write(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        if text.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            bytes.append(contentsOf: text)
        } else {
            escape(String(decoding: text, as: UTF8.self))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": raw("\\\"")
            case "\\": raw("\\\\")
            case "\n": raw("\\n")
            case "\r": raw("\\r")
            case "\t": raw("\\t")
            case "\u{0}"..<"\u{20}", "\u{7f}":
                let digits = String(scalar.value, radix: 16)
                bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    public mutating func write(_ value: Int) { bytes.append(contentsOf: String(value).utf8) }

    /// A number; null when it is not finite.
    public mutating func write(_ value: Double) {
        guard value.isFinite else { return raw("null") }
        if let whole = Int(exactly: value), abs(whole) < 1 << 53 { return write(whole) }
        bytes.append(contentsOf: value.description.utf8)
    }

    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .boolean(let flag): flag ? raw("true") : raw("false")
        case .integer(let number): bytes.append(contentsOf: String(number).utf8)
        case .number(let number): write(number)
        case .string(let text): write(text)
        case .array(let items):
            raw("[")
            for (index, item) in items.enumerated() {
                if index > 0 { raw(",") }
                write(item)
            }
            raw("]")
        case .object(let members):
            raw("{")
            for (index, member) in members.enumerated() {
                if index > 0 { raw(",") }
                write(member.0)
                raw(":")
                write(member.1)
            }
            raw("}")
        }
    }
}
