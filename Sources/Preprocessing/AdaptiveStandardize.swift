import Components
import State

/// Shifts and scales by an exponentially decayed mean and variance, to follow streams whose scale drifts.
///
/// First value: a = x, q = x²; then a = f x + (1 - f) a, q = f x² + (1 - f) q; result (x - a) / sqrt(q - a²), 0 without
/// spread (River's AdaptiveStandardScaler). The memory is about 1/f records: the default .01 means a hundred; River's
/// own .3, about three, comes with its preset.
final class AdaptiveStandardize: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "adaptive-standardize", "shift and scale numbers to a decayed mean 0 and variance 1",
            fields: [
                HyperparameterField(
                    "fading", .number(1e-9...1), default: "0.01",
                    "weight of the newest value; it remembers about 1/fading records")
            ])
    ) { parameters, columns in AdaptiveStandardize(columns: columns, fading: parameters.double("fading")) }

    private let fading: Double
    /// Per column: 1 once a value was seen, decayed mean, decayed mean of squares.
    private let moments: StateArray<Double>

    init(columns: Int, fading: Double) {
        self.fading = fading
        moments = StateArray(count: columns, lanes: 3)
    }

    var state: [StateEntry] { [StateEntry("moments", moments)] }

    func process(_ columns: NumberColumns) {
        let fading = fading
        for column in 0..<columns.count {
            let moment = moments.base + 3 * column
            var hasValue = moment[0] > 0
            var mean = moment[1]
            var squares = moment[2]
            columns.process(
                column,
                transform: { value in
                    let variance = squares - mean * mean
                    guard variance > 0 else { return value.isNaN ? value : 0 }
                    return bounded((value - mean) / variance.squareRoot())
                },
                learn: { value in
                    let square = value * value
                    // Also false for a missing value; one too large to square stays out of the statistics.
                    guard square.isFinite else { return }
                    mean = hasValue ? fading * value + (1 - fading) * mean : value
                    squares = hasValue ? fading * square + (1 - fading) * squares : square
                    hasValue = true
                })
            moment[0] = hasValue ? 1 : 0
            moment[1] = mean
            moment[2] = squares
        }
    }
}
