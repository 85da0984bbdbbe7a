import CBytes
import Components
import Records
import State

/// Fills missing categories: with the most frequent one so far, the previous one, or a given one. The most frequent is
/// exact for up to 32 different categories, then Space-Saving's (Metwally et al. 2005); of equals the one that came
/// first. While nothing is known, `value` stands in where it is given.
final class ImputeCategory: RecordTransformer {
    enum Strategy: String, CaseIterable { case mode, previous, constant }

    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "impute-category", "fill missing categories",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the categorical fields"),
                HyperparameterField(
                    "strategy", .choice(Strategy.allCases.map(\.rawValue)), default: Strategy.mode.rawValue,
                    "what stands in for a missing category"),
                HyperparameterField(
                    "value", .names, default: "", "the constant; the others' category before any other; none = missing"),
            ])
    ) { parameters, layout throws(SettingError) in
        let strategy = Strategy(rawValue: parameters["strategy"]) ?? .mode
        guard strategy != .constant || !parameters["value"].isEmpty else {
            throw SettingError("impute-category: strategy=constant needs value=CATEGORY")
        }
        return ImputeCategory(
            columns: try layout.categories(parameters["fields"], "impute-category"), strategy: strategy,
            value: parameters["value"])
    }

    private static let candidates = 32

    private let columns: [Int]
    private let strategy: Strategy
    /// As decoders hash it; 0 = missing.
    private let value: UInt64
    /// Per column and candidate: category, count. The previous one stands where the first candidate does.
    private let counts: StateArray<UInt64>

    init(columns: [Int], strategy: Strategy, value: String) {
        self.columns = columns
        self.strategy = strategy
        var text = value
        self.value = value.isEmpty ? 0 : text.withUTF8 { nonZero(bytes_xxh3($0.baseAddress, $0.count)) }
        counts = StateArray(count: max(columns.count, 1), lanes: 2 * (strategy == .mode ? Self.candidates : 1))
    }

    var state: [StateEntry] { [StateEntry("counts", counts)] }

    func process(_ records: RecordView) {
        for (place, column) in columns.enumerated() {
            let known = counts.base + place * counts.lanes
            for row in 0..<records.batch.rows {
                let category = records.category(column, row)
                if category == 0 {
                    records.setCategory(column, row, filling(known))
                } else if records.isLearned(row) {
                    learn(category, known)
                }
            }
        }
    }

    private func filling(_ known: UnsafePointer<UInt64>) -> UInt64 {
        guard strategy != .constant else { return value }
        var best = 0
        for index in 1..<max(counts.lanes / 2, 2)
        where index < counts.lanes / 2 && known[2 * index + 1] > known[2 * best + 1] {
            best = index
        }
        return known[2 * best + 1] > 0 ? known[2 * best] : value
    }

    private func learn(_ category: UInt64, _ known: UnsafeMutablePointer<UInt64>) {
        switch strategy {
        case .constant: break
        case .previous: (known[0], known[1]) = (category, 1)
        case .mode:
            var least = 0
            for index in 0..<Self.candidates {
                if known[2 * index + 1] > 0, known[2 * index] == category {
                    known[2 * index + 1] += 1
                    return
                }
                if known[2 * index + 1] < known[2 * least + 1] { least = index }
            }
            known[2 * least] = category
            known[2 * least + 1] += 1
        }
    }
}
