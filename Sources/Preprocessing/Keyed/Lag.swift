import Components
import State

/// The values that the same fields had in earlier records of the same key, and their differences to the current one:
/// new fields NAME_lagK and NAME_diffK. Missing before there are so many.
final class Lag: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "lag", "values of earlier records of the same key as new fields",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the number fields"), KeyedStatistics.byField,
                HyperparameterField("steps", .names, default: "1", "how many records back, as in 1+2+7"),
                HyperparameterField("differences", .boolean, default: "false", "the differences to them, too"),
                KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        let steps = parameters["steps"].split(separator: "+").compactMap { Int($0) }
        guard !steps.isEmpty, steps.allSatisfy({ (1...1000).contains($0) }) else {
            throw SettingError(
                "lag: steps=\(parameters["steps"]) is not valid; it takes numbers from 1 to 1000, as in 1+2")
        }
        let by = try KeyedStatistics.by(parameters, layout)
        let columns = try layout.numbers(parameters["fields"], "lag")
        var lags: [[Int]] = []
        var differences: [[Int]] = []
        for column in columns {
            let name = layout.numberNames[column]
            var made: [Int] = []
            for step in steps { made.append(try layout.addNumber("\(name)_lag\(step)")) }
            lags.append(made)
            made = []
            if parameters.boolean("differences") {
                for step in steps { made.append(try layout.addNumber("\(name)_diff\(step)")) }
            }
            differences.append(made)
        }
        return Lag(
            by: by, columns: columns, steps: steps, lags: lags, differences: differences,
            keys: parameters.integer("keys"))
    }

    private let by: FieldReference?
    private let columns: [Int]
    private let steps: [Int]
    private let lags: [[Int]]
    private let differences: [[Int]]
    private let depth: Int
    private let keys: KeyedSlots
    /// Per key: records so far, then for each field the last `depth` values as a ring.
    private let rings: StateArray<Double>

    init(by: FieldReference?, columns: [Int], steps: [Int], lags: [[Int]], differences: [[Int]], keys: Int) {
        self.by = by
        self.columns = columns
        self.steps = steps
        self.lags = lags
        self.differences = differences
        depth = steps.max() ?? 1
        self.keys = KeyedSlots(capacity: by == nil ? 1 : keys)
        rings = StateArray(count: 0, lanes: 1 + columns.count * depth, marksChanges: true, grows: true)
    }

    var state: [StateEntry] { keys.state.prefixed("keys") + [StateEntry("rings", rings)] }
    var notes: [StepNote] { [StepNote("keys evicted", count: keys.evicted)] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            let key = by?.key(records.batch, row) ?? 1
            let slot = keys.find(key)
            let count = slot.map { Int(rings[$0 * rings.lanes]) } ?? 0
            for (place, column) in columns.enumerated() {
                let current = records.number(column, row)
                for (index, step) in steps.enumerated() {
                    var past = Double.nan
                    if let slot, count >= step { past = rings[cell(slot, place, count - step)] }
                    // Missing is kept as such: the state is finite.
                    if past == Self.missing { past = .nan }
                    records.setNumber(lags[place][index], row, past)
                    if !differences[place].isEmpty { records.setNumber(differences[place][index], row, current - past) }
                }
            }
            if records.isLearned(row), key != 0 { learn(key, records, row) }
        }
    }

    /// Stands for a missing value in the rings.
    private static let missing = Double.greatestFiniteMagnitude

    private func cell(_ slot: Int, _ place: Int, _ record: Int) -> Int {
        slot * rings.lanes + 1 + place * depth + record % depth
    }

    private func learn(_ key: UInt64, _ records: RecordView, _ row: Int) {
        let (slot, isNew) = keys.use(key)
        keys.makeRoom(in: rings)
        if isNew { rings.clearElement(slot) }
        let count = Int(rings[slot * rings.lanes])
        for (place, column) in columns.enumerated() {
            let value = records.number(column, row)
            rings[cell(slot, place, count)] = value.isFinite ? value : Self.missing
        }
        rings[slot * rings.lanes] = Double(count + 1)
    }
}
