import CBytes
import Records

/// What is needed of a field only now and then.
final class SinkDetails {
    let name: String
    /// How a `vwCategorical` value is hashed.
    let vwHash: VWCategoryHash

    init(name: String, vwHash: VWCategoryHash) {
        self.name = name
        self.vwHash = vwHash
    }
}

/// Where the values of one input field go, resolved once so that decoding a field is one switch.
///
/// A plain value, copied freely in the hot loop: its details live as long as the `SinkSet` it comes from.
struct FieldSink {
    enum Kind: UInt8 {
        case ignored, numeric, categorical, both, text, target, id, weight
        /// A category hashed as Vowpal Wabbit does.
        case vwCategorical
    }

    var kind: Kind = .ignored
    /// Among the batch's number columns: `numbers[numberColumn * columnStride + row]`.
    var numberColumn: Int32 = 0
    /// Among the batch's category columns.
    var categoryColumn: Int32 = 0
    /// Hash of the field's name, part of its tokens' hashes.
    var salt: UInt64 = 0
    unowned(unsafe) let details: SinkDetails

    /// Whether the text of a number says more than its value.
    @inline(__always)
    var keepsNumberText: Bool {
        switch kind {
        case .target, .id, .text, .vwCategorical: true
        default: false
        }
    }

    var name: String { details.name }
    var vwHash: VWCategoryHash { details.vwHash }
}

/// The sinks of a stream's fields, and what keeps their details alive.
struct SinkSet {
    private(set) var sinks: [FieldSink] = []
    private var details: [SinkDetails] = []

    /// One sink for every field of a schema, in schema order.
    ///
    /// - Parameter vwHash: nil = categories by XXH3; else Vowpal Wabbit's hash for a field's name.
    init(for schema: Schema, vwHash: ((String) -> VWCategoryHash)? = nil) {
        var numbers: Int32 = 0
        var categories: Int32 = 0
        for field in schema.fields {
            var sink = add(field.name, vwHash?(field.name))
            sink.kind = Self.kind(field.role, isVW: vwHash != nil)
            if sink.kind == .numeric || sink.kind == .both {
                sink.numberColumn = numbers
                numbers += 1
            }
            if sink.kind == .categorical || sink.kind == .both || sink.kind == .vwCategorical {
                sink.categoryColumn = categories
                categories += 1
            }
            sinks[sinks.count - 1] = sink
        }
    }

    private static func kind(_ role: FieldRole, isVW: Bool) -> FieldSink.Kind {
        switch role {
        case .numeric: .numeric
        case .categorical: isVW ? .vwCategorical : .categorical
        case .both: .both
        case .text: .text
        case .target: .target
        case .id: .id
        case .weight: .weight
        case .ignored, .time: .ignored
        }
    }

    /// Forgets all sinks but the first `count`.
    mutating func keepFirst(_ count: Int) {
        sinks.removeLast(max(sinks.count - count, 0))
        details.removeLast(max(details.count - count, 0))
    }

    /// Adds a field that the schema does not know: its values go nowhere.
    @discardableResult
    mutating func add(_ name: String, _ vwHash: VWCategoryHash? = nil) -> FieldSink {
        let detail = SinkDetails(name: name, vwHash: vwHash ?? .chained(seed: 0))
        details.append(detail)
        sinks.append(FieldSink(salt: fieldSalt(name), details: detail))
        return sinks[sinks.count - 1]
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
            hash = name.withUnsafeBufferPointer { name in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: name.count + text.count + 1) { scratch in
                    bytes_vw_hash_joined(
                        name.baseAddress, name.count, text.baseAddress, text.count, scratch.baseAddress)
                }
            }
        case .chained(let seed): hash = bytes_vw_hash(text.baseAddress, text.count, seed)
        }
        return UInt64(hash) | 1 << 32
    }
}

/// The hash of a feature's name in Vowpal Wabbit's default namespace.
func vwSeed(_ name: String) -> UInt32 {
    var name = name
    return name.withUTF8 { bytes_vw_hash($0.baseAddress, $0.count, 0) }
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
