import CBytes
import Records

/// What is needed of a field only now and then.
final class SinkDetails {
    let name: String
    /// The bytes of the name that the schema has for it, for hashes that begin with them.
    let nameBytes: UnsafeMutableBufferPointer<UInt8>

    init(name: String, hashed: String) {
        self.name = name
        nameBytes = .allocate(capacity: hashed.utf8.count)
        _ = nameBytes.initialize(from: hashed.utf8)
    }

    deinit { nameBytes.deallocate() }
}

/// Where the values of one input field go, resolved once so that decoding a field is one switch.
///
/// A plain value, copied freely in the hot loop: its details live as long as the `SinkSet` it comes from.
struct FieldSink {
    enum Kind: UInt8 {
        case ignored, numeric, categorical, both, text, target, id, weight, time
        /// The bytes as they are.
        case raw
        /// A number with a decimal comma; it is a category as well where `categoryColumn` is not negative.
        case localized
        /// A category whose bytes are kept as well.
        case named
        /// A category hashed as Vowpal Wabbit's `--csv` does: the text, with the name's hash as seed.
        case vwChained
        /// A category hashed as Vowpal Wabbit's `--json` does: name and text as one string.
        case vwJoined
    }

    var kind: Kind = .ignored
    /// Among the batch's number columns: `numbers[numberColumn * columnStride + row]`.
    var numberColumn: Int32 = 0
    /// Among the batch's category columns.
    var categoryColumn: Int32 = 0
    /// Among the batch's raw columns, which times have as well.
    var rawColumn: Int32 = 0
    /// Hash of the field's name: part of its tokens' hashes, seed of its `vwChained` categories.
    var salt: UInt64 = 0
    unowned(unsafe) let details: SinkDetails

    /// Whether the text of a number says more than its value.
    @inline(__always)
    var keepsNumberText: Bool {
        switch kind {
        case .target, .id, .text, .time, .raw, .named, .vwChained, .vwJoined: true
        default: false
        }
    }

    var name: String { details.name }
    /// What the schema calls it.
    var schemaName: String { String(decoding: details.nameBytes, as: UTF8.self) }

    /// The hash of a `vwChained` or `vwJoined` category, marked in bit 32 so that it is never 0. `scratch` has room for
    /// `FieldSink.joinedBytes`; a longer name and text count up to there. 8 bytes from `start` must be readable.
    @inline(__always)
    func vwHash(_ start: UnsafePointer<UInt8>, _ count: Int, _ scratch: UnsafeMutablePointer<UInt8>) -> UInt64 {
        let hash: UInt32
        if kind == .vwChained {
            hash = bytes_vw_hash_padded(start, count, UInt32(truncatingIfNeeded: salt))
        } else {
            let name = details.nameBytes
            let nameCount = min(name.count, Self.joinedBytes / 2)
            hash = bytes_vw_hash_joined(
                name.baseAddress, nameCount, start, min(count, Self.joinedBytes - nameCount - 8), scratch)
        }
        return UInt64(hash) | 1 << 32
    }

    static let joinedBytes = RecordBatch.scratchBytes
}

/// The sinks of a stream's fields, and what keeps their details alive.
struct SinkSet {
    private(set) var sinks: [FieldSink] = []
    private var details: [SinkDetails] = []
    /// Fields that were met and the schema does not know, not yet told; of very many not all.
    private var unknown: [String] = []
    private static let maximumUnknown = 256

    /// One sink for every field of a schema, in schema order.
    ///
    /// - Parameter categories: the kind of sink that categories get: how their values are hashed.
    init(for schema: Schema, categories category: FieldSink.Kind = .categorical) {
        var numbers: Int32 = 0
        var categories: Int32 = 0
        var raws: Int32 = 0
        for field in schema.fields {
            var sink = add(field.name, hashed: field.schemaName ?? field.name)
            sink.kind = Self.kind(field.role, category)
            if sink.kind == .vwChained { sink.salt = UInt64(vwSeed(field.schemaName ?? field.name)) }
            if sink.kind == .numeric || sink.kind == .both {
                sink.numberColumn = numbers
                numbers += 1
            }
            if sink.kind == category || sink.kind == .both {
                sink.categoryColumn = categories
                categories += 1
            }
            if field.isNamed, sink.kind == .categorical { sink.kind = .named }
            if sink.kind == .raw || sink.kind == .time || sink.kind == .named {
                sink.rawColumn = raws
                raws += 1
            }
            if field.hasDecimalComma, sink.kind == .numeric || sink.kind == .both {
                if sink.kind == .numeric { sink.categoryColumn = -1 }
                sink.kind = .localized
            }
            sinks[sinks.count - 1] = sink
        }
    }

    private static func kind(_ role: FieldRole, _ category: FieldSink.Kind) -> FieldSink.Kind {
        switch role {
        case .numeric: .numeric
        case .categorical: category
        case .both: .both
        case .text: .text
        case .raw: .raw
        case .target: .target
        case .id: .id
        case .weight: .weight
        case .time: .time
        case .ignored: .ignored
        }
    }

    /// Tells a batch of fields that the schema does not know.
    @inline(__always)
    mutating func tellUnknown(_ batch: RecordBatch) {
        guard !unknown.isEmpty else { return }
        batch.unknownFields += unknown
        unknown.removeAll()
    }

    /// Forgets all sinks but the first `count`.
    mutating func keepFirst(_ count: Int) {
        sinks.removeLast(max(sinks.count - count, 0))
        details.removeLast(max(details.count - count, 0))
    }

    /// Adds a field that the schema does not know: its values go nowhere.
    @discardableResult
    mutating func add(_ name: String, hashed: String? = nil) -> FieldSink {
        if hashed == nil, unknown.count < Self.maximumUnknown { unknown.append(name) }
        let detail = SinkDetails(name: name, hashed: hashed ?? name)
        details.append(detail)
        sinks.append(FieldSink(salt: fieldSalt(hashed ?? name), details: detail))
        return sinks[sinks.count - 1]
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
public func canonicalText(ofNumber value: Double) -> String {
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
