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

    /// What is known of a column: 1 = there was a window; share present; 1 = gone; windows of another scale in a row;
    /// windows with numbers; low, median and high of the last window but one, and of the last.
    private enum Usual {
        static let isKnown = 0
        static let share = 1
        static let isGone = 2
        static let deviating = 3
        static let windows = 4
        static let range = 5
        static let last = 8
        static let lanes = 11
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
            closePresence(known, Double(count), numbers[column])
            guard count >= Self.window / 4 else { return }
            guard let base = sorted.baseAddress else { return }
            BlockSort.sort(base, count, scratch: base + Self.window)
            closeScale(known, base, count, numbers[column])
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
        _ known: UnsafeMutablePointer<Double>, _ sorted: UnsafePointer<Double>, _ count: Int, _ name: String
    ) {
        let found = [sorted[count / 10], sorted[count / 2], sorted[count - 1 - count / 10]]
        func keep(_ range: [Double], _ first: Int) { for place in 0..<3 { known[first + place] = range[place] } }
        known[Usual.windows] += 1
        guard known[Usual.windows] > 1 else {
            keep(found, Usual.range)
            return keep(found, Usual.last)
        }
        let range = NumberRange(
            low: known[Usual.range], median: known[Usual.range + 1], high: known[Usual.range + 2])
        let isOther = range.isOtherScale(
            lower: sorted[count / 4], median: found[1], upper: sorted[count - 1 - count / 4])
        guard isOther else {
            known[Usual.deviating] = 0
            // The window in which a change falls has values from before and after: it must not be the measure.
            keep((0..<3).map { known[Usual.last + $0] }, Usual.range)
            return keep(found, Usual.last)
        }
        known[Usual.deviating] += 1
        // Once is chance.
        guard known[Usual.deviating] >= 2 else { return }
        add(
            .scale, name,
            "field '\(name)' has another scale: its median was \(Float(range.median)), now it is \(Float(found[1]))")
        known[Usual.deviating] = 0
        keep(found, Usual.range)
        keep(found, Usual.last)
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
