import CBytes
import Components
import Records
import State

/// Takes out records that came before: with the same value in a field, or with the same bytes, within a window of
/// records or of time. A repeated record makes the window begin anew. Different contents meet by chance once in 2^64.
final class Deduplicate: RecordFilter {
    static let descriptor = RecordFilterDescriptor(
        Descriptor(
            "deduplicate", "take out records that came before",
            fields: [
                HyperparameterField("by", .names, default: "", "the field that names a record; none = its bytes"),
                HyperparameterField("window", .names, default: "100000", "records (10000) or time (30s, 5m, 2h, 1d)"),
                HyperparameterField(
                    "time", .names, default: "", "the field with the record's time, for a window of time"),
                HyperparameterField(
                    "keys", .integer(1...1 << 24), default: "100000", "records remembered at most"),
            ]), rawFields: ["time"]
    ) { parameters, layout throws(SettingError) in
        let span = try KeyedStatistics.span(parameters["window"], "deduplicate")
        let time = parameters["time"].isEmpty ? nil : try layout.reference(parameters["time"], "deduplicate")
        guard span.isTime == (time != nil) else {
            throw SettingError("deduplicate: a window of time (5m) needs time=FIELD, one of records (1000) none")
        }
        return Deduplicate(
            by: parameters["by"].isEmpty ? nil : try layout.reference(parameters["by"], "deduplicate"), time: time,
            window: span.value,
            keys: span.isTime ? parameters.integer("keys") : Int(min(max(span.value, 1), 16_777_216)))
    }

    private let by: FieldReference?
    private let time: FieldReference?
    private let window: Double
    private let keys: KeyedSlots
    /// By key: when it came last, in seconds or records.
    private let times: StateArray<Double>
    /// Records looked at, records taken out.
    private let counts: StateArray<UInt64>

    init(by: FieldReference?, time: FieldReference?, window: Double, keys: Int) {
        self.by = by
        self.time = time
        self.window = window
        self.keys = KeyedSlots(capacity: keys)
        times = StateArray(count: 0, marksChanges: true, grows: true)
        counts = StateArray(count: 2)
    }

    var state: [StateEntry] {
        keys.state.prefixed("keys") + [StateEntry("times", times), StateEntry("counts", counts)]
    }
    var notes: [StepNote] { [StepNote("duplicates", count: counts[1])] }

    func filter(_ batch: RecordBatch) {
        var row = 0
        while row < batch.rows {
            if isDuplicate(batch, row) {
                counts[1] += 1
                batch.removeRow(row)
            } else {
                row += 1
            }
        }
    }

    private func isDuplicate(_ batch: RecordBatch, _ row: Int) -> Bool {
        counts[0] += 1
        let now = time.map { $0.seconds(batch, row) } ?? Double(counts[0])
        let raw = batch.raw[row]
        let content = raw.start.map { nonZero(bytes_xxh3($0, raw.count)) } ?? 0
        let key = by?.key(batch, row) ?? content
        // Without a name or a time there is nothing to go by.
        guard key != 0, now.isFinite else { return false }
        let (slot, isNew) = keys.use(key)
        keys.makeRoom(in: times)
        let isDuplicate = !isNew && abs(now - times[slot]) <= window
        times[slot] = isNew ? now : max(times[slot], now)
        return isDuplicate
    }
}

extension FieldReference {
    /// The field as a time in seconds since 1970; NaN: it is none.
    func seconds(_ batch: RecordBatch, _ row: Int) -> Double {
        switch self {
        case .number(let column): batch.numbers[column * batch.columnStride + row]
        case .raw(let column):
            Timestamp.seconds(batch.rawFields[column * batch.columnStride + row].buffer, .auto) ?? .nan
        case .category, .id: .nan
        }
    }
}
