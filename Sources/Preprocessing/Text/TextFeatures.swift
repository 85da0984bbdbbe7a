import CBytes
import Components
import Glibc
import Records
import State

/// Words or characters of text fields, and sequences of them (n-grams), as weighted features.
///
/// Weights: `binary` 1; `count` how often it occurs; `tf-idf` share of the record's terms times
/// ln((1 + N) / (1 + df)) + 1, scaled to Euclidean length 1 (River's and scikit-learn's smoothed TF-IDF), with the
/// numbers of records N and df that were learned before. Document frequencies are counted in 2^bits hashed cells, so
/// memory is bounded; terms that share a cell share their frequency.
final class TextFeatures: RecordTransformer {
    enum Weighting: String, CaseIterable {
        case binary, count
        case tfIDF = "tf-idf"
    }

    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "text", "words, characters and n-grams of text fields, counted or by TF-IDF",
            fields: [
                HyperparameterField("fields", .names, default: "", "the text fields"),
                HyperparameterField(
                    "of", .choice(["words", "characters"]), default: "words", "what terms are made of"),
                HyperparameterField("least", .integer(1...10), default: "1", "of them in a term, at least"),
                HyperparameterField("most", .integer(1...10), default: "1", "of them in a term, at most"),
                HyperparameterField(
                    "weighting", .choice(Weighting.allCases.map(\.rawValue)), default: Weighting.count.rawValue,
                    "a term's value"),
                HyperparameterField("lowercase", .boolean, default: "true", "A is a (ASCII letters)"),
                HyperparameterField("terms", .integer(1...100_000), default: "10000", "terms of one record at most"),
                HyperparameterField(
                    "bits", .integer(8...28), default: "18", "log2 of the cells of document frequencies"),
            ]), rawFields: ["fields"]
    ) { parameters, layout throws(SettingError) in
        let (least, most) = (parameters.integer("least"), parameters.integer("most"))
        guard least <= most else { throw SettingError("text: least=\(least) is more than most=\(most)") }
        let columns = try layout.raws(parameters["fields"], "text")
        let salts = columns.map { categorySalt(layout.rawNames[$0]) }
        return TextFeatures(
            columns: columns, salts: salts, list: layout.addTokenList(),
            Rule(
                isOfWords: parameters["of"] == "words", lengths: least...most,
                weighting: Weighting(rawValue: parameters["weighting"]) ?? .count,
                isLowercased: parameters.boolean("lowercase"), terms: parameters.integer("terms")),
            bits: parameters.integer("bits"))
    }

    struct Rule {
        let isOfWords: Bool
        let lengths: ClosedRange<Int>
        let weighting: Weighting
        let isLowercased: Bool
        let terms: Int
    }

    private let columns: [Int]
    private let salts: [UInt64]
    private let list: Int
    private let rule: Rule
    /// Learned records; then by cell, those with a term of it.
    private let documents: StateArray<UInt64>
    private let frequencies: StateArray<UInt32>
    private let mask: Int
    private var units: [UInt64] = []
    private var bytes: [UInt8] = []
    private var terms: [UInt64] = []

    init(columns: [Int], salts: [UInt64], list: Int, _ rule: Rule, bits: Int) {
        self.columns = columns
        self.salts = salts
        self.list = list
        self.rule = rule
        documents = StateArray(count: 1)
        let cells = rule.weighting == .tfIDF ? 1 << bits : 0
        frequencies = StateArray(count: cells, marksChanges: true)
        mask = cells - 1
    }

    var state: [StateEntry] {
        [StateEntry("documents", documents), StateEntry("frequencies", frequencies)]
    }

    func process(_ records: RecordView) {
        let tokens = records.batch.tokenLists[list]
        tokens.clear()
        for row in 0..<records.batch.rows {
            let first = tokens.hashes.count
            for (column, salt) in zip(columns, salts) {
                terms.removeAll(keepingCapacity: true)
                split(records.raw(column, row), salt)
                collect()
                // Sorted, so that equal terms meet, whatever order they come in.
                terms.sort()
                append(to: tokens)
            }
            if rule.weighting == .tfIDF {
                let isLearned = records.isLearned(row)
                weigh(tokens, from: first)
                if isLearned { learn(tokens, from: first) }
            }
            tokens.ends.append(tokens.hashes.count)
        }
    }

    /// Hashes of a text's words or characters, into `units`.
    private func split(_ text: ByteRange, _ salt: UInt64) {
        units.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        for byte in text.buffer {
            let isUpper = byte >= 0x41 && byte <= 0x5a
            let lowered = isUpper && rule.isLowercased ? byte | 0x20 : byte
            if rule.isOfWords {
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...0xff: bytes.append(lowered)
                default: endUnit(salt)
                }
            } else {
                // A character begins where no UTF-8 continuation byte is.
                if byte & 0xc0 != 0x80 { endUnit(salt) }
                bytes.append(lowered)
            }
        }
        endUnit(salt)
    }

    private func endUnit(_ salt: UInt64) {
        // Longer sequences of continuation bytes are no text, but must not be a hole in the bounds.
        guard !bytes.isEmpty, units.count < rule.terms else { return bytes.removeAll(keepingCapacity: true) }
        let hash = bytes.withUnsafeBufferPointer { bytes_xxh3($0.baseAddress, $0.count) }
        units.append(nonZero(hash) ^ salt)
        bytes.removeAll(keepingCapacity: true)
    }

    /// All sequences of units, into `terms`.
    private func collect() {
        for length in rule.lengths where length <= units.count {
            for start in 0...units.count - length where terms.count < rule.terms {
                // A single word is the same feature as that of a field with the role text.
                var hash = units[start]
                for unit in units[start + 1..<start + length] { hash = bytes_mix(hash &+ 0x9e37_79b9_7f4a_7c15) ^ unit }
                terms.append(hash)
            }
        }
    }

    private func append(to tokens: TokenList) {
        let total = Float(terms.count)
        var at = 0
        while at < terms.count {
            var end = at + 1
            while end < terms.count, terms[end] == terms[at] { end += 1 }
            tokens.hashes.append(terms[at])
            switch rule.weighting {
            case .binary: tokens.values.append(1)
            case .count: tokens.values.append(Float(end - at))
            case .tfIDF: tokens.values.append(Float(end - at) / total)
            }
            at = end
        }
    }

    private func cell(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: bytes_mix(hash)) & mask }

    private func weigh(_ tokens: TokenList, from first: Int) {
        let count = Double(documents[0])
        var squares = 0.0
        for at in first..<tokens.hashes.count {
            let frequency = Double(frequencies[cell(tokens.hashes[at])])
            let value = Double(tokens.values[at]) * (log((1 + count) / (1 + frequency)) + 1)
            tokens.values[at] = Float(value)
            squares += value * value
        }
        guard squares > 0 else { return }
        let scale = 1 / squares.squareRoot()
        for at in first..<tokens.hashes.count { tokens.values[at] = Float(Double(tokens.values[at]) * scale) }
    }

    private func learn(_ tokens: TokenList, from first: Int) {
        documents[0] += 1
        for at in first..<tokens.hashes.count {
            let cell = cell(tokens.hashes[at])
            if frequencies[cell] < .max { frequencies[cell] += 1 }
        }
    }
}
