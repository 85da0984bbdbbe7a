import Glibc
import Records

/// A predicted record as it waits for its target, in words: what it was, and what was answered.
///
/// Header: arrival, time, version, weight and flags, its place in the source, class and known classes, target as a number,
/// then how many outputs, numbers, categories, tokens, features and bytes of target text follow.
struct PendingRecord {
    static let headerWords = 15

    /// Records predicted before it.
    var arrival = 0
    /// Seconds since 1970; NaN = not known.
    var time = Double.nan
    /// Of the model that predicted it: records learned.
    var version = 0
    var weight: Float = 1
    /// It was predicted by a published version, and is no record of the evaluation yet.
    var isServed = false
    var position = RecordPosition(part: 0, offset: 0, line: 0)
    /// The predicted class; -1 = none.
    var predictedClass: Int32 = -1
    /// Classes that could be told apart then.
    var known: Int32 = 0
    /// Only where the target came with the record and is withheld.
    var targetNumber = Double.nan
    var outputs: Range<Int> = 0..<0
    var numbers: Range<Int> = 0..<0
    var categories: Range<Int> = 0..<0
    var tokens: Range<Int> = 0..<0
    var features: Range<Int> = 0..<0
    var targetText: Range<Int> = 0..<0
    var targetBytes = 0

    init() {}

    /// Reads the header. Nil: these are no such words.
    init?(_ words: UnsafeBufferPointer<UInt64>) {
        guard words.count >= Self.headerWords else { return nil }
        arrival = Int(truncatingIfNeeded: words[0])
        time = Double(bitPattern: words[1])
        version = Int(truncatingIfNeeded: words[2])
        weight = Float(bitPattern: UInt32(truncatingIfNeeded: words[3]))
        isServed = words[3] >> 32 & 1 != 0
        position = RecordPosition(
            part: Int(truncatingIfNeeded: words[4]), offset: Int(truncatingIfNeeded: words[5]),
            line: Int(truncatingIfNeeded: words[6]))
        predictedClass = Int32(truncatingIfNeeded: words[7])
        known = Int32(truncatingIfNeeded: words[7] >> 32)
        targetNumber = Double(bitPattern: words[8])
        var at = Self.headerWords
        func take(_ count: UInt64) -> Range<Int>? {
            guard count <= UInt64(words.count - at) else { return nil }
            defer { at += Int(count) }
            return at..<at + Int(count)
        }
        guard let outputs = take(words[9]), let numbers = take(words[10]), let categories = take(words[11]),
            let tokens = take(words[12]), let features = take(words[13]), words[14] <= UInt64(words.count) * 8,
            let text = take((words[14] + 7) / 8)
        else { return nil }
        (self.outputs, self.numbers, self.categories) = (outputs, numbers, categories)
        (self.tokens, self.features, targetText) = (tokens, features, text)
        targetBytes = Int(words[14])
    }

    /// The bytes of the target that is withheld.
    func targetText(_ words: UnsafeBufferPointer<UInt64>) -> UnsafeBufferPointer<UInt8> {
        let start = words.baseAddress.map {
            UnsafeRawPointer($0 + targetText.lowerBound).assumingMemoryBound(to: UInt8.self)
        }
        return UnsafeBufferPointer(start: start, count: targetBytes)
    }

    /// Writes the header; the counts are those of what is appended next, in the order of the header.
    func write(
        into words: inout [UInt64], outputs: Int, numbers: Int, categories: Int, tokens: Int, features: Int,
        targetBytes: Int
    ) {
        words.append(UInt64(bitPattern: Int64(arrival)))
        words.append(time.bitPattern)
        words.append(UInt64(bitPattern: Int64(version)))
        words.append(UInt64(weight.bitPattern) | (isServed ? 1 << 32 : 0))
        words.append(UInt64(bitPattern: Int64(position.part)))
        words.append(UInt64(bitPattern: Int64(position.offset)))
        words.append(UInt64(bitPattern: Int64(position.line)))
        words.append(UInt64(UInt32(bitPattern: predictedClass)) | UInt64(UInt32(bitPattern: known)) << 32)
        words.append(targetNumber.bitPattern)
        words.append(UInt64(outputs))
        words.append(UInt64(numbers))
        words.append(UInt64(categories))
        words.append(UInt64(tokens))
        words.append(UInt64(features))
        words.append(UInt64(targetBytes))
    }
}

extension [UInt64] {
    /// Appends bytes, padded with zeros to words.
    mutating func append(bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        let first = count
        append(contentsOf: repeatElement(0, count: (bytes.count + 7) / 8))
        withUnsafeMutableBytes { words in
            if let base = words.baseAddress { memcpy(base + first * 8, start, bytes.count) }
        }
    }

    /// Appends a row's features, one a word: the index below, the value's bits above; or its attributes' bits.
    mutating func append(featuresOf row: Int, _ batch: FeatureBatch) {
        guard batch.attributeCount == 0 else {
            let start = row * batch.attributeCount
            for index in 0..<batch.attributeCount { append(batch.attributes[start + index].bitPattern) }
            return
        }
        for feature in batch.offsets[row]..<batch.offsets[row + 1] {
            append(UInt64(batch.indices[feature]) | UInt64(batch.values[feature].bitPattern) << 32)
        }
    }
}

extension FeatureBatch {
    /// Appends a row of the words that `append(featuresOf:)` made, of as many attributes as the batch has.
    func appendRow(words: Slice<UnsafeBufferPointer<UInt64>>) {
        guard attributeCount == 0 else {
            for index in 0..<attributeCount {
                attributes[rows * attributeCount + index] =
                    words.isEmpty ? .nan : Double(bitPattern: words[words.startIndex + index])
            }
            rows += 1
            offsets[rows] = 0
            return
        }
        appendRow(words.count) { indices, values in
            for (index, word) in words.enumerated() {
                indices[index] = UInt32(truncatingIfNeeded: word)
                values[index] = Float(bitPattern: UInt32(truncatingIfNeeded: word >> 32))
            }
        }
    }
}
