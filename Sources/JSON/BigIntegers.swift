/// Integers that simdjson cannot hold, made readable for it.
enum BigIntegers {
    /// Every integer of up to 18 digits fits 64 bits.
    private static let maximumDigits = 18

    /// Copies a document with `.0` after every longer integer outside strings. False: there is none.
    static func appendFractions(_ text: UnsafeBufferPointer<UInt8>, into copy: inout [UInt8]) -> Bool {
        copy.removeAll(keepingCapacity: true)
        var copied = 0
        var at = 0
        while at < text.count {
            if text[at] == UInt8(ascii: "\"") {
                at = stringEnd(text, at)
                continue
            }
            // Whatever a number may hold besides digits is passed over with them: `1e20` is no integer.
            let start = at
            var isInteger = true
            while at < text.count, isNumberByte(text[at]) {
                isInteger = isInteger && (isDigit(text[at]) || at == start && text[at] == UInt8(ascii: "-"))
                at += 1
            }
            if isInteger, at - start > maximumDigits, !fits(UnsafeBufferPointer(rebasing: text[start..<at])) {
                copy.append(contentsOf: text[copied..<at])
                copy.append(contentsOf: ".0".utf8)
                copied = at
            }
            if at == start { at += 1 }
        }
        copy.append(contentsOf: text[copied...])
        return copied > 0
    }

    private static func fits(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let digits = String(decoding: text, as: UTF8.self)
        return Int64(digits) != nil || UInt64(digits) != nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): true
        default: isDigit(byte)
        }
    }

    /// The byte after the string that begins at `start`, or the text's end.
    private static func stringEnd(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        var at = start + 1
        while at < text.count, text[at] != UInt8(ascii: "\"") { at += text[at] == UInt8(ascii: "\\") ? 2 : 1 }
        return min(at + 1, text.count)
    }
}
