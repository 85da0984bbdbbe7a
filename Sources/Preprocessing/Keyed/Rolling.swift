import Components
import State

/// Aggregates of a field over the last records of the same key: new fields NAME_STATISTIC. The window is a number of
/// records, or of seconds before the record's time; of a time window the last `most` records count.
///
/// Only earlier records are in the window: the record's own value is a feature as it is. Variance is the sample's
/// (n - 1; missing below two). `since` is the time, or the number of learned records, since the key's last record.
final class Rolling: RecordTransformer {
    enum Statistic: String, CaseIterable { case count, mean, variance, min, max, distinct, since }

    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "rolling", "aggregates of a key's last records as new fields",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the number fields"), KeyedStatistics.byField,
                HyperparameterField("window", .names, default: "10", "records (10) or time (30s, 5m, 2h, 1d)"),
                KeyedStatistics.timeField,
                HyperparameterField("most", .integer(1...10_000), default: "64", "records kept of a time window"),
                HyperparameterField(
                    "statistics", .names, default: "count+mean",
                    Statistic.allCases.map(\.rawValue).joined(separator: "+") + " or some of them"),
                KeyedStatistics.keysField,
            ])
    ) { parameters, layout throws(SettingError) in
        let span = try KeyedStatistics.span(parameters["window"], "rolling")
        let time = try KeyedStatistics.time(parameters, layout)
        guard span.isTime == (time != nil) else {
            throw SettingError(
                span.isTime
                    ? "rolling: a window of time needs time=FIELD (make one with the step time: epoch)"
                    : "rolling: a window of records takes no time field; say window=\(parameters["window"])s")
        }
        guard span.isTime || span.value <= 10_000 else {
            throw SettingError(
                "rolling: window=\(parameters["window"]) is more than 10000 records; use decayed instead")
        }
        var statistics: [Statistic] = []
        for name in parameters["statistics"].split(separator: "+").map(String.init) {
            guard let statistic = Statistic(rawValue: name) else {
                throw SettingError(
                    "rolling: there is no statistic '\(name)'" + didYouMean(name, Statistic.allCases.map(\.rawValue)))
            }
            statistics.append(statistic)
        }
        let by = try KeyedStatistics.by(parameters, layout)
        let columns = try layout.numbers(parameters["fields"], "rolling")
        var made: [[Int]] = []
        for column in columns {
            let field = layout.numberNames[column]
            var of: [Int] = []
            for statistic in statistics { of.append(try layout.addNumber("\(field)_\(statistic.rawValue)")) }
            made.append(of)
        }
        return Rolling(
            Shape(
                by: by, columns: columns, statistics: statistics, made: made, time: time,
                span: span.isTime ? span.value : .infinity,
                depth: span.isTime ? parameters.integer("most") : max(1, Int(span.value))),
            keys: parameters.integer("keys"))
    }

    struct Shape {
        let by: FieldReference?
        let columns: [Int]
        let statistics: [Statistic]
        /// For each column, the columns of its statistics.
        let made: [[Int]]
        let time: Int?
        /// Seconds back.
        let span: Double
        let depth: Int
    }

    private let shape: Shape
    private let keys: KeyedSlots
    /// Per key: records so far; then a ring of times; then a ring of values for each column.
    private let rings: StateArray<Double>
    /// Records learned, which is the time where there is no other.
    private let learned: StateArray<UInt64>
    private var window: [Double] = []

    init(_ shape: Shape, keys: Int) {
        self.shape = shape
        self.keys = KeyedSlots(capacity: shape.by == nil ? 1 : keys)
        rings = StateArray(
            count: 0, lanes: 1 + shape.depth * (1 + shape.columns.count), marksChanges: true, grows: true)
        learned = StateArray(count: 1)
    }

    var state: [StateEntry] {
        keys.state.prefixed("keys") + [StateEntry("rings", rings), StateEntry("learned", learned)]
    }
    var notes: [StepNote] { [StepNote("keys evicted", count: keys.evicted)] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            let key = shape.by?.key(records.batch, row) ?? 1
            let now = shape.time.map { records.number($0, row) } ?? Double(learned[0])
            let slot = keys.find(key)
            for (place, made) in shape.made.enumerated() {
                let since = load(slot, place, now)
                for (statistic, column) in zip(shape.statistics, made) {
                    records.setNumber(column, row, value(of: statistic, since: since))
                }
            }
            guard records.isLearned(row) else { continue }
            if key != 0, now.isFinite { learn(key, now, records, row) }
            learned[0] += 1
        }
    }

    /// Takes a column's values in the window into `window`; returns the time since the key's last record.
    private func load(_ slot: Int?, _ place: Int, _ now: Double) -> Double {
        window.removeAll(keepingCapacity: true)
        guard let slot, now.isFinite else { return .nan }
        let base = slot * rings.lanes
        let count = Int(rings[base])
        let depth = shape.depth
        for record in max(0, count - depth)..<count {
            let value = rings[base + 1 + depth * (1 + place) + record % depth]
            let age = now - rings[base + 1 + record % depth]
            if value != Self.missing, age < shape.span, shape.span == .infinity || age >= 0 { window.append(value) }
        }
        return count > 0 ? now - rings[base + 1 + (count - 1) % depth] : .nan
    }

    private func value(of statistic: Statistic, since: Double) -> Double {
        let count = Double(window.count)
        switch statistic {
        case .count: return count
        case .mean: return mean
        case .variance:
            let mean = mean
            return count > 1 ? window.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / (count - 1) } : .nan
        case .min: return window.min() ?? .nan
        case .max: return window.max() ?? .nan
        case .distinct:
            window.sort()
            return Double(window.indices.count { $0 == 0 || window[$0] != window[$0 - 1] })
        case .since: return since
        }
    }

    /// Divided first, so that the sum of large values does not overflow; missing for an empty window.
    private var mean: Double {
        let count = Double(window.count)
        return count > 0 ? window.reduce(0) { $0 + $1 / count } : .nan
    }

    private static let missing = Double.greatestFiniteMagnitude

    private func learn(_ key: UInt64, _ now: Double, _ records: RecordView, _ row: Int) {
        let (slot, isNew) = keys.use(key)
        keys.makeRoom(in: rings)
        if isNew { rings.clearElement(slot) }
        let base = slot * rings.lanes
        let count = Int(rings[base])
        let place = count % shape.depth
        rings[base + 1 + place] = now
        for (index, column) in shape.columns.enumerated() {
            let value = records.number(column, row)
            rings[base + 1 + shape.depth * (1 + index) + place] = value.isFinite ? value : Self.missing
        }
        rings[base] = Double(count + 1)
    }
}
