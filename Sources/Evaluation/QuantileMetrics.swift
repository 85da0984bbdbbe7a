import State

/// How many targets lie at or below each predicted quantile, and the quantiles' pinball losses.
public final class QuantileMetrics: Stateful {
    public let levels: [Double]
    /// Targets; then by level those at or below, and the sums of losses.
    private let sums: StateArray<Double>

    public init(levels: [Double]) {
        self.levels = levels
        sums = StateArray(count: 1 + 2 * levels.count)
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    /// - Parameter quantiles: one a level.
    public func update(target: Double, quantiles: UnsafePointer<Double>) {
        sums[0] += 1
        for (index, level) in levels.enumerated() {
            let error = target - quantiles[index]
            sums[1 + 2 * index] += error <= 0 ? 1 : 0
            let loss = max(level * error, (level - 1) * error)
            let sum = sums[2 + 2 * index] + loss
            if sum.isFinite { sums[2 + 2 * index] = sum }
        }
    }

    /// By level: `coverage`, the share of targets at or below, and `pinball_loss`, the mean loss (Koenker and Bassett 1978).
    public var byLevel: [(name: String, metrics: [NamedValue])] {
        levels.enumerated().map { index, level in
            guard sums[0] > 0 else { return ("\(level)", []) }
            return (
                "\(level)",
                [
                    NamedValue("coverage", sums[1 + 2 * index] / sums[0]),
                    NamedValue("pinball_loss", sums[2 + 2 * index] / sums[0]),
                ]
            )
        }
    }
}
