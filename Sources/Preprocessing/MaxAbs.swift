import Components
import State

/// Scales every column by the largest absolute value seen so far, x / max|x|, 0 while that is 0; zeros stay zeros.
/// River's MaxAbsScaler.
final class MaxAbs: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor("max-abs", "scale numbers to -1...1 by the largest absolute value seen")
    ) { _, columns in MaxAbs(columns: columns) }

    /// Per column: the largest absolute value.
    private let largest: StateArray<Double>

    init(columns: Int) { largest = StateArray(count: columns) }

    var state: [StateEntry] { [StateEntry("largest", largest)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            var top = largest.base[column]
            columns.process(
                column,
                transform: { value in
                    guard top > 0 else { return value.isNaN ? value : 0 }
                    return bounded(value / top)
                },
                learn: { value in if value.isFinite, abs(value) > top { top = abs(value) } })
            largest.base[column] = top
        }
    }
}
