import Components
import Records
import State

/// The mean of the target in earlier records of the same category, drawn towards the mean of all: new fields
/// NAME_target = (Σ y + m ȳ) / (n + m) (Micci-Barreca 2001; scikit-learn's TargetEncoder with `smooth` = m).
///
/// A record's own target is learned after it was encoded, so it cannot leak. Nothing learned yet: missing.
final class TargetEncode: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "target-encode", "the target's mean by category as a new field, without the record's own",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the categorical fields"),
                HyperparameterField(
                    "smoothing", .number(0...1e9), default: "10", "records that the mean of all counts for"),
                KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        guard layout.schema.task != .multiclass else {
            throw SettingError("target-encode: the target has no mean in a multiclass task")
        }
        let columns = try layout.categories(parameters["fields"], "target-encode")
        var made: [Int] = []
        for column in columns { made.append(try layout.addNumber(layout.categoryNames[column] + "_target")) }
        return TargetEncode(
            columns: columns, made: made, smoothing: parameters.double("smoothing"), keys: parameters.integer("keys"))
    }

    private let columns: [Int]
    private let made: [Int]
    private let smoothing: Double
    private let keys: KeyedSlots
    /// Per category: count, mean. The first element is that of all records.
    private let means: StateArray<Double>

    init(columns: [Int], made: [Int], smoothing: Double, keys: Int) {
        self.columns = columns
        self.made = made
        self.smoothing = smoothing
        self.keys = KeyedSlots(capacity: keys)
        means = StateArray(count: 1, lanes: 2, marksChanges: true, grows: true)
    }

    var state: [StateEntry] { keys.state.prefixed("keys") + [StateEntry("means", means)] }
    var notes: [StepNote] { [StepNote("categories evicted", count: keys.evicted)] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            let prior = means[1]
            for (place, column) in columns.enumerated() {
                guard means[0] > 0 else {
                    records.setNumber(made[place], row, .nan)
                    continue
                }
                let slot = keys.find(Self.key(records.category(column, row), place)).map { $0 + 1 }
                let count = slot.map { means[2 * $0] } ?? 0
                let mean = slot.map { means[2 * $0 + 1] } ?? 0
                // As a mixture, so that large sums do not overflow.
                let share = count > 0 ? count / (count + smoothing) : 0
                records.setNumber(made[place], row, share * mean + (1 - share) * prior)
            }
            guard records.isLearned(row), records.targets[row].isFinite else { continue }
            learn(records.targets[row], 0)
            for (place, column) in columns.enumerated() {
                let key = Self.key(records.category(column, row), place)
                guard key != 0 else { continue }
                let (slot, isNew) = keys.use(key)
                keys.makeRoom(in: means, extra: 1)
                if isNew { means.clearElement(slot + 1) }
                learn(records.targets[row], slot + 1)
            }
        }
    }

    /// One table serves all fields.
    private static func key(_ category: UInt64, _ place: Int) -> UInt64 {
        category == 0 ? 0 : nonZero(category ^ (UInt64(place) &* 0x9e37_79b9_7f4a_7c15))
    }

    private func learn(_ target: Double, _ slot: Int) {
        let count = means[2 * slot] + 1
        let mean = means[2 * slot + 1]
        let next = mean + (target / count - mean / count)
        guard next.isFinite else { return }
        means[2 * slot] = count
        means[2 * slot + 1] = next
    }
}
