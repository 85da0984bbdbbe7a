import State

/// Running scores of a regressor, from predictions made before each record was learned.
public final class RegressionMetrics: Stateful {
    private let sums: StateArray<Double>

    private enum Sum {
        static let scored = 0
        static let absolute = 1
        static let squared = 2
        static let mean = 3
        static let deviations = 4
        static let last = 5
        static let noChangeAbsolute = 6
        static let noChangeSquared = 7
        static let meanAbsolute = 8
        static let meanSquared = 9
        static let count = 10
    }

    public init() { sums = StateArray(count: Sum.count) }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func update(target: Double, prediction: Double) {
        let sums = sums.base
        func add(_ absolute: Int, _ squared: Int, _ error: Double) {
            let square = error * error
            guard square.isFinite else { return }
            sums[absolute] += abs(error)
            sums[squared] += square
        }
        add(Sum.absolute, Sum.squared, prediction - target)
        // The first record's baselines predict 0, as a learner that has seen nothing.
        add(Sum.noChangeAbsolute, Sum.noChangeSquared, sums[Sum.last] - target)
        add(Sum.meanAbsolute, Sum.meanSquared, sums[Sum.mean] - target)
        sums[Sum.scored] += 1
        let deviation = target - sums[Sum.mean]
        sums[Sum.mean] += deviation / sums[Sum.scored]
        sums[Sum.deviations] += deviation * (target - sums[Sum.mean])
        sums[Sum.last] = target
    }

    private func mean(_ sum: Int) -> Double? { sums[Sum.scored] > 0 ? sums[sum] / sums[Sum.scored] : nil }

    /// Mean absolute error.
    public var mae: Double? { mean(Sum.absolute) }
    /// Root of the mean squared error.
    public var rmse: Double? { mean(Sum.squared)?.squareRoot() }

    /// Coefficient of determination: 1 - residual / total sum of squares.
    public var r2: Double? {
        guard sums[Sum.scored] > 1, sums[Sum.deviations] > 0 else { return nil }
        return 1 - sums[Sum.squared] / sums[Sum.deviations]
    }

    /// Errors of predicting the previous target.
    public var noChangeMAE: Double? { mean(Sum.noChangeAbsolute) }
    public var noChangeRMSE: Double? { mean(Sum.noChangeSquared)?.squareRoot() }
    /// Errors of predicting the mean of the targets so far.
    public var meanMAE: Double? { mean(Sum.meanAbsolute) }
    public var meanRMSE: Double? { mean(Sum.meanSquared)?.squareRoot() }
}
