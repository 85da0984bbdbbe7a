import Components
import State

/// Shifts and scales every number column to mean 0 and variance 1 as known so far.
///
/// Running mean and population variance after Welford (1962): n += 1, m' = m + (x - m)/n, S += (x - m)(x - m').
/// A column without spread gives 0. Missing stays missing and is not learned.
final class Standardize: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "standardize", "shift and scale numbers to running mean 0 and variance 1",
            fields: [
                HyperparameterField(
                    "limit", .number(0...1e12), default: "0", "cut standardized values at +-limit; 0 = never")
            ])
    ) { parameters, columns in Standardize(columns: columns, limit: parameters.double("limit")) }

    private let limit: Double
    /// Per column: count, mean, sum of squared deviations.
    private let moments: StateArray<Double>

    init(columns: Int, limit: Double) {
        self.limit = limit > 0 ? limit : .greatestFiniteMagnitude
        moments = StateArray(count: columns, lanes: 3)
    }

    var state: [StateEntry] { [StateEntry("moments", moments)] }

    func process(_ columns: NumberColumns) {
        let limit = limit
        for column in 0..<columns.count {
            let moment = moments.base + 3 * column
            var count = moment[0]
            var mean = moment[1]
            var squares = moment[2]
            columns.process(
                column,
                transform: { value in
                    let deviation = value - mean
                    let variance = squares / count
                    guard variance > 0 else { return value.isNaN ? value : 0 }
                    let scaled = deviation / variance.squareRoot()
                    return scaled > limit ? limit : scaled < -limit ? -limit : scaled
                },
                learn: { value in
                    guard !value.isNaN else { return }
                    let nextMean = mean + (value - mean) / (count + 1)
                    let nextSquares = squares + (value - mean) * (value - nextMean)
                    // A value too large to square stays out of the statistics.
                    guard nextSquares.isFinite, nextMean.isFinite else { return }
                    count += 1
                    mean = nextMean
                    squares = nextSquares
                })
            moment[0] = count
            moment[1] = mean
            moment[2] = squares
        }
    }
}
