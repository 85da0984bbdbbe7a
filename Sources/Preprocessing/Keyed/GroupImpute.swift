import Components
import State

/// Fills missing numbers with what is known of the record's group: the mean or the last value of the records with the
/// same value in the field `by`; while the group has none, with that of all records, then with `value`.
final class GroupImpute: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "group-impute", "fill missing numbers by what other records of the same group have",
            fields: [
                HyperparameterField("by", .names, default: "", "the field that names the group"),
                SelectedColumns.field,
                HyperparameterField("strategy", .choice(["mean", "previous"]), default: "mean", "what stands in"),
                HyperparameterField("value", .number(-1e300...1e300), default: "0", "before any other"),
                KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        GroupImpute(
            by: try layout.reference(parameters["by"], "group-impute"),
            columns: try layout.numbers(parameters["fields"], "group-impute"),
            isMean: parameters["strategy"] == "mean", value: parameters.double("value"),
            keys: parameters.integer("keys"))
    }

    private let by: FieldReference
    private let columns: [Int]
    private let isMean: Bool
    private let value: Double
    private let keys: KeyedSlots
    /// Per key and column: count, what fills in. The first element is that of all records.
    private let fillings: StateArray<Double>

    init(by: FieldReference, columns: [Int], isMean: Bool, value: Double, keys: Int) {
        self.by = by
        self.columns = columns
        self.isMean = isMean
        self.value = value
        self.keys = KeyedSlots(capacity: keys)
        fillings = StateArray(count: 1, lanes: max(2 * columns.count, 1), marksChanges: true, grows: true)
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
        let at = slot * fillings.lanes + 2 * place
        return fillings[at] > 0 ? fillings[at + 1] : nil
    }

    private func learn(_ number: Double, _ slot: Int, _ place: Int) {
        let at = slot * fillings.lanes + 2 * place
        let count = fillings[at] + 1
        let current = count > 1 ? fillings[at + 1] : 0
        let next = isMean ? current + (number - current) / count : number
        // Too far apart to subtract: the mean stays.
        guard next.isFinite else { return }
        fillings[at] = count
        fillings[at + 1] = next
    }
}
