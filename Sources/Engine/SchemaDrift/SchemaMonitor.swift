import JSON
import Records
import State
import Statistics

/// Notices when records stop being what the schema was made from: a field appears, disappears, changes its type or the
/// size of its numbers.
///
/// Every record is looked at in the beginning, later ever fewer, at last one of 128. 64 of those make a window. A field has
/// disappeared when a window has no value of a field that the windows before had in a quarter of their records. A number
/// has another scale when two windows in a row say so (`NumberRange`): a gradual change is no event. Counts, windows and what
/// was usual are part of the state, so that a resumed run knows them.
final class SchemaMonitor: Stateful {
    private static let window = 64
    /// Columns of either kind that are looked at.
    private static let maximumColumns = 256
    /// Names of unknown fields that are told apart.
    private static let maximumNames = 256
    private static let leastShare = 0.25

    /// What is known of a column: 1 = there was a window, share present, low, median, high, 1 = gone, windows of
    /// another scale in a row.
    private enum Usual {
        static let isKnown = 0
        static let share = 1
        static let low = 2
        static let median = 3
        static let high = 4
        static let isGone = 5
        static let deviating = 6
        static let lanes = 7
    }

    private let options: SchemaDriftOptions
    private let numbers: [String]
    private let categories: [String]
    /// Records, records in the window; then changes by kind and values that were no numbers.
    private let totals: StateArray<UInt64>
    /// Number column by number column, the window's values.
    private let values: StateArray<Double>
    /// By category column: values in the window.
    private let present: StateArray<Double>
    /// Number columns, then category columns.
    private let usual: StateArray<Double>
    /// Hashes of unknown names; 0 = free.
    private let names: StateArray<UInt64>
    /// By number column: values that were no numbers.
    private let misread: StateArray<UInt64>
    /// Changes since the last `take`.
    private var changes: [SchemaChange] = []

    private static let kinds = SchemaChange.Kind.allCases.count

    init(_ schema: Schema, _ options: SchemaDriftOptions) {
        self.options = options
        numbers = schema.fields(.numeric, .both).prefix(Self.maximumColumns).map(\.name)
        categories = schema.fields(.categorical).prefix(Self.maximumColumns).map(\.name)
        categoryColumns = Self.categoryColumns(schema, categories.count)
        totals = StateArray(count: 3 + Self.kinds)
        values = StateArray(count: numbers.count * Self.window)
        present = StateArray(count: categories.count)
        usual = StateArray(count: numbers.count + categories.count, lanes: Usual.lanes)
        names = StateArray(count: Self.maximumNames)
        misread = StateArray(count: numbers.count)
    }

    /// Where the pure categories stand among the batch's category columns, which those of `both` share.
    private let categoryColumns: [Int]

    private static func categoryColumns(_ schema: Schema, _ count: Int) -> [Int] {
        let all = schema.fields(.categorical, .both)
        return Array(all.indices.filter { all[$0].role == .categorical }.prefix(count))
    }

    var state: [StateEntry] {
        [
            StateEntry("totals", totals), StateEntry("values", values), StateEntry("present", present),
            StateEntry("usual", usual), StateEntry("names", names), StateEntry("misread", misread),
        ]
    }

    /// How often what changed.
    var counts: [Int] { (0..<Self.kinds).map { Int(truncatingIfNeeded: totals.base[3 + $0]) } }

    /// Values that were no numbers.
    var misreadValues: Int { Int(truncatingIfNeeded: totals.base[2]) }

    /// Looks at a batch as it came.
    ///
    /// - Returns: what changed, to be told.
    func note(_ batch: RecordBatch) -> [SchemaChange] {
        if !batch.unknownFields.isEmpty { for name in batch.unknownFields { noteUnknown(name) } }
        if !batch.misreadFields.isEmpty { for name in batch.misreadFields { noteMisread(name) } }
        var row = 0
        let first = Int(truncatingIfNeeded: totals.base[0])
        while true {
            let step = Self.step(first + row)
            row += (step - (first + row) % step) % step
            guard row < batch.rows else { break }
            look(batch, row)
            row += 1
        }
        totals.base[0] += UInt64(batch.rows)
        defer { changes.removeAll(keepingCapacity: true) }
        return changes
    }

    /// Of so many records one is looked at: a power of two that grows gradually, so that windows next to each other last
    /// about equally long.
    private static func step(_ record: Int) -> Int {
        record < 2048 ? 1 : min(128, 1 << (Int.bitWidth - 1 - (record / 1024).leadingZeroBitCount))
    }

    private func look(_ batch: RecordBatch, _ row: Int) {
        let place = Int(totals.base[1])
        for column in 0..<numbers.count {
            values.base[column * Self.window + place] = batch.numbers[column * batch.columnStride + row]
        }
        for (index, column) in categoryColumns.enumerated()
        where batch.categories[column * batch.columnStride + row] != 0 {
            present.base[index] += 1
        }
        totals.base[1] += 1
        if place + 1 == Self.window { closeWindow() }
    }

    private func closeWindow() {
        for column in 0..<numbers.count { closeNumber(column) }
        for column in 0..<categories.count {
            closePresence(usual.base + (numbers.count + column) * Usual.lanes, present.base[column], categories[column])
            present.base[column] = 0
        }
        totals.base[1] = 0
    }

    private func closeNumber(_ column: Int) {
        let known = usual.base + column * Usual.lanes
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * Self.window) { sorted in
            var count = 0
            for place in 0..<Self.window {
                let value = values.base[column * Self.window + place]
                guard !value.isNaN else { continue }
                sorted[count] = value
                count += 1
            }
            let wasKnown = known[Usual.isKnown] > 0
            closePresence(known, Double(count), numbers[column])
            guard count >= Self.window / 4 else { return }
            guard let base = sorted.baseAddress else { return }
            BlockSort.sort(base, count, scratch: base + Self.window)
            let isFirst = !wasKnown || known[Usual.low] == 0 && known[Usual.high] == 0 && known[Usual.median] == 0
            closeScale(known, sorted, count, column, isFirst: isFirst)
        }
    }

    private func closePresence(_ known: UnsafeMutablePointer<Double>, _ count: Double, _ name: String) {
        let share = count / Double(Self.window)
        guard known[Usual.isKnown] > 0 else {
            known[Usual.isKnown] = 1
            known[Usual.share] = share
            return
        }
        if known[Usual.isGone] > 0 {
            guard count > 0 else { return }
            known[Usual.isGone] = 0
            add(.returned, name, "field '\(name)' is there again")
        } else if count == 0, known[Usual.share] >= Self.leastShare {
            known[Usual.isGone] = 1
            return add(.disappeared, name, "field '\(name)' is missing in all records of a while: it counts as missing")
        }
        known[Usual.share] += 0.25 * (share - known[Usual.share])
    }

    private func closeScale(
        _ known: UnsafeMutablePointer<Double>, _ sorted: UnsafeMutableBufferPointer<Double>, _ count: Int,
        _ column: Int, isFirst: Bool
    ) {
        let low = sorted[count / 10]
        let median = sorted[count / 2]
        let high = sorted[count - 1 - count / 10]
        let range = NumberRange(low: known[Usual.low], median: known[Usual.median], high: known[Usual.high])
        var isChange = false
        if !isFirst,
            range.isOtherScale(
                lower: sorted[count / 4], median: median, upper: sorted[count - 1 - count / 4])
        {
            known[Usual.deviating] += 1
            // Once is chance.
            guard known[Usual.deviating] >= 2 else { return }
            isChange = true
        }
        if isChange {
            let name = numbers[column]
            add(
                .scale, name,
                "field '\(name)' has another scale: its median was \(short(known[Usual.median])), now it is "
                    + "\(short(median))")
        }
        known[Usual.deviating] = 0
        known[Usual.low] = low
        known[Usual.median] = median
        known[Usual.high] = high
    }

    private func noteUnknown(_ name: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        if hash == 0 { hash = 1 }
        for place in 0..<Self.maximumNames {
            if names.base[place] == hash { return }
            guard names.base[place] == 0 else { continue }
            names.base[place] = hash
            return add(
                .appeared, name, "a field '\(name)' has appeared, which the schema does not know: it is not used")
        }
    }

    private func noteMisread(_ name: String) {
        totals.base[2] += 1
        guard let column = numbers.firstIndex(of: name) else { return }
        misread.base[column] += 1
        // A stray value is no change; then every tenfold is told.
        var count = misread.base[column]
        while count % 10 == 0 { count /= 10 }
        guard count == 1, misread.base[column] >= 10 else { return }
        let consequence = options.type == .missing ? "the field counts as missing there" : "those records are rejected"
        add(
            .type, name,
            "field '\(name)' is a number, and had \(misread.base[column]) values that are none: \(consequence)")
    }

    private func add(_ kind: SchemaChange.Kind, _ field: String, _ text: String) {
        totals.base[3 + kind.index] += 1
        changes.append(SchemaChange(kind: kind, field: field, text: text))
    }
}

/// How the records changed against the schema, for reports.
public struct SchemaDriftStatus: Sendable {
    /// By kind.
    public let counts: [(kind: SchemaChange.Kind, count: Int)]
    /// Values that were no numbers where numbers belong.
    public let misreadValues: Int

    /// Nil: nothing changed.
    init?(_ monitor: SchemaMonitor) {
        counts = Array(zip(SchemaChange.Kind.allCases, monitor.counts))
        misreadValues = monitor.misreadValues
        guard misreadValues > 0 || counts.contains(where: { $0.count > 0 }) else { return nil }
    }

    public var json: JSONValue {
        .object(counts.map { ($0.kind.rawValue, JSONValue($0.count)) } + [("misread_values", JSONValue(misreadValues))])
    }

    public var summary: String {
        (counts.map { ($0.count, "\($0.kind.rawValue)") } + [(misreadValues, "values that are no numbers")])
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
}
