import Components
import State

/// Fills missing numbers with what is known of the record's group, the records with the same value in the field `by`:
/// their mean, last value, median (`MedianMarkers`) or most frequent value (`FrequentNumber`); while the group has none,
/// with that of all records, then with `value`.
final class GroupImpute: RecordTransformer {
    enum Strategy: String, CaseIterable {
        case mean, median, mode, previous

        /// Numbers a column and group.
        var lanes: Int {
            switch self {
            case .mean, .previous: 2
            case .median: MedianMarkers.lanes
            case .mode: GroupImpute.mode.lanes
            }
        }
    }

    /// Fewer than `impute` has, because there are many groups.
    private static let mode = FrequentNumber(candidates: 8)

    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "group-impute", "fill missing numbers by what other records of the same group have",
            fields: [
                HyperparameterField("by", .names, default: "", "the field that names the group"),
                SelectedColumns.field,
                HyperparameterField(
                    "strategy", .choice(Strategy.allCases.map(\.rawValue)), default: Strategy.mean.rawValue,
                    "what stands in"),
                HyperparameterField("value", .number(-1e300...1e300), default: "0", "before any other"),
                KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        GroupImpute(
            by: try layout.reference(parameters["by"], "group-impute"),
            columns: try layout.numbers(parameters["fields"], "group-impute"),
            strategy: Strategy(rawValue: parameters["strategy"]) ?? .mean, value: parameters.double("value"),
            keys: parameters.integer("keys"))
    }

    private let by: FieldReference
    private let columns: [Int]
    private let strategy: Strategy
    private let value: Double
    private let keys: KeyedSlots
    /// Per key and column: count and what fills in, or what finds it. The first element is that of all records.
    private let fillings: StateArray<Double>

    init(by: FieldReference, columns: [Int], strategy: Strategy, value: Double, keys: Int) {
        self.by = by
        self.columns = columns
        self.strategy = strategy
        self.value = value
        self.keys = KeyedSlots(capacity: keys)
        fillings = StateArray(count: 1, lanes: max(strategy.lanes * columns.count, 1), marksChanges: true, grows: true)
    }

    var state: [StateEntry] { keys.state.prefixed("keys") + [StateEntry("fillings", fillings)] }
    var notes: [StepNote] { [StepNote("groups evicted", count: keys.evicted)] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            let key = by.key(records.batch, row)
            let found = keys.find(key).map { $0 + 1 }
            let isLearned = records.isLearned(row)
            var own = found
            if isLearned, key != 0 {
                let (slot, isNew) = keys.use(key)
                keys.makeRoom(in: fillings, extra: 1)
                if isNew { fillings.clearElement(slot + 1) }
                own = slot + 1
            }
            for (place, column) in columns.enumerated() {
                let number = records.number(column, row)
                if number.isNaN {
                    records.setNumber(column, row, filling(found, place) ?? filling(0, place) ?? value)
                } else if isLearned {
                    if let own, key != 0 { learn(number, own, place) }
                    learn(number, 0, place)
                }
            }
        }
    }

    private func filling(_ slot: Int?, _ place: Int) -> Double? {
        guard let slot else { return nil }
        let known = UnsafePointer(fillings.base + slot * fillings.lanes + strategy.lanes * place)
        switch strategy {
        case .mean, .previous: return known[0] > 0 ? known[1] : nil
        case .median: return MedianMarkers.value(known)
        case .mode: return Self.mode.value(known)
        }
    }

    private func learn(_ number: Double, _ slot: Int, _ place: Int) {
        let at = slot * fillings.lanes + strategy.lanes * place
        fillings.markChanged(at, strategy.lanes)
        let known = fillings.base + at
        switch strategy {
        case .previous: if number.isFinite { (known[0], known[1]) = (1, number) }
        case .median: MedianMarkers.learn(number, known)
        case .mode: Self.mode.learn(number, known)
        case .mean:
            let next = known[1] + (number - known[1]) / (known[0] + 1)
            // Too far apart to subtract: the mean stays.
            guard next.isFinite else { return }
            (known[0], known[1]) = (known[0] + 1, next)
        }
    }
}
