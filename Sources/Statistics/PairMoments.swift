import State

/// Moments of numbers up to the fourth, and their covariance with a second number, mergeable: blocks are summed about
/// their own means and joined by the formulas of Pébay (SAND2008-6212, equations 1.1, 2.1 and 3.1), so that no digits
/// cancel. `lanes` numbers of a state array, all 0 = nothing yet.
public struct PairMoments: Sendable {
    /// n, mean, sums of 2nd, 3rd and 4th powers of deviations; pairs: n, means of both, sums of xx, yy, xy products.
    public static let lanes = 11

    public var count = 0.0
    public var mean = 0.0
    public var m2 = 0.0
    public var m3 = 0.0
    public var m4 = 0.0
    /// Where the second number was known too.
    public var pairs = 0.0
    public var pairMeanX = 0.0
    public var pairMeanY = 0.0
    public var sumXX = 0.0
    public var sumYY = 0.0
    public var sumXY = 0.0

    public init() {}

    /// Of a block of numbers.
    /// - Parameter others: the second numbers, NaN = unknown; nil = none.
    public init(_ values: UnsafePointer<Double>, _ others: UnsafePointer<Double>?, _ size: Int) {
        guard size > 0 else { return }
        count = Double(size)
        // Shares of the values, so that their sum cannot overflow.
        let share = 1 / count
        for index in 0..<size { mean += values[index] * share }
        for index in 0..<size {
            let d = values[index] - mean
            let dd = d * d
            m2 += dd
            m3 += dd * d
            m4 += dd * dd
        }
        if let others { addPairs(values, others, size) }
    }

    private mutating func addPairs(_ values: UnsafePointer<Double>, _ others: UnsafePointer<Double>, _ size: Int) {
        var known = 0
        for index in 0..<size { known += others[index].isNaN ? 0 : 1 }
        guard known > 0 else { return }
        pairs = Double(known)
        let share = 1 / pairs
        for index in 0..<size where !others[index].isNaN {
            pairMeanX += values[index] * share
            pairMeanY += others[index] * share
        }
        for index in 0..<size where !others[index].isNaN {
            let dx = values[index] - pairMeanX
            let dy = others[index] - pairMeanY
            sumXX += dx * dx
            sumYY += dy * dy
            sumXY += dx * dy
        }
    }

    public mutating func merge(_ b: PairMoments) {
        mergeMoments(b)
        guard b.pairs > 0 else { return }
        let n = pairs + b.pairs
        let dx = b.pairMeanX - pairMeanX
        let dy = b.pairMeanY - pairMeanY
        let factor = pairs * b.pairs / n
        sumXX += b.sumXX + dx * dx * factor
        sumYY += b.sumYY + dy * dy * factor
        sumXY += b.sumXY + dx * dy * factor
        pairMeanX += dx * b.pairs / n
        pairMeanY += dy * b.pairs / n
        pairs = n
    }

    private mutating func mergeMoments(_ b: PairMoments) {
        guard b.count > 0 else { return }
        let n = count + b.count
        let d = b.mean - mean
        let ra = count / n
        let rb = b.count / n
        let dd = d * d
        let cross = dd * count * rb
        m4 +=
            b.m4 + cross * dd * (ra * ra - ra * rb + rb * rb) + 6 * dd * (ra * ra * b.m2 + rb * rb * m2)
            + 4 * d * (ra * b.m3 - rb * m3)
        m3 += b.m3 + cross * d * (ra - rb) + 3 * d * (ra * b.m2 - rb * m2)
        m2 += b.m2 + cross
        mean += d * rb
        count = n
    }

    // MARK: Asking; nil where it is not defined or not finite

    /// With n - 1 in the denominator.
    public var variance: Double? { count > 1 ? Self.finite(m2 / (count - 1)) : nil }
    public var standardDeviation: Double? { variance?.squareRoot() }
    /// m3 / m2^1.5 of the population, as scipy.stats.skew.
    public var skewness: Double? { m2 > 0 ? Self.finite(count.squareRoot() * m3 / (m2 * m2.squareRoot())) : nil }
    /// Excess over the normal's, of the population, as scipy.stats.kurtosis.
    public var kurtosis: Double? { m2 > 0 ? Self.finite(count * m4 / (m2 * m2) - 3) : nil }
    /// Pearson's, with the second number.
    public var correlation: Double? {
        guard pairs > 1, sumXX > 0, sumYY > 0 else { return nil }
        return Self.finite(sumXY / (sumXX.squareRoot() * sumYY.squareRoot())).map { min(max($0, -1), 1) }
    }

    private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

    // MARK: State

    public init(_ s: UnsafePointer<Double>) {
        (count, mean, m2, m3, m4) = (s[0], s[1], s[2], s[3], s[4])
        (pairs, pairMeanX, pairMeanY, sumXX, sumYY, sumXY) = (s[5], s[6], s[7], s[8], s[9], s[10])
    }

    public func store(_ s: UnsafeMutablePointer<Double>) {
        (s[0], s[1], s[2], s[3], s[4]) = (count, mean, m2, m3, m4)
        (s[5], s[6], s[7], s[8], s[9], s[10]) = (pairs, pairMeanX, pairMeanY, sumXX, sumYY, sumXY)
    }
}
