import Components
import State

/// Scales every column by the range seen so far: (x - min) / (max - min), 0 without a range; beyond the range below 0 or
/// above 1. River's MinMaxScaler, except that a column never seen gives 0 instead of NaN.
final class MinMax: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor("min-max", "scale numbers to 0...1 by the smallest and largest seen")
    ) { _, columns in MinMax(columns: columns) }

    /// Per column: 1 once a value was seen, minimum, maximum.
    private let ranges: StateArray<Double>

    init(columns: Int) { ranges = StateArray(count: columns, lanes: 3) }

    var state: [StateEntry] { [StateEntry("ranges", ranges)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let range = ranges.base + 3 * column
            var hasValue = range[0] > 0
            var least = range[1]
            var largest = range[2]
            columns.process(
                column,
                transform: { value in
                    let width = largest - least
                    guard width > 0 else { return value.isNaN ? value : 0 }
                    if width.isFinite { return bounded((value - least) / width) }
                    // A range too wide to subtract, in halves.
                    return bounded((value / 2 - least / 2) / (largest / 2 - least / 2))
                },
                learn: { value in
                    guard value.isFinite else { return }
                    least = hasValue ? min(least, value) : value
                    largest = hasValue ? max(largest, value) : value
                    hasValue = true
                })
            range[0] = hasValue ? 1 : 0
            range[1] = least
            range[2] = largest
        }
    }
}
