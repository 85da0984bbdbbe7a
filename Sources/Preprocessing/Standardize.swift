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
                    "limit", .number(0...1e12), default: "0", "cut standardized values at +-limit; 0 = never"),
                HyperparameterField(
                    "winsorize", .number(0...1e12), default: "0",
                    "learn from values cut at +-winsorize standard deviations, so that one wild value does not flatten "
                        + "the rest; 0 = as they are"),
            ])
    ) { parameters, columns in
        Standardize(columns: columns, limit: parameters.double("limit"), winsorize: parameters.double("winsorize"))
    }

    /// Values learned before winsorizing begins.
    private static let winsorizeAfter = 10.0

    private let limit: Double
    private let winsorize: Double
    /// Per column: count, mean, sum of squared deviations.
    private let moments: StateArray<Double>

    init(columns: Int, limit: Double, winsorize: Double = 0) {
        self.limit = limit > 0 ? limit : .greatestFiniteMagnitude
        self.winsorize = winsorize > 0 ? winsorize : .infinity
        moments = StateArray(count: columns, lanes: 3)
    }

    var state: [StateEntry] { [StateEntry("moments", moments)] }

    func process(_ columns: NumberColumns) {
        let limit = limit
        let winsorize = winsorize
        for column in 0..<columns.count {
            let moment = moments.base + 3 * column
            var count = moment[0]
            var mean = moment[1]
            var squares = moment[2]
            // 1 / standard deviation, computed once a learned value rather than once a transformed one; 0 = no spread.
            var scale = Self.scale(squares, count)
            columns.process(
                column,
                transform: { value in
                    let scaled = scale > 0 ? (value - mean) * scale : value.isNaN ? value : 0
                    return scaled > limit ? limit : scaled < -limit ? -limit : scaled
                },
                learn: { value in
                    var deviation = value - mean
                    if abs(deviation * scale) > winsorize, count > Self.winsorizeAfter {
                        deviation = (deviation > 0 ? winsorize : -winsorize) / scale
                    }
                    // The reciprocal does not wait for the mean, as a division of the deviation would.
                    let shift = deviation * (1 / (count + 1))
                    let nextMean = mean + shift
                    let nextSquares = squares + deviation * (deviation - shift)
                    // Also false for a missing value; one too large to square stays out of the statistics.
                    guard nextSquares.isFinite else { return }
                    count += 1
                    mean = nextMean
                    squares = nextSquares
                    scale = Self.scale(squares, count)
                })
            moment[0] = count
            moment[1] = mean
            moment[2] = squares
        }
    }

    /// The reciprocal of a standard deviation below 1e-150 would overflow on its way: it counts as no spread.
    @inline(__always) private static func scale(_ squares: Double, _ count: Double) -> Double {
        squares > 1e-300 ? (count / squares).squareRoot() : 0
    }
}
