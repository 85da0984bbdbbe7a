import Components
import State

/// The share of earlier records that have the same category: new fields NAME_frequency; missing for a missing category,
/// 0 for one never seen.
final class FrequencyEncode: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "frequency-encode", "how common a record's category is, as a new field",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the categorical fields"),
                KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.categories(parameters["fields"], "frequency-encode")
        var made: [Int] = []
        for column in columns { made.append(try layout.addNumber(layout.categoryNames[column] + "_frequency")) }
        return FrequencyEncode(columns: columns, made: made, keys: parameters.integer("keys"))
    }

    private let columns: [Int]
    private let made: [Int]
    private let keys: KeyedSlots
    private let counts: StateArray<UInt64>
    /// By field: records with a category.
    private let totals: StateArray<UInt64>

    init(columns: [Int], made: [Int], keys: Int) {
        self.columns = columns
        self.made = made
        self.keys = KeyedSlots(capacity: keys)
        counts = StateArray(count: 0, marksChanges: true, grows: true)
        totals = StateArray(count: max(columns.count, 1))
    }

    var state: [StateEntry] {
        keys.state.prefixed("keys") + [StateEntry("counts", counts), StateEntry("totals", totals)]
    }
    var notes: [StepNote] { [StepNote("categories evicted", count: keys.evicted)] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            for (place, column) in columns.enumerated() {
                let category = records.category(column, row)
                guard category != 0 else {
                    records.setNumber(made[place], row, .nan)
                    continue
                }
                let key = nonZero(category ^ (UInt64(place) &* 0x9e37_79b9_7f4a_7c15))
                let seen = keys.find(key).map { counts[$0] } ?? 0
                records.setNumber(made[place], row, Double(seen) / Double(max(totals[place], 1)))
                guard records.isLearned(row) else { continue }
                let (slot, isNew) = keys.use(key)
                keys.makeRoom(in: counts)
                counts[slot] = isNew ? 1 : counts[slot] + 1
                totals[place] += 1
            }
        }
    }
}
