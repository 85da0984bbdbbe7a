import Glibc

/// Draws from a Poisson distribution by inversion (Knuth 3.4.1): online bagging's stand-in for drawing with replacement.
struct PoissonDraw {
    /// P(K <= k).
    private let cumulative: [Double]

    /// - Parameter mean: at most 100.
    init(mean: Double) {
        var term = exp(-mean)
        var sum = term
        var cumulative = [sum]
        var count = 1.0
        while sum < 1 - 1e-16, cumulative.count < 400 {
            term *= mean / count
            sum += term
            count += 1
            cumulative.append(sum)
        }
        self.cumulative = cumulative
    }

    /// - Parameter uniform: in [0, 1).
    func callAsFunction(_ uniform: Double) -> Int {
        var count = 0
        while count < cumulative.count - 1, uniform > cumulative[count] { count += 1 }
        return count
    }
}
