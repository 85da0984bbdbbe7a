/// Differences of a series: (1 - B)^d (1 - B^m)^D with B y_t = y_{t-1} (Box and Jenkins 1970).
struct Differencing {
    /// Earlier values and what they are multiplied with: y_t + Σ factor y_{t-lag}.
    let terms: [(lag: Int, factor: Double)]

    /// Earlier values that are needed.
    let depth: Int

    init(order: Int, seasonalOrder: Int, periods: Int) {
        depth = order + seasonalOrder * periods
        var factors = [Double](repeating: 0, count: depth + 1)
        factors[0] = 1
        for step in Array(repeating: 1, count: order) + Array(repeating: periods, count: seasonalOrder) {
            for lag in stride(from: depth, through: step, by: -1) { factors[lag] -= factors[lag - step] }
        }
        terms = factors.enumerated().dropFirst().filter { $1 != 0 }.map { (lag: $0, factor: $1) }
    }

    /// - Parameter past: `depth` earlier values, the latest first.
    func difference(_ value: Double, _ past: UnsafePointer<Double>) -> Double {
        terms.reduce(value) { $0 + $1.factor * past[$1.lag - 1] }
    }

    func undo(_ value: Double, _ past: UnsafePointer<Double>) -> Double {
        terms.reduce(value) { $0 - $1.factor * past[$1.lag - 1] }
    }
}
