import State

/// Running estimate of one quantile in constant memory: the P² algorithm (Jain and Chlamtac, CACM 28(10), 1985).
///
/// Five markers hold estimates of the minimum, the p/2, p and (1 + p)/2 quantiles and the maximum; each value moves them
/// along a parabola through their neighbours. Exact up to five values; after that the error depends on the data, within
/// about 1 % of the rank for smooth distributions of a thousand values. Extreme quantiles need about 10 / p values.
/// All state is `lanes` numbers of a state array: count, five heights, five positions.
public struct QuantileSketch {
    /// Scalars a sketch takes in a state array; all 0 = no values yet.
    public static let lanes = 11

    private let quantile: Double
    private let storage: UnsafeMutablePointer<Double>

    /// - Parameters:
    ///   - quantile: 0 (minimum) to 1 (maximum).
    ///   - storage: `lanes` scalars that outlive the sketch.
    public init(quantile: Double, storage: UnsafeMutablePointer<Double>) {
        self.quantile = quantile
        self.storage = storage
    }

    /// Values learned.
    public var count: Double { storage[0] }

    private var heights: UnsafeMutablePointer<Double> { storage + 1 }
    /// Ranks of the heights, from 1.
    private var positions: UnsafeMutablePointer<Double> { storage + 6 }

    /// The estimate; nil before the first value.
    public var estimate: Double? {
        guard count > 0 else { return nil }
        guard count >= 5 else {
            // The nearest rank of the sorted values.
            let rank = (quantile * (count - 1)).rounded()
            return heights[Int(rank)]
        }
        return heights[quantile <= 0 ? 0 : quantile >= 1 ? 4 : 2]
    }

    /// Learns a value. What is not finite is ignored.
    public func learn(_ value: Double) {
        guard value.isFinite else { return }
        storage[0] += 1
        guard count > 5 else {
            insert(value)
            return
        }
        let cell = locate(value)
        for marker in (cell + 1)..<5 { positions[marker] += 1 }
        for marker in 1..<4 { adjust(marker) }
    }

    /// The first five values, sorted, are the markers.
    private func insert(_ value: Double) {
        var place = Int(count) - 1
        while place > 0, heights[place - 1] > value {
            heights[place] = heights[place - 1]
            place -= 1
        }
        heights[place] = value
        positions[Int(count) - 1] = count
    }

    /// The cell the value falls into, 0...3, after widening the outer markers to hold it.
    private func locate(_ value: Double) -> Int {
        if value < heights[0] {
            heights[0] = value
            return 0
        }
        if value >= heights[4] {
            heights[4] = value
            return 3
        }
        if value < heights[1] { return 0 }
        if value < heights[2] { return 1 }
        return value < heights[3] ? 2 : 3
    }

    /// Moves a middle marker by one rank when it is one or more away from where it should be.
    private func adjust(_ marker: Int) {
        let share = marker == 1 ? quantile / 2 : marker == 2 ? quantile : (1 + quantile) / 2
        let offset = 1 + (count - 1) * share - positions[marker]
        let up = offset >= 1 && positions[marker + 1] - positions[marker] > 1
        let down = offset <= -1 && positions[marker - 1] - positions[marker] < -1
        guard up || down else { return }
        let direction = up ? 1 : -1
        let parabolic = parabola(marker, Double(direction))
        let isBetween = heights[marker - 1] < parabolic && parabolic < heights[marker + 1]
        heights[marker] = isBetween ? parabolic : line(marker, direction)
        positions[marker] += Double(direction)
    }

    /// The piecewise-parabolic prediction, formula (P²); not finite for heights too far apart to subtract.
    private func parabola(_ marker: Int, _ direction: Double) -> Double {
        let q = heights + marker
        let n = positions + marker
        let above = (n[0] - n[-1] + direction) * (q[1] - q[0]) / (n[1] - n[0])
        let below = (n[1] - n[0] - direction) * (q[0] - q[-1]) / (n[0] - n[-1])
        return q[0] + direction / (n[1] - n[-1]) * (above + below)
    }

    /// The linear prediction; a weighted mean of the heights where their difference would overflow.
    private func line(_ marker: Int, _ direction: Int) -> Double {
        let neighbour = heights[marker + direction]
        let share = 1 / abs(positions[marker + direction] - positions[marker])
        let step = (neighbour - heights[marker]) * share
        return step.isFinite ? heights[marker] + step : heights[marker] * (1 - share) + neighbour * share
    }
}
