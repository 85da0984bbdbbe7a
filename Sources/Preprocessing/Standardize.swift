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
        if let learns = columns.learns, columns.learningValues == nil {
            // Pairs, because the recurrence is a chain that leaves half of each vector unit idle.
            let paired = columns.count & ~1
            for column in stride(from: 0, to: paired, by: 2) { learnAndTransformPair(columns, column, learns) }
            if paired < columns.count { learnAndTransform(columns, paired, learns) }
        } else {
            for column in 0..<columns.count { transformOnly(columns, column) }
        }
    }

    /// One column's statistics, in locals while a batch passes.
    private struct Moments {
        var count: Double
        var mean: Double
        var squares: Double

        /// Takes in one value. `bound` = the square of the winsorizing limit.
        @inline(__always)
        mutating func learn(_ value: Double, bound: Double) {
            var deviation = value - mean
            if deviation * deviation * count > bound * squares, count > Standardize.winsorizeAfter, squares > 0 {
                let limit = (bound * squares / count).squareRoot()
                deviation = deviation > 0 ? limit : -limit
            }
            // The reciprocal does not wait for the mean, as a division of the deviation would.
            let shift = deviation * (1 / (count + 1))
            let nextSquares = squares + deviation * (deviation - shift)
            // Also false for a missing value; one too large to square stays out of the statistics.
            guard nextSquares.isFinite else { return }
            count += 1
            mean += shift
            squares = nextSquares
        }

        /// 1 / standard deviation; 0 = no spread. A deviation below 1e-150 would overflow on its way: it counts as none.
        @inline(__always)
        var scale: Double { squares > 1e-300 ? (count / squares).squareRoot() : 0 }
    }

    @inline(__always)
    private static func scaled(_ value: Double, _ mean: Double, _ scale: Double, _ limit: Double) -> Double {
        let scaled = scale > 0 ? (value - mean) * scale : value.isNaN ? value : 0
        return scaled > limit ? limit : scaled < -limit ? -limit : scaled
    }

    /// First the recurrence, noting what was known before each row, then all roots and divisions side by side.
    private func learnAndTransform(_ columns: NumberColumns, _ column: Int, _ learns: UnsafePointer<Bool>) {
        var moments = load(column)
        let values = columns.values + column * columns.stride
        let bound = winsorize * winsorize
        let rows = columns.rows
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * rows) { scratch in
            guard let means = scratch.baseAddress else { return }
            let scales = means + rows
            for row in 0..<rows {
                means[row] = moments.mean
                // 0 stands for no spread.
                scales[row] = moments.squares > 1e-300 ? moments.count / moments.squares : 0
                if learns[row] { moments.learn(values[row], bound: bound) }
            }
            transform(values, rows, means, scales)
        }
        store(moments, column)
    }

    /// `learnAndTransform` of two neighbouring columns, equal to the bit.
    private func learnAndTransformPair(_ columns: NumberColumns, _ column: Int, _ learns: UnsafePointer<Bool>) {
        var first = load(column)
        var second = load(column + 1)
        let firstValues = columns.values + column * columns.stride
        let secondValues = firstValues + columns.stride
        let bound = winsorize * winsorize
        let rows = columns.rows
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * rows) { scratch in
            guard let means = scratch.baseAddress else { return }
            let scales = means + 2 * rows
            var count = SIMD2(first.count, second.count)
            var mean = SIMD2(first.mean, second.mean)
            var squares = SIMD2(first.squares, second.squares)
            for row in 0..<rows {
                let ratio = count / squares
                means[row] = mean.x
                means[rows + row] = mean.y
                scales[row] = squares.x > 1e-300 ? ratio.x : 0
                scales[rows + row] = squares.y > 1e-300 ? ratio.y : 0
                guard learns[row] else { continue }
                let deviation = SIMD2(firstValues[row], secondValues[row]) - mean
                let reach = deviation * deviation * count
                let allowed = squares * bound
                let shift = deviation * (1 / (count + 1))
                let next = squares + deviation * (deviation - shift)
                if reach.x > allowed.x || reach.y > allowed.y || !(next.x + next.y).isFinite {
                    first = Moments(count: count.x, mean: mean.x, squares: squares.x)
                    second = Moments(count: count.y, mean: mean.y, squares: squares.y)
                    first.learn(firstValues[row], bound: bound)
                    second.learn(secondValues[row], bound: bound)
                    count = SIMD2(first.count, second.count)
                    mean = SIMD2(first.mean, second.mean)
                    squares = SIMD2(first.squares, second.squares)
                } else {
                    count += 1
                    mean += shift
                    squares = next
                }
            }
            transform(firstValues, rows, means, scales)
            transform(secondValues, rows, means + rows, scales + rows)
            first = Moments(count: count.x, mean: mean.x, squares: squares.x)
            second = Moments(count: count.y, mean: mean.y, squares: squares.y)
        }
        store(first, column)
        store(second, column + 1)
    }

    /// Scales rows by what was known before each: its mean and the square of its scale.
    private func transform(
        _ values: UnsafeMutablePointer<Double>, _ rows: Int, _ means: UnsafePointer<Double>,
        _ squares: UnsafePointer<Double>
    ) {
        let limit = limit
        for row in 0..<rows { values[row] = Self.scaled(values[row], means[row], squares[row].squareRoot(), limit) }
    }

    private func load(_ column: Int) -> Moments {
        let stored = moments.base + 3 * column
        return Moments(count: stored[0], mean: stored[1], squares: stored[2])
    }

    private func store(_ moments: Moments, _ column: Int) {
        let stored = self.moments.base + 3 * column
        stored[0] = moments.count
        stored[1] = moments.mean
        stored[2] = moments.squares
    }

    private func transformOnly(_ columns: NumberColumns, _ column: Int) {
        var moments = load(column)
        let bound = winsorize * winsorize
        let limit = limit
        columns.process(
            column, transform: { Self.scaled($0, moments.mean, moments.scale, limit) },
            learn: { moments.learn($0, bound: bound) })
        store(moments, column)
    }
}
