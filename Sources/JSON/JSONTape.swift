/// A parsed document as simdjson's tape: one 64-bit word a node, its type in the top byte.
///
/// Layout: https://github.com/simdjson/simdjson/blob/master/doc/tape.md
public struct JSONTape {
    public enum Kind: UInt8 {
        case object = 0x7b  // {
        case array = 0x5b  // [
        case string = 0x22  // "
        case signed = 0x6c  // l
        case unsigned = 0x75  // u
        case double = 0x64  // d
        case yes = 0x74  // t
        case no = 0x66  // f
        case null = 0x6e  // n
    }

    /// Index of the document's value.
    public static let rootIndex = 1

    let words: UnsafePointer<UInt64>
    let strings: UnsafePointer<UInt8>

    /// The kind of the node at `index`; nil for a closing bracket.
    public func kind(at index: Int) -> Kind? { Kind(rawValue: UInt8(words[index] >> 56)) }

    private func payload(_ index: Int) -> Int { Int(words[index] & 0x00ff_ffff_ffff_ffff) }

    /// The index after the node at `index`.
    public func next(after index: Int) -> Int {
        switch kind(at: index) {
        case .object, .array: payload(index) & 0xffff_ffff
        case .signed, .unsigned, .double: index + 2
        default: index + 1
        }
    }

    /// The index of the closing bracket of the object or array at `index`.
    public func close(of index: Int) -> Int { (payload(index) & 0xffff_ffff) - 1 }

    /// The unescaped bytes of the string at `index`, valid until the next parse.
    public func string(at index: Int) -> UnsafeBufferPointer<UInt8> {
        let start = strings + payload(index)
        var count: UInt32 = 0
        for byte in 0..<4 { count |= UInt32(start[byte]) << (8 * UInt32(byte)) }
        return UnsafeBufferPointer(start: start + 4, count: Int(count))
    }

    /// The number at `index` as a Double, nil when the node is no number.
    public func number(at index: Int) -> Double? {
        switch kind(at: index) {
        case .signed: Double(Int64(bitPattern: words[index + 1]))
        case .unsigned: Double(words[index + 1])
        case .double: Double(bitPattern: words[index + 1])
        default: nil
        }
    }

    /// The node at `index` as a value.
    public func value(at index: Int) -> JSONValue {
        switch kind(at: index) {
        case .object:
            var members: [(String, JSONValue)] = []
            var at = index + 1
            while at < close(of: index) {
                let key = String(decoding: string(at: at), as: UTF8.self)
                members.append((key, value(at: at + 1)))
                at = next(after: at + 1)
            }
            return .object(members)
        case .array:
            var items: [JSONValue] = []
            var at = index + 1
            while at < close(of: index) {
                items.append(value(at: at))
                at = next(after: at)
            }
            return .array(items)
        case .string: return .string(String(decoding: string(at: index), as: UTF8.self))
        case .signed: return .integer(Int64(bitPattern: words[index + 1]))
        case .unsigned, .double: return .number(number(at: index) ?? 0)
        case .yes: return .boolean(true)
        case .no: return .boolean(false)
        case .null, nil: return .null
        }
    }
}
