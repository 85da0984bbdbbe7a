import Records

/// The features of one action of a decision: those of the context, those of the action, each of the one times each of the
/// other (`crosses`), and a constant.
struct ActionFeatures {
    private let mask: UInt32
    private let crosses: Bool
    private(set) var indices: [UInt32] = []
    private(set) var values: [Double] = []
    private var starts: [Int] = []

    private static let constant: UInt32 = 11_650_396
    /// FNV's prime, as Vowpal Wabbit crosses features.
    private static let prime: UInt32 = 16_777_619

    init(slotCount: Int, crosses: Bool) {
        mask = UInt32(truncatingIfNeeded: max(slotCount, 1) - 1)
        self.crosses = crosses
    }

    mutating func read(_ features: FeatureBatch, _ row: Int) -> DecisionRow? {
        DecisionRow(features, row, starts: &starts)
    }

    /// Fills `indices` and `values`; values are at most 1e6 in size.
    mutating func form(_ action: Int, _ decision: DecisionRow, _ features: FeatureBatch) {
        indices.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        let own = DecisionRow.action(action, starts)
        for at in decision.context { append(features.indices[at], Double(features.values[at])) }
        for at in own { append(features.indices[at], Double(features.values[at])) }
        append(Self.constant, 1)
        guard crosses else { return }
        for outer in decision.context {
            let hash = features.indices[outer] &* Self.prime
            let value = Double(features.values[outer])
            for inner in own { append(hash ^ features.indices[inner], value * Double(features.values[inner])) }
        }
    }

    private mutating func append(_ index: UInt32, _ value: Double) {
        indices.append(index & mask)
        values.append(value.isFinite ? max(-1e6, min(1e6, value)) : 0)
    }
}
