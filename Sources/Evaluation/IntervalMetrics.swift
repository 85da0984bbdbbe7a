import State

/// How often targets lie in their intervals, and how wide these are.
public final class IntervalMetrics: Stateful {
    private let sums = StateArray<Double>(count: 3)

    public init() {}

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func update(target: Double, lower: Double, upper: Double) {
        let width = upper - lower
        guard width.isFinite, (sums[2] + width).isFinite else { return }
        sums[0] += 1
        sums[1] += target >= lower && target <= upper ? 1 : 0
        sums[2] += width
    }

    /// The share of targets inside, both ends included; nil before the first.
    public var coverage: Double? { sums[0] > 0 ? sums[1] / sums[0] : nil }

    public var meanWidth: Double? { sums[0] > 0 ? sums[2] / sums[0] : nil }
}
