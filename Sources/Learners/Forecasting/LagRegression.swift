import Glibc
import State

/// The linear regression inside `SNARIMAX`: from lags, errors and fields to the next (differenced) target. Inputs that are
/// not there are NaN and count as none.
protocol LagRegression: Stateful {
    func predict(_ inputs: UnsafePointer<Double>) -> Double
    func learn(_ inputs: UnsafePointer<Double>, _ target: Double)
}

/// Recursive least squares with forgetting (Haykin, Adaptive Filter Theory, ch. 9; Plackett 1950):
///
///     k = P x / (λ + xᵀ P x),  w += k (y - wᵀ x),  P = (P - k xᵀ P) / λ
///
/// An input's uncertainty begins at 10,000 over its first square, so that scales do not matter, and never grows beyond that:
/// what does not vary would else make P grow without end.
final class RecursiveLeastSquares: LagRegression {
    private let forgetting: Double
    private let weights: StateArray<Double>
    /// P, row after row; the constant comes last.
    private let uncertainty: StateArray<Double>
    /// Per input what its uncertainty began with; 0 = it was not met.
    private let prior: StateArray<Double>
    private let size: Int
    private var gain: [Double]

    init(inputs: Int, forgetting: Double) {
        size = inputs + 1
        self.forgetting = forgetting
        weights = StateArray(count: size)
        uncertainty = StateArray(count: size * size)
        prior = StateArray(count: size)
        gain = Array(repeating: 0, count: size)
    }

    var state: [StateEntry] {
        [StateEntry("weights", weights), StateEntry("uncertainty", uncertainty), StateEntry("prior", prior)]
    }

    @inline(__always)
    private func input(_ inputs: UnsafePointer<Double>, _ index: Int) -> Double {
        if index == size - 1 { return 1 }
        return inputs[index].isNaN ? 0 : inputs[index]
    }

    func predict(_ inputs: UnsafePointer<Double>) -> Double {
        (0..<size).reduce(0) { $0 + weights.base[$1] * input(inputs, $1) }
    }

    func learn(_ inputs: UnsafePointer<Double>, _ target: Double) {
        meet(inputs)
        let matrix = uncertainty.base
        var scale = forgetting
        for row in 0..<size {
            var sum = 0.0
            for column in 0..<size { sum += matrix[row * size + column] * input(inputs, column) }
            gain[row] = sum
            scale += sum * input(inputs, row)
        }
        let error = target - predict(inputs)
        guard scale.isFinite, scale > 0, error.isFinite else { return }
        guard gain.allSatisfy({ ($0 * ($0 / scale)).isFinite && ($0 * (error / scale)).isFinite }) else { return }
        for row in 0..<size { weights.base[row] += gain[row] * (error / scale) }
        var forgets = true
        for row in 0..<size {
            for column in 0..<size { matrix[row * size + column] -= gain[row] * (gain[column] / scale) }
            // Rounding may not make it negative.
            matrix[row * size + row] = max(matrix[row * size + row], 0)
            if matrix[row * size + row] / forgetting > prior.base[row] { forgets = false }
        }
        guard forgets else { return }
        for index in 0..<size * size { matrix[index] /= forgetting }
    }

    /// Gives inputs their first uncertainty.
    private func meet(_ inputs: UnsafePointer<Double>) {
        for index in 0..<size where prior.base[index] == 0 {
            let value = input(inputs, index)
            let begin = 1e4 / (value * value)
            guard value != 0, begin.isFinite, begin > 0 else { continue }
            prior.base[index] = begin
            uncertainty.base[index * size + index] = begin
        }
    }
}

/// River's default: inputs standardized by running mean and variance, and a step against the squared error's gradient at
/// rate .01.
final class StandardizedDescent: LagRegression {
    private static let rate = 0.01
    private let size: Int
    /// The constant comes last.
    private let weights: StateArray<Double>
    /// Per input: count, mean, variance.
    private let moments: StateArray<Double>

    init(inputs: Int) {
        size = inputs
        weights = StateArray(count: inputs + 1)
        moments = StateArray(count: max(inputs, 1), lanes: 3)
    }

    var state: [StateEntry] { [StateEntry("weights", weights), StateEntry("moments", moments)] }

    private func standardized(_ value: Double, _ index: Int) -> Double {
        let known = moments.base + 3 * index
        guard known[2] > 0, !value.isNaN else { return 0 }
        return (value - known[1]) / known[2].squareRoot()
    }

    func predict(_ inputs: UnsafePointer<Double>) -> Double {
        (0..<size).reduce(0) { $0 + weights.base[$1] * standardized(inputs[$1], $1) } + weights.base[size]
    }

    func learn(_ inputs: UnsafePointer<Double>, _ target: Double) {
        for index in 0..<size where inputs[index].isFinite {
            let known = moments.base + 3 * index
            let count = known[0] + 1
            let mean = known[1] + (inputs[index] - known[1]) / count
            let variance = known[2] + ((inputs[index] - known[1]) * (inputs[index] - mean) - known[2]) / count
            guard mean.isFinite, variance.isFinite else { continue }
            (known[0], known[1], known[2]) = (count, mean, variance)
        }
        let gradient = max(-1e12, min(1e12, 2 * (predict(inputs) - target)))
        guard gradient.isFinite else { return }
        for index in 0..<size {
            let moved = weights.base[index] - Self.rate * gradient * standardized(inputs[index], index)
            if moved.isFinite { weights.base[index] = moved }
        }
        weights.base[size] -= Self.rate * gradient
    }
}
