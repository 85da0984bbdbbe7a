import Components
import Records
import State

/// Says of each number whether `clip` would cut it: new fields NAME_outlier, 1 or 0; missing where the number is.
final class FlagOutliers: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "flag-outliers", "whether a number is an outlier, as a new field",
            fields: [SelectedColumns.field] + Clip.fields)
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.numbers(parameters["fields"], "flag-outliers")
        var made: [Int] = []
        for column in columns { made.append(try layout.addNumber(layout.numberNames[column] + "_outlier")) }
        let clip = Clip(columns: columns.count, bounds: try Clip.Bounds(parameters), makesMissing: true)
        return FlagOutliers(clip, columns: columns, made: made)
    }

    private let clip: Clip
    private let columns: [Int]
    private let made: [Int]
    private var values: [Double] = []

    init(_ clip: Clip, columns: [Int], made: [Int]) {
        self.clip = clip
        self.columns = columns
        self.made = made
    }

    var state: [StateEntry] { clip.state }

    func stateDidChange() { clip.stateDidChange() }

    func process(_ records: RecordView) {
        let batch = records.batch
        let rows = batch.rows
        if values.count < columns.count * rows { values = Array(repeating: 0, count: columns.count * rows) }
        values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for (place, column) in columns.enumerated() {
                (base + place * rows).update(from: batch.numbers + column * batch.columnStride, count: rows)
            }
            clip.process(
                NumberColumns(
                    rows: rows, stride: rows, count: columns.count, values: base, learningValues: nil,
                    learns: records.learns))
            for (place, column) in columns.enumerated() {
                for row in 0..<rows {
                    let value = records.number(column, row)
                    let isOutlier = base[place * rows + row].isNaN
                    records.setNumber(made[place], row, value.isNaN ? .nan : isOutlier ? 1 : 0)
                }
            }
        }
    }
}
