import CBytes
import Records

/// Where the values of one input field go, resolved once so that decoding a field is one switch.
struct FieldSink {
    enum Kind: UInt8 {
        case ignored, numeric, categorical, both, text, target, id, weight
        /// A category hashed as Vowpal Wabbit does.
        case vwCategorical
    }

    var kind: Kind = .ignored
    /// Among the batch's number columns: `numbers[numberColumn * columnStride + row]`.
    var numberColumn = 0
    var categoryColumn = 0
    /// Hash of the field's name, part of its tokens' hashes.
    var salt: UInt64 = 0
    let name: String
    /// How a `vwCategorical` value is hashed.
    var vwHash = VWCategoryHash.chained(seed: 0)

    /// Whether the text of a number says more than its value.
    @inline(__always)
    var keepsNumberText: Bool {
        switch kind {
        case .target, .id, .text, .vwCategorical: true
        default: false
        }
    }

    /// One sink for every field of a schema, in schema order.
    ///
    /// - Parameter vwHash: nil = categories by XXH3; else Vowpal Wabbit's hash for a field's name.
    static func all(for schema: Schema, vwHash: ((String) -> VWCategoryHash)? = nil) -> [FieldSink] {
        var numbers = 0
        var categories = 0
        return schema.fields.map { field in
            var sink = FieldSink(name: field.name)
            sink.salt = fieldSalt(field.name)
            switch field.role {
            case .numeric: sink.kind = .numeric
            case .categorical:
                sink.kind = vwHash == nil ? .categorical : .vwCategorical
                if let vwHash { sink.vwHash = vwHash(field.name) }
            case .both: sink.kind = .both
            case .text: sink.kind = .text
            case .target: sink.kind = .target
            case .id: sink.kind = .id
            case .weight: sink.kind = .weight
            case .ignored, .time: sink.kind = .ignored
            }
            if sink.kind == .numeric || sink.kind == .both {
                sink.numberColumn = numbers
                numbers += 1
            }
            if sink.kind == .categorical || sink.kind == .both || sink.kind == .vwCategorical {
                sink.categoryColumn = categories
                categories += 1
            }
            return sink
        }
    }
}

/// How Vowpal Wabbit hashes a category: `--json` hashes name and text as one string, `--csv` the text with the name's
/// hash as seed.
enum VWCategoryHash {
    case concatenated(name: [UInt8])
    case chained(seed: UInt32)

    /// The hash, marked in bit 32 so that it is never 0.
    func callAsFunction(_ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let hash: UInt32
        switch self {
        case .concatenated(let name):
            // What separates tokens in its text format cannot stand in a name there.
            let whole = name + text.map { [0x20, 0x09, 0x7c, 0x3a].contains($0) ? UInt8(ascii: "_") : $0 }
            hash = whole.withUnsafeBufferPointer { vwNameHash($0, seed: 0) }
        case .chained(let seed): hash = vwNameHash(text, seed: seed)
        }
        return UInt64(hash) | 1 << 32
    }
}

/// Vowpal Wabbit's hash of a name under `--hash strings`: white space at the ends dropped; decimal digits count as
/// their number, anything else by MurmurHash3.
func vwNameHash(_ name: UnsafeBufferPointer<UInt8>, seed: UInt32) -> UInt32 {
    var text = name[...]
    while let last = text.last, last <= 0x20 { text.removeLast() }
    while let first = text.first, first <= 0x20 { text.removeFirst() }
    if text.allSatisfy({ $0 &- 0x30 <= 9 }) {
        let number = text.reduce(UInt64(0)) { $0 &* 10 &+ UInt64($1 &- 0x30) }
        return UInt32(truncatingIfNeeded: number) &+ seed
    }
    let trimmed = UnsafeBufferPointer(rebasing: text)
    return bytes_murmur3(trimmed.baseAddress, trimmed.count, seed)
}

/// The hash of a feature's name in Vowpal Wabbit's default namespace.
func vwSeed(_ name: String) -> UInt32 {
    var name = name
    return name.withUTF8 { vwNameHash($0, seed: 0) }
}

/// The hash that separates one field's categories from another's.
public func fieldSalt(_ name: String) -> UInt64 {
    var name = name
    return name.withUTF8 { bytes_mix(bytes_xxh3($0.baseAddress, $0.count)) }
}

/// The hash of a category value; never 0, which means missing.
@inline(__always)
func categoryHash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    let hash = bytes_xxh3(start, count)
    return hash == 0 ? 1 : hash
}

/// The category hash of a number: that of its canonical text, so that `3`, `3.0` and `"3"` are one category in every
/// format. `raw` is the text it was read from.
@inline(__always)
func categoryHash(ofNumber value: Double, raw: UnsafeBufferPointer<UInt8>) -> UInt64 {
    guard let base = raw.baseAddress, isCanonical(raw, value) else { return categoryHash(ofNumber: value) }
    return categoryHash(base, raw.count)
}

/// The one text that stands for a number as a category, class or id: whole numbers without a fraction, others as their
/// shortest decimal that reads back the same.
func canonicalText(ofNumber value: Double) -> String {
    Int(exactly: value).map { abs($0) < 1 << 53 ? String($0) : value.description } ?? value.description
}

@inline(never)
func categoryHash(ofNumber value: Double) -> UInt64 {
    var text = canonicalText(ofNumber: value)
    return text.withUTF8 { bytes in bytes.baseAddress.map { categoryHash($0, bytes.count) } ?? 1 }
}

/// The beginning of `raw` that is the canonical text of its value (`2` of `2.0`, `1.5` of `1.50`); nil when the
/// canonical text is another one.
func canonicalPart(of raw: UnsafeBufferPointer<UInt8>, _ value: Double) -> UnsafeBufferPointer<UInt8>? {
    if isCanonical(raw, value) { return raw }
    guard raw.contains(UInt8(ascii: ".")) else { return nil }
    var part = raw[...]
    while part.last == UInt8(ascii: "0") { part.removeLast() }
    if part.last == UInt8(ascii: ".") { part.removeLast() }
    let text = UnsafeBufferPointer(rebasing: part)
    return isCanonical(text, value) ? text : nil
}

/// Whether `raw` is already the shortest decimal of `value`: a plain integer, or a fraction without superfluous zeros
/// of at most 15 digits in the range where the shortest form has no exponent.
private func isCanonical(_ raw: UnsafeBufferPointer<UInt8>, _ value: Double) -> Bool {
    guard raw.count <= 16, abs(value) < 1e15, value != 0 || raw.count == 1 else { return false }
    let first = raw[0] == UInt8(ascii: "-") ? 1 : 0
    guard raw.count > first else { return false }
    var dot = -1
    for index in first..<raw.count {
        if raw[index] == UInt8(ascii: ".") {
            guard dot < 0 else { return false }
            dot = index
        } else if raw[index] &- UInt8(ascii: "0") > 9 {
            return false
        }
    }
    let whole = (dot < 0 ? raw.count : dot) - first
    guard whole > 0, whole == 1 || raw[first] != UInt8(ascii: "0") else { return false }
    guard dot >= 0 else { return true }
    return abs(value) >= 1e-4 && dot < raw.count - 1 && raw[raw.count - 1] != UInt8(ascii: "0")
}
