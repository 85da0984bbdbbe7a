import Components
import Glibc
import State

/// Aggregates of a field over a key's past in which a record's weight halves every `half-life`: new fields
/// NAME_dcount, NAME_dmean, NAME_dvariance. Constant memory a key, whatever the half-life.
///
/// With w = 2^(-age / half-life): n = Σ w, mean = Σ w x / n, variance = Σ w (x - mean)² / n, kept by West's (1979)
/// update. The record's own value is not in them.
final class Decayed: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "decayed", "aggregates of a key's past that fade, as new fields",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the number fields"), KeyedStatistics.byField,
                HyperparameterField(
                    "half-life", .names, default: "100", "records of the key (100) or time (30s, 5m, 2h, 1d)"),
                KeyedStatistics.timeField, KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        let span = try KeyedStatistics.span(parameters["half-life"], "decayed")
        let time = try KeyedStatistics.time(parameters, layout)
        guard span.isTime == (time != nil) else {
            throw SettingError("decayed: a half-life of time (5m) needs time=FIELD, one of records (100) none")
        }
        let by = try KeyedStatistics.by(parameters, layout)
        let columns = try layout.numbers(parameters["fields"], "decayed")
        var first: [Int] = []
        for column in columns {
            let name = layout.numberNames[column]
            first.append(try layout.addNumber("\(name)_dcount"))
            _ = try layout.addNumber("\(name)_dmean")
            _ = try layout.addNumber("\(name)_dvariance")
        }
        return Decayed(
            by: by, columns: columns, made: first, time: time, halfLife: span.value, keys: parameters.integer("keys"))
    }

    private let by: FieldReference?
    private let columns: [Int]
    /// The first of each column's three fields.
    private let made: [Int]
    private let time: Int?
    private let halfLife: Double
    private let keys: KeyedSlots
    /// Per key: time of the last record; for each column weight, mean, weighted sum of squared deviations.
    private let sums: StateArray<Double>

    init(by: FieldReference?, columns: [Int], made: [Int], time: Int?, halfLife: Double, keys: Int) {
        self.by = by
        self.columns = columns
        self.made = made
        self.time = time
        self.halfLife = halfLife
        self.keys = KeyedSlots(capacity: by == nil ? 1 : keys)
        sums = StateArray(count: 0, lanes: 1 + 3 * columns.count, marksChanges: true, grows: true)
    }

    var state: [StateEntry] { keys.state.prefixed("keys") + [StateEntry("sums", sums)] }
    var notes: [StepNote] { [StepNote("keys evicted", count: keys.evicted)] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            let key = by?.key(records.batch, row) ?? 1
            let slot = keys.find(key)
            let now = time.map { records.number($0, row) }
            let fading = slot.map { self.fading($0, now) } ?? 0
            for (place, column) in made.enumerated() {
                let at = (slot ?? 0) * sums.lanes + 1 + 3 * place
                let weight = slot == nil ? 0 : sums[at] * fading
                records.setNumber(column, row, weight)
                records.setNumber(column + 1, row, weight > 0 ? sums[at + 1] : .nan)
                records.setNumber(column + 2, row, weight > 0 ? sums[at + 2] * fading / weight : .nan)
            }
            if records.isLearned(row), key != 0, now?.isFinite ?? true { learn(key, now, records, row) }
        }
    }

    /// What is left of the weights at `now`; a record that comes late finds them whole.
    private func fading(_ slot: Int, _ now: Double?) -> Double {
        guard let now else { return exp2(-1 / halfLife) }
        return now.isFinite ? exp2(-max(0, now - sums[slot * sums.lanes]) / halfLife) : 1
    }

    private func learn(_ key: UInt64, _ now: Double?, _ records: RecordView, _ row: Int) {
        let (slot, isNew) = keys.use(key)
        keys.makeRoom(in: sums)
        if isNew { sums.clearElement(slot) }
        let base = slot * sums.lanes
        let fading = isNew ? 1 : self.fading(slot, now)
        if let now { sums[base] = isNew ? now : max(sums[base], now) }
        for (place, column) in columns.enumerated() {
            let at = base + 1 + 3 * place
            let weight = sums[at] * fading
            let squares = sums[at + 2] * fading
            let value = records.number(column, row)
            let deviation = value - sums[at + 1]
            let shift = deviation / (weight + 1)
            let next = squares + deviation * (deviation - shift)
            // False for a missing value, too; one too large to square stays out.
            let isLearned = next.isFinite
            sums[at] = isLearned ? weight + 1 : weight
            sums[at + 2] = isLearned ? next : squares
            if isLearned { sums[at + 1] += shift }
        }
    }
}
