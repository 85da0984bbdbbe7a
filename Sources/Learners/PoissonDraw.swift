import Glibc
import State

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

    /// For a mean that is another each time: by inversion, from 30 on rounded from the normal distribution of the same
    /// mean and variance.
    static func draw(mean: Double, _ generator: RandomGenerator) -> Double {
        let uniform = generator.nextUniform()
        guard mean < 30 else {
            let angle = 2 * Double.pi * generator.nextUniform()
            let normal = (-2 * log(1 - uniform)).squareRoot() * cos(angle)
            return max(0, (mean + mean.squareRoot() * normal).rounded())
        }
        var term = exp(-mean)
        var sum = term
        var count = 0.0
        while uniform > sum, count < 200 {
            count += 1
            term *= mean / count
            sum += term
        }
        return count
    }
}
