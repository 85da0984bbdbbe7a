import CBytes
import Records
import State

/// The last preprocessing step of learners that see fields as they are: columns become rows of one number an attribute.
///
/// Numbers stay as they are, to the last bit; a category becomes the code of its value, from 0 in the order in which
/// values were declared or first learned. Missing is NaN. Texts and bags are passed over. Codes live in one table of
/// open addressing with linear probing; its keys are salted 64-bit hashes, so two values meet by chance once in 2^64.
public final class AttributeEncoder: Stateful {
    public let attributes: [Attribute]
    private struct Source {
        let column: Int
        let isNominal: Bool
        let salt: UInt64
    }
    private let sources: [Source]
    /// Which attributes are nominal.
    private let nominal: [Int]
    /// Salted hash by place; 0 = free.
    private let keys: StateArray<UInt64>
    /// Code by place.
    private let codes: StateArray<Int32>
    /// Values known, by attribute.
    private let counts: StateArray<Int64>

    private static let initialPlaces = 64

    public init(schema: Schema) {
        var attributes: [Attribute] = []
        var sources: [Source] = []
        var (numbers, categories) = (0, 0)
        for field in schema.fields {
            switch field.role {
            case .numeric, .both:
                attributes.append(Attribute(field.name, .numeric))
                sources.append(Source(column: numbers, isNominal: false, salt: 0))
                numbers += 1
                if field.role == .both { categories += 1 }
            case .categorical:
                let declared = min(field.values.count, Attribute.maximumValues)
                attributes.append(Attribute(field.name, .nominal(declared: declared)))
                sources.append(Source(column: categories, isNominal: true, salt: categorySalt(field.name)))
                categories += 1
            default: break
            }
        }
        self.attributes = attributes
        self.sources = sources
        nominal = sources.indices.filter { sources[$0].isNominal }
        keys = StateArray(count: Self.initialPlaces, marksChanges: true, grows: true)
        codes = StateArray(count: Self.initialPlaces, marksChanges: true, grows: true)
        counts = StateArray(count: attributes.count)
        for (index, name) in attributes.map(\.name).enumerated() where sources[index].isNominal {
            for value in schema.fields.first(where: { $0.name == name })?.values ?? [] {
                var value = value
                let hash = value.withUTF8 { bytes_xxh3($0.baseAddress, $0.count) }
                _ = code(hash == 0 ? 1 : hash, index, adding: true)
            }
        }
    }

    public var state: [StateEntry] {
        guard hasState else { return [] }
        return [StateEntry("keys", keys), StateEntry("codes", codes), StateEntry("counts", counts)]
    }

    /// It learns from what it encodes.
    public var hasState: Bool { !nominal.isEmpty }

    /// Fills the attributes of `features` (which is empty) with all rows of `batch`.
    ///
    /// - Parameters:
    ///   - learningNumbers: the numbers to learn from where they differ; the same missing ones.
    ///   - learns: which rows are learned (new values get codes); nil = none.
    public func encode(
        _ batch: RecordBatch, learningNumbers: UnsafeMutablePointer<Double>?, learns: UnsafePointer<Bool>?,
        into features: FeatureBatch
    ) {
        let rows = batch.rows
        features.reserveAttributes(attributes.count)
        for (index, source) in sources.enumerated() where !source.isNominal {
            let start = source.column * batch.columnStride
            Self.spread(batch.numbers + start, rows, features.attributes + index, attributes.count)
        }
        // Row by row, so that the table does not depend on where batches end.
        if hasState { for row in 0..<rows { encodeNominal(row, batch, features, adding: learns?[row] ?? false) } }
        if let learningNumbers {
            let learning = features.provideLearningAttributes()
            learning.update(from: features.attributes, count: rows * attributes.count)
            for (index, source) in sources.enumerated() where !source.isNominal {
                let start = source.column * batch.columnStride
                Self.spread(learningNumbers + start, rows, learning + index, attributes.count)
            }
        }
        for row in 0...rows { features.offsets[row] = 0 }
        features.rows = rows
    }

    /// Copies the codes of nominal attributes from one batch to another of the same rows.
    public func copyCodes(_ source: FeatureBatch, to target: FeatureBatch) {
        let count = attributes.count
        for index in nominal {
            for row in 0..<target.rows {
                target.attributes[row * count + index] = source.attributes[row * count + index]
            }
        }
    }

    private static func spread(
        _ column: UnsafeMutablePointer<Double>, _ rows: Int, _ first: UnsafeMutablePointer<Double>, _ stride: Int
    ) {
        var cell = first
        for row in 0..<rows {
            cell.pointee = column[row]
            cell += stride
        }
    }

    private func encodeNominal(_ row: Int, _ batch: RecordBatch, _ features: FeatureBatch, adding: Bool) {
        let values = features.attributes + row * attributes.count
        for index in nominal {
            let hash = batch.categories[sources[index].column * batch.columnStride + row]
            values[index] = hash == 0 ? .nan : Double(code(hash, index, adding: adding))
        }
    }

    /// The code of a value; the next free one when it has none.
    private func code(_ hash: UInt64, _ attribute: Int, adding: Bool) -> Int {
        let mixed = bytes_mix(hash ^ sources[attribute].salt)
        let key = mixed == 0 ? 1 : mixed
        var place = Self.place(key, keys.count)
        while keys.base[place] != 0 {
            if keys.base[place] == key { return Int(codes.base[place]) }
            place = (place + 1) & (keys.count - 1)
        }
        let next = min(Int(counts[attribute]), Attribute.maximumValues - 1)
        guard adding, counts[attribute] < Attribute.maximumValues else { return next }
        keys[place] = key
        codes[place] = Int32(next)
        counts[attribute] += 1
        if counts.elements.reduce(0, +) * 2 > keys.count { grow() }
        return next
    }

    private static func place(_ key: UInt64, _ places: Int) -> Int {
        Int(truncatingIfNeeded: key &* 0x9e37_79b9_7f4a_7c15 >> 20) & (places - 1)
    }

    private func grow() {
        let (oldKeys, oldCodes) = (keys.elements, codes.elements)
        let places = keys.count * 2
        keys.resize(to: places)
        codes.resize(to: places)
        keys.clear()
        codes.clear()
        for (key, code) in zip(oldKeys, oldCodes) where key != 0 {
            var place = Self.place(key, places)
            while keys.base[place] != 0 { place = (place + 1) & (places - 1) }
            keys.base[place] = key
            codes.base[place] = code
        }
    }
}
