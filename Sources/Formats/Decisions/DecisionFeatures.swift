import CBytes
import JSON
import Records

/// The features of an object in a logged decision, hashed as Vowpal Wabbit's JSON is: a number is the feature `name`, a text
/// the feature `nametext`, true the feature `name`; an object is a namespace with its key as name, and an array of numbers
/// takes its namespace's slots one after the other. Names that begin with `_`, false, null and zeros bring nothing.
struct DecisionFeatures {
    private let mask: UInt32
    /// A name behind which bytes can be read.
    private var name: [UInt8] = []

    init(bits: Int) { mask = UInt32.max >> UInt32(32 - min(max(bits, 1), 30)) }

    /// Appends the members of the object at `index`, but for those with a name that begins with `_`.
    ///
    /// - Parameter seed: of the namespace.
    /// - Returns: why it cannot be read; nil when it could.
    mutating func add(_ tape: JSONTape, _ index: Int, seed: UInt32 = 0, to sink: inout FeatureSink) -> String? {
        var at = index + 1
        let end = tape.close(of: index)
        while at < end {
            let key = tape.string(at: at)
            let value = at + 1
            at = tape.next(after: value)
            guard key.first != UInt8(ascii: "_") else { continue }
            if let failure = add(key, tape, value, seed, to: &sink) { return failure }
        }
        return nil
    }

    private mutating func add(
        _ key: UnsafeBufferPointer<UInt8>, _ tape: JSONTape, _ value: Int, _ seed: UInt32, to sink: inout FeatureSink
    ) -> String? {
        switch tape.kind(at: value) {
        case .object: return add(tape, value, seed: hash(key, nil, 0), to: &sink)
        case .array: return addItems(tape, value, seed: hash(key, nil, 0), to: &sink)
        case .string: sink.append(hash(key, tape.string(at: value), seed) & mask, 1)
        case .yes: sink.append(hash(key, nil, seed) & mask, 1)
        case .no, .null, nil: break
        case .signed, .unsigned, .double:
            let number = Float(tape.number(at: value) ?? 0)
            guard number.isFinite else { return "a feature's value is too large" }
            sink.appendUnlessZero(hash(key, nil, seed) & mask, number)
        }
        return nil
    }

    private mutating func addItems(
        _ tape: JSONTape, _ index: Int, seed: UInt32, to sink: inout FeatureSink
    ) -> String? {
        var at = index + 1
        let end = tape.close(of: index)
        var place = seed
        while at < end {
            if tape.kind(at: at) == .object {
                if let failure = add(tape, at, seed: seed, to: &sink) { return failure }
            } else if tape.kind(at: at) == .string {
                sink.append(hash(tape.string(at: at), nil, seed) & mask, 1)
            } else if let number = tape.number(at: at) {
                guard Float(number).isFinite else { return "a feature's value is too large" }
                sink.appendUnlessZero(place & mask, Float(number))
                place &+= 1
            }
            at = tape.next(after: at)
        }
        return nil
    }

    private mutating func hash(
        _ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>?, _ seed: UInt32
    ) -> UInt32 {
        name.removeAll(keepingCapacity: true)
        name.append(contentsOf: first)
        if let second { name.append(contentsOf: second) }
        let count = name.count
        guard count > 0 else { return seed }
        name.append(contentsOf: repeatElement(0, count: 4))
        return name.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { FeatureHash.plain($0, count, seed) } ?? seed
        }
    }
}
