import CBytes
import Components
import Records
import State

/// The last preprocessing step: columns become rows of (index, value).
///
/// Number columns have slots of their own below `denseCount`; categories, words and crosses are hashed into the
/// 2^bits slots above it. Missing numbers and categories give no feature.
public final class FeatureEncoder: Stateful {
    /// Which hash places features.
    public enum Style: Sendable {
        /// Own slots for numbers, 64-bit hashes for the rest.
        case native
        /// Everything by Vowpal Wabbit's 32-bit hashes, zero values dropped, the constant as a feature.
        case vw
    }

    private let schema: Schema
    private let style: Style
    private let bits: Int
    /// Slots below the hashed ones.
    public let denseCount: Int
    private let numberNames: [String]
    private let categoryNames: [String]
    /// By category column: where its texts are among the batch's raw columns; -1 = nowhere.
    private let rawColumns: [Int]
    private let categorySalts: [UInt64]
    private let vwNumberIndices: [UInt32]
    private let hasTokens: Bool
    private let hasIndicators: Bool
    private let crosses: [FieldCross]
    private let oneHot: OneHotTable?
    private let identifiers: IdentifierTable?
    private let hashing: HashingOptions
    private let collisions: CollisionCounter?
    /// With indicators: which numbers were missing before any step filled them in, laid out as the batch's numbers.
    private var wasMissing: [Bool] = []

    /// - Parameter oneHotCapacity: categories that get a slot of their own; nil = all are hashed.
    public init(
        schema: Schema, style: Style, bits: Int, indicators: Bool, crosses: [FieldCross], oneHotCapacity: Int? = nil,
        identifiers: Hyperparameters? = nil, hashing: HashingOptions = HashingOptions()
    ) {
        self.hashing = hashing
        collisions = hashing.countsCollisions ? CollisionCounter(slots: 1 << bits) : nil
        self.schema = schema
        self.style = style
        self.bits = bits
        self.crosses = crosses
        oneHot = style == .native && !schema.isFeatureNative ? oneHotCapacity.map(OneHotTable.init) : nil
        self.identifiers = style == .native && !schema.isFeatureNative ? identifiers.map(IdentifierTable.init) : nil
        hasIndicators = indicators && style == .native
        numberNames = schema.fields(.numeric, .both).map(\.name)
        categoryNames = schema.fields(.categorical, .both).map(\.name)
        let kept = schema.keptFields.map(\.name)
        rawColumns = schema.fields(.categorical, .both).map { field in
            field.isNamed ? kept.firstIndex(of: field.name) ?? -1 : -1
        }
        categorySalts = schema.fields(.categorical, .both).map { categorySalt($0.name) ^ hashing.salt }
        vwNumberIndices = numberNames.map { vwHash($0, seed: 0) & UInt32((1 << bits) - 1) }
        hasTokens = !schema.fields(.text).isEmpty
        let numbers = numberNames.count * (hasIndicators ? 2 : 1)
        // Whole cache lines, so that hashed slots are aligned like the dense ones.
        denseCount = style == .native && !schema.isFeatureNative ? (numbers + 15) & ~15 : 0
    }

    /// All slots: numbers, hashed ones, those of one-hot categories; indices lie below.
    public var slotCount: Int { denseCount + (1 << bits) + (oneHot?.capacity ?? identifiers?.capacity ?? 0) }

    public var state: [StateEntry] {
        (oneHot?.state.prefixed("one-hot") ?? []) + (identifiers?.state.prefixed("identifiers") ?? [])
            + (collisions?.state.prefixed("hash") ?? [])
    }

    /// It learns from what it encodes.
    public var hasState: Bool { oneHot != nil || identifiers != nil || collisions != nil }

    /// What people call the feature at a slot: a number's field, or field and category where these have slots of their
    /// own and names. Nil: it is hashed, or nothing is there.
    public func name(ofSlot slot: Int) -> String? {
        if slot < numberNames.count, denseCount > 0 { return numberNames[slot] }
        if hasIndicators, slot < 2 * numberNames.count { return numberNames[slot - numberNames.count] + " missing" }
        let own = slot - denseCount - (1 << bits)
        guard own >= 0, let (column, text) = identifiers?.name(of: own), categoryNames.indices.contains(column)
        else { return nil }
        return "\(categoryNames[column])=\(text)"
    }

    public var notes: [StepNote] { (identifiers?.notes ?? []) + (collisions?.notes ?? []) }

    /// Remembers which numbers of some columns are missing; call before the steps that may fill them in.
    public func noteMissing(_ batch: RecordBatch, columns: Range<Int>) {
        guard hasIndicators else { return }
        let cells = batch.numericCount * batch.columnStride
        if wasMissing.count < cells { wasMissing = Array(repeating: false, count: cells) }
        for column in columns {
            for cell in column * batch.columnStride..<column * batch.columnStride + batch.rows {
                wasMissing[cell] = batch.numbers[cell].isNaN
            }
        }
    }

    private var featuresPerRow: Int {
        numberNames.count * (hasIndicators ? 2 : 1) + categorySalts.count + crosses.count + 1
    }

    /// Appends all rows of `batch` to `features` (which is empty).
    ///
    /// - Parameters:
    ///   - learningNumbers: the numbers to learn from where they differ; the same missing ones.
    ///   - learns: which rows are learned (new categories get slots); nil = none.
    public func encode(
        _ batch: RecordBatch, learningNumbers: UnsafeMutablePointer<Double>?, learns: UnsafePointer<Bool>?,
        into features: FeatureBatch
    ) {
        let words = batch.tokenLists.reduce(batch.tokens.count) { $0 + $1.hashes.count }
        features.reserveFeatures(batch.rows * featuresPerRow + words, keeping: 0)
        if learningNumbers != nil { features.allocateLearningValues() }
        var at = 0
        features.offsets[0] = 0
        for row in 0..<batch.rows {
            let learning = learningNumbers.flatMap { numbers in
                features.learningValues.map { LearningRow(numbers: numbers, values: $0) }
            }
            let start = at
            switch style {
            case .native: at = encodeNative(batch, row, at, features, learning, isLearned: learns?[row] ?? false)
            case .vw: at = encodeVW(batch, row, at, features)
            }
            if learning == nil, let values = features.learningValues {
                (values + start).update(from: features.values + start, count: at - start)
            }
            features.offsets[row + 1] = at
        }
        features.rows = batch.rows
    }

    private struct LearningRow {
        let numbers: UnsafeMutablePointer<Double>
        let values: UnsafeMutablePointer<Float>
    }

    @inline(__always)
    private func encodeNative(
        _ batch: RecordBatch, _ row: Int, _ start: Int, _ features: FeatureBatch, _ learning: LearningRow?,
        isLearned: Bool
    ) -> Int {
        var at = start
        let indices = features.indices
        let values = features.values
        let stride = batch.columnStride
        var cell = batch.numbers + row
        for column in 0..<batch.numericCount {
            let value = cell.pointee
            if !value.isNaN {
                indices[at] = UInt32(truncatingIfNeeded: column)
                values[at] = Self.narrow(value)
                if let learning { learning.values[at] = Self.narrow(learning.numbers[column &* stride &+ row]) }
                at &+= 1
            }
            if hasIndicators, wasMissing[column &* stride &+ row] {
                indices[at] = UInt32(truncatingIfNeeded: batch.numericCount &+ column)
                values[at] = 1
                learning?.values[at] = 1
                at &+= 1
            }
            cell += stride
        }
        let shift = UInt64(64 &- bits)
        let base = UInt32(truncatingIfNeeded: denseCount)
        let first = at
        if let oneHot {
            at = encodeOwn(batch, row, at, features, isLearned) { hash, _ in
                oneHot.slot(bytes_mix(hash), adding: isLearned)
            }
        } else if let identifiers {
            if isLearned { identifiers.beginRecord() }
            at = encodeOwn(batch, row, at, features, isLearned) { hash, column in
                identifiers.slot(
                    hash, learning: isLearned, column: column, text: text(ofCategory: column, row, batch))
            }
        } else if !hashing.isPlain {
            at = encodeHashed(batch, row, at, features, isLearned)
        } else {
            categorySalts.withUnsafeBufferPointer { salts in
                var category = batch.categories + row
                for salt in salts {
                    let hash = category.pointee
                    if hash != 0 {
                        indices[at] = base &+ UInt32(truncatingIfNeeded: Self.spread(hash ^ salt) &>> shift)
                        values[at] = 1
                        at &+= 1
                    }
                    category += stride
                }
            }
        }
        if hasTokens { at = encodeTokens(batch, row, at, features) }
        for list in batch.tokenLists { at = encode(list, row, at, features, isLearned) }
        for cross in crosses { at = encodeCross(cross, batch, row, at, features) }
        if let learning, at > first {
            (learning.values + first).update(from: values + first, count: at - first)
        }
        return at
    }

    private func text(ofCategory column: Int, _ row: Int, _ batch: RecordBatch) -> ByteRange {
        let raw = rawColumns[column]
        return raw < 0 ? .empty : batch.rawFields[raw * batch.columnStride + row]
    }

    /// Categories with slots of their own, above the hashed ones.
    @inline(__always)
    private func encodeOwn(
        _ batch: RecordBatch, _ row: Int, _ start: Int, _ features: FeatureBatch, _ isLearned: Bool,
        slot: (_ hash: UInt64, _ column: Int) -> UInt32?
    ) -> Int {
        var at = start
        let first = UInt32(truncatingIfNeeded: denseCount + (1 << bits))
        for (column, salt) in categorySalts.enumerated() {
            let hash = batch.categories[column * batch.columnStride + row]
            guard hash != 0 else { continue }
            if let slot = slot(hash ^ salt, column) {
                features.indices[at] = first &+ slot
                features.values[at] = 1
            } else {
                place(hash ^ salt, 1, at, features, isLearned)
            }
            at += 1
        }
        return at
    }

    /// Categories with signs, or counted.
    private func encodeHashed(
        _ batch: RecordBatch, _ row: Int, _ start: Int, _ features: FeatureBatch, _ isLearned: Bool
    ) -> Int {
        var at = start
        for (column, salt) in categorySalts.enumerated() {
            let hash = batch.categories[column * batch.columnStride + row]
            guard hash != 0 else { continue }
            place(hash ^ salt, 1, at, features, isLearned)
            at += 1
        }
        return at
    }

    private func place(_ hash: UInt64, _ value: Float, _ at: Int, _ features: FeatureBatch, _ isLearned: Bool) {
        let index = hashed(hash)
        features.indices[at] = index
        features.values[at] = value * hashing.sign(hash)
        if isLearned, let collisions { collisions.note(Int(index) - denseCount, hash) }
    }

    /// Words that a step brought.
    private func encode(
        _ list: TokenList, _ row: Int, _ start: Int, _ features: FeatureBatch, _ isLearned: Bool
    ) -> Int {
        var at = start
        guard row < list.ends.count else { return at }
        for token in list.range(row) {
            place(list.hashes[token] ^ hashing.salt, list.values[token], at, features, isLearned)
            at += 1
        }
        return at
    }

    private func encodeTokens(_ batch: RecordBatch, _ row: Int, _ start: Int, _ features: FeatureBatch) -> Int {
        var at = start
        let first = row > 0 ? batch.tokenEnds[row - 1] : 0
        for token in first..<batch.tokenEnds[row] {
            features.indices[at] = hashed(batch.tokens[token] ^ hashing.salt)
            features.values[at] = 1
            at += 1
        }
        return at
    }

    private func encodeCross(
        _ cross: FieldCross, _ batch: RecordBatch, _ row: Int, _ start: Int, _ features: FeatureBatch
    ) -> Int {
        var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
        var value = 1.0
        for member in cross.members {
            switch member {
            case .number(let column, let salt):
                let number = batch.numbers[column * batch.columnStride + row]
                guard !number.isNaN, number != 0 else { return start }
                value *= number
                hash = bytes_mix(hash &+ salt)
            case .category(let column, let salt):
                let category = batch.categories[column * batch.columnStride + row]
                guard category != 0 else { return start }
                hash = bytes_mix(hash &+ (category ^ salt))
            }
        }
        features.indices[start] = hashed(hash ^ hashing.salt)
        features.values[start] = Self.narrow(value)
        return start + 1
    }

    private func hashed(_ hash: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: denseCount) &+ UInt32(truncatingIfNeeded: Self.spread(hash) &>> UInt64(64 - bits))
    }

    /// Multiplicative hashing (Knuth 6.4): the top bits of a product with an odd constant.
    @inline(__always)
    private static func spread(_ hash: UInt64) -> UInt64 { (hash ^ (hash &>> 32)) &* 0x9e37_79b9_7f4a_7c15 }

    /// To 32 bits, never infinite.
    @inline(__always)
    private static func narrow(_ value: Double) -> Float {
        let narrowed = Float(value)
        return narrowed.isFinite ? narrowed : (value > 0 ? 3e38 : -3e38)
    }

    /// Vowpal Wabbit's constant feature.
    private static let vwConstant: UInt32 = 11_650_396

    private func encodeVW(_ batch: RecordBatch, _ row: Int, _ start: Int, _ features: FeatureBatch) -> Int {
        let mask = UInt32((1 << bits) - 1)
        var at = start
        for column in 0..<batch.numericCount {
            let value = batch.numbers[column * batch.columnStride + row]
            if value.isNaN || value == 0 { continue }
            features.indices[at] = vwNumberIndices[column]
            features.values[at] = Self.narrow(value)
            at += 1
        }
        for column in 0..<batch.categoricalCount {
            let hash = batch.categories[column * batch.columnStride + row]
            if hash == 0 { continue }
            features.indices[at] = UInt32(truncatingIfNeeded: hash) & mask
            features.values[at] = 1
            at += 1
        }
        if hasTokens {
            let first = row > 0 ? batch.tokenEnds[row - 1] : 0
            for token in first..<batch.tokenEnds[row] {
                features.indices[at] = UInt32(truncatingIfNeeded: batch.tokens[token]) & mask
                features.values[at] = 1
                at += 1
            }
        }
        for list in batch.tokenLists where row < list.ends.count {
            for token in list.range(row) {
                features.indices[at] = UInt32(truncatingIfNeeded: list.hashes[token]) & mask
                features.values[at] = list.values[token]
                at += 1
            }
        }
        features.indices[at] = Self.vwConstant & mask
        features.values[at] = 1
        return at + 1
    }
}

/// The salt of a category column, as the decoders' tokens have it.
func categorySalt(_ name: String) -> UInt64 {
    var name = name
    return name.withUTF8 { bytes_mix(bytes_xxh3($0.baseAddress, $0.count)) }
}

/// Vowpal Wabbit's hash of a name.
func vwHash(_ name: String, seed: UInt32) -> UInt32 {
    var name = name
    return name.withUTF8 { bytes_vw_hash($0.baseAddress, $0.count, seed) }
}
