import CBytes
import Components
import State

/// Hyperparameters that factorization machines share.
struct FactorizationSettings {
    static func fields(factors: String) -> [HyperparameterField] {
        [
            HyperparameterField("factors", .integer(1...256), default: factors, "numbers of a latent vector"),
            HyperparameterField(
                "optimizer", .choice(["adagrad", "sgd"]), default: "adagrad",
                "how weights move: by rates that shrink with their gradients, or by one rate"),
            HyperparameterField("learning-rate", .number(0...1e3), default: "0.5", "of weights and vectors"),
            HyperparameterField("intercept-learning-rate", .number(0...1e3), default: "0.5", "of the constant term"),
            HyperparameterField("l2", .number(0...1e3), default: "0", "L2 regularization of weights"),
            HyperparameterField("l2-latent", .number(0...1e3), default: "0", "L2 regularization of latent vectors"),
            HyperparameterField("sigma", .number(0...10), default: "0.1", "deviation that latent vectors begin with"),
            HyperparameterField("normalize", .boolean, default: "true", "records are scaled to length 1"),
            HyperparameterField(
                "scale-target", .boolean, default: "true", "numbers are learned by their running mean and deviation"),
        ]
    }

    static let presets = [
        "river": [
            "optimizer": "sgd", "learning-rate": "0.01", "intercept-learning-rate": "0.01", "normalize": "false",
            "scale-target": "false", "factors": "10",
        ]
    ]

    /// Numbers of a latent vector; where they lie they take a multiple of four, the rest of which stays 0.
    let factors: Int
    let stride: Int
    let isAdaptive: Bool
    let learningRate: Double
    let interceptRate: Double
    let l2: Double
    let latentL2: Double
    let sigma: Double
    let normalizes: Bool
    let scalesTarget: Bool

    init(_ fields: Hyperparameters) {
        factors = fields.integer("factors")
        stride = (factors + 3) & ~3
        isAdaptive = fields["optimizer"] == "adagrad"
        learningRate = fields.double("learning-rate")
        interceptRate = fields.double("intercept-learning-rate")
        l2 = fields.double("l2")
        latentL2 = fields.double("l2-latent")
        sigma = fields.double("sigma")
        normalizes = fields.boolean("normalize")
        scalesTarget = fields.boolean("scale-target")
    }
}

/// One number that is learned, by the gradient's one rate or AdaGrad's (Duchi, Hazan and Singer 2011), with sums of squares
/// that begin at 1 (Juan et al. 2016).
struct FactorStep {
    let rate: Double
    let isAdaptive: Bool

    /// Beyond, a number stays as it is.
    static let largest: Float = 1e6

    /// Takes one number, with its sum of squares, along its gradient.
    @inline(__always)
    func take(_ number: UnsafeMutablePointer<Float>, _ sum: UnsafeMutablePointer<Float>, _ gradient: Double) {
        var step = rate * gradient
        if isAdaptive {
            let squares = Double(sum.pointee) + gradient * gradient
            sum.pointee = squares < 1e35 ? Float(squares) : 1e35
            step /= (1 + squares).squareRoot()
        }
        let moved = Double(number.pointee) - step
        // No comparison holds for what is no number: the number stays.
        if moved > -Double(Self.largest), moved < Double(Self.largest) { number.pointee = Float(moved) }
    }

    /// Takes four numbers at once.
    @inline(__always)
    func take(_ numbers: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Float>, _ gradients: SIMD4<Float>) {
        vector_adagrad4(numbers, sums, gradients, Float(rate), isAdaptive ? 1 : 0, Self.largest)
    }
}

/// Slots of a table, each with a mark that it was learned, and which pages of it change.
struct FactorSlots {
    let table: StateArray<Float>
    let lanes: Int
    private let pages: UnsafeMutablePointer<UInt8>

    init(_ table: StateArray<Float>) {
        self.table = table
        lanes = table.lanes
        pages = table.changedPages
    }

    @inline(__always)
    subscript(slot: Int) -> UnsafeMutablePointer<Float> { table.base + slot * lanes }

    @inline(__always)
    func mark(_ slot: Int) {
        let first = slot * lanes * MemoryLayout<Float>.stride
        let last = first + lanes * MemoryLayout<Float>.stride - 1
        for page in first / AnyStateArray.pageSize...last / AnyStateArray.pageSize { pages[page] = 1 }
    }
}
