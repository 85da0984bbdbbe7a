import State

/// Running mean and deviation of targets (Welford 1962), on whose scale a network answers.
final class RunningTarget {
    /// Count, mean, sum of squared deviations.
    let moments = StateArray<Double>(count: 3)

    private static let largest = 1e100

    private func bounded(_ value: Double) -> Double { max(-Self.largest, min(Self.largest, value)) }

    private var deviation: Double {
        let count = moments.base[0]
        return count > 1 && moments.base[2] > 0 ? (moments.base[2] / count).squareRoot() : 1
    }

    func learn(_ target: Double) {
        moments.base[0] += 1
        let distance = bounded(target) - moments.base[1]
        moments.base[1] += distance / moments.base[0]
        moments.base[2] += distance * (bounded(target) - moments.base[1])
    }

    func scale(_ target: Double) -> Double {
        max(-1e6, min(1e6, (bounded(target) - moments.base[1]) / deviation))
    }

    var mean: Double { moments.base[1] }

    func distance(_ target: Double) -> Double { bounded(target) - mean }

    func unscale(_ output: Double) -> Double { moments.base[1] + output * deviation }
}
