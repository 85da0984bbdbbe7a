import State

/// A dense layer: y = W [x, 1], W of `outputs` rows and `inputs` + 1 columns, the last one the biases.
///
/// Rows of its input and output end in a 1, which the next layer's biases are multiplied with.
final class DenseLayer {
    let inputs: Int
    private(set) var outputs: Int
    private let index: Int
    private let seed: UInt64
    /// Half the width of the uniform distribution that weights begin with.
    private let reach: Double
    private let product: MatrixProduct
    let weights: StateArray<Float>
    private let firsts: StateArray<Float>
    private let seconds: StateArray<Float>
    /// d loss / d W of the last `differentiate`.
    private(set) var gradients: [Float]

    /// - Parameters:
    ///   - index: its place in the network.
    ///   - isRectified: weights begin as He et al. (2015) for rectified units, else as Glorot and Bengio (2010).
    ///   - grows: outputs come later; weights begin as if there were none yet.
    init(
        inputs: Int, outputs: Int, index: Int, seed: UInt64, isRectified: Bool, grows: Bool, _ product: MatrixProduct
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.index = index
        self.seed = seed
        self.product = product
        reach = (6 / Double(isRectified ? inputs : inputs + outputs)).squareRoot()
        let count = outputs * (inputs + 1)
        weights = StateArray(count: count, grows: grows)
        firsts = StateArray(count: count, grows: grows)
        seconds = StateArray(count: count, grows: grows)
        gradients = Array(repeating: 0, count: count)
        for row in 0..<outputs { begin(row) }
    }

    /// A row's weights follow from the seed and its place, whenever it is added.
    private func begin(_ row: Int) {
        let generator = RandomGenerator(seed: seed &+ UInt64(index) << 32 &+ UInt64(row))
        let start = weights.base + row * (inputs + 1)
        for column in 0..<inputs { start[column] = Float((2 * generator.nextUniform() - 1) * reach) }
        start[inputs] = 0
    }

    var state: [StateEntry] {
        [
            StateEntry("weights", weights), StateEntry("first-moments", firsts),
            StateEntry("second-moments", seconds),
        ].prefixed("layer-\(index)")
    }

    func stateDidChange() {
        outputs = weights.count / (inputs + 1)
        gradients = Array(repeating: 0, count: weights.count)
        // A snapshot may bring sizes that do not agree.
        if firsts.count != weights.count { firsts.resize(to: weights.count) }
        if seconds.count != weights.count { seconds.resize(to: weights.count) }
    }

    func grow(to count: Int) {
        guard count > outputs else { return }
        let size = count * (inputs + 1)
        weights.resize(to: size)
        for row in outputs..<count { begin(row) }
        stateDidChange()
    }

    /// y = W [x, 1] for `rows` rows of `inputs` + 1 numbers, into rows of `outputs` + 1, whose last is left alone.
    func apply(_ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>) {
        product(
            .init(x, stride: inputs + 1), .init(weights.base, stride: inputs + 1, .transposed), rows: rows,
            columns: outputs, terms: inputs + 1, into: y, stride: outputs + 1)
    }

    /// The gradient of W from that of y, d W = (d y)ᵀ [x, 1].
    func differentiate(_ delta: UnsafePointer<Float>, _ x: UnsafePointer<Float>, rows: Int) {
        gradients.withUnsafeMutableBufferPointer { gradients in
            guard let start = gradients.baseAddress else { return }
            product(
                .init(delta, stride: outputs + 1, .transposed), .init(x, stride: inputs + 1), rows: outputs,
                columns: inputs + 1, terms: rows, into: start, stride: inputs + 1)
        }
    }

    /// The gradient of the inputs from `first` on, d x = d y W, into rows of `stride` numbers.
    func propagate(
        _ delta: UnsafePointer<Float>, rows: Int, from first: Int = 0, into back: UnsafeMutablePointer<Float>,
        stride: Int
    ) {
        product(
            .init(delta, stride: outputs + 1), .init(weights.base + first, stride: inputs + 1), rows: rows,
            columns: inputs - first, terms: outputs, into: back, stride: stride)
    }

    func take(_ step: AdamStep) {
        gradients.withUnsafeBufferPointer { gradients in
            guard let start = gradients.baseAddress else { return }
            step.take(weights.base, firsts.base, seconds.base, start, count: weights.count)
        }
    }
}
