import Components
import Glibc
import State

/// The layers of a multilayer perceptron, and the pass through them and back (Rumelhart, Hinton and Williams, Learning
/// representations by back-propagating errors, Nature 323, 1986). Works in Float; rows of a batch are rows of matrices.
final class PerceptronNetwork {
    let numbers: Int
    let embeddings: Embeddings
    let layers: [DenseLayer]
    private let isRectified: Bool
    /// Share of the hidden units that take part in learning.
    private let keep: Float
    private let threshold: UInt64
    private let generator: RandomGenerator
    /// What goes into each layer, and behind the last one the outputs; rows end in a 1.
    private var flows: [RowBlock] = []
    /// Gradients of each layer's outputs; of the embeddings.
    private var deltas: [RowBlock] = []
    private var embedded = RowBlock(rows: 0, width: 0)
    /// What the outputs of each hidden layer were multiplied with.
    private var masks: [RowBlock] = []
    private var capacity = 0

    /// Beyond, a hidden unit stays at this.
    private static let largest: Float = 1e6

    init(
        numbers: Int, categories: Int, outputs: Int, grows: Bool, _ settings: PerceptronSettings, seed: UInt64,
        _ product: MatrixProduct
    ) {
        self.numbers = numbers
        embeddings = Embeddings(fields: categories, width: settings.embedding, room: settings.embeddingRoom)
        isRectified = settings.isRectified
        keep = Float(1 - settings.dropout)
        threshold = UInt64(settings.dropout * 65_536)
        generator = RandomGenerator(seed: seed ^ 0xd20f)
        var layers: [DenseLayer] = []
        var inputs = numbers + categories * settings.embedding
        for (index, units) in (settings.hidden + [outputs]).enumerated() {
            let isLast = index == settings.hidden.count
            layers.append(
                DenseLayer(
                    inputs: inputs, outputs: units, index: index, seed: seed,
                    isRectified: isRectified && !isLast, grows: isLast && grows, product))
            inputs = units
        }
        self.layers = layers
    }

    var state: [StateEntry] {
        layers.flatMap(\.state) + embeddings.state + (threshold > 0 ? generator.state : [])
    }

    var dropsUnits: Bool { threshold > 0 }
    private var last: Int { layers.count - 1 }
    var outputs: Int { layers[last].outputs }

    func grow(to count: Int) {
        layers[last].grow(to: count)
        capacity = 0
    }

    func stateDidChange() {
        let before = outputs
        for layer in layers { layer.stateDidChange() }
        if outputs != before { capacity = 0 }
    }

    /// Makes room for rows. What is in the buffers is lost where they grow.
    func reserve(_ rows: Int) {
        guard rows > capacity else { return }
        let widths = [layers[0].inputs] + layers.map(\.outputs)
        flows = widths.map { RowBlock(rows: rows, width: $0 + 1) }
        deltas = widths.dropFirst().map { RowBlock(rows: rows, width: $0 + 1) }
        masks = dropsUnits ? widths.dropFirst().dropLast().map { RowBlock(rows: rows, width: $0 + 1) } : []
        embedded = RowBlock(rows: rows, width: embeddings.fields * embeddings.width)
        capacity = rows
    }

    /// Where a row's inputs go: numbers, then embeddings.
    func input(_ row: Int) -> UnsafeMutablePointer<Float> { flows[0].row(row) }

    /// Outputs before any link, and the place for their gradients.
    func output(_ row: Int) -> UnsafeMutablePointer<Float> { flows[last + 1].row(row) }
    func delta(_ row: Int) -> UnsafeMutablePointer<Float> { deltas[last].row(row) }

    // MARK: Forward

    func forward(_ rows: Int, dropping: Bool = false) {
        if dropping { drawMasks(rows) }
        for (index, layer) in layers.enumerated() {
            layer.apply(flows[index].start, rows: rows, into: flows[index + 1].start)
            guard index < last else { return }
            for row in 0..<rows { activate(flows[index + 1].row(row), layer.outputs) }
            if dropping { multiply(flows[index + 1], masks[index], rows, layer.outputs) }
        }
    }

    private func activate(_ units: UnsafeMutablePointer<Float>, _ count: Int) {
        if isRectified {
            for index in 0..<count { units[index] = max(0, min(Self.largest, units[index])) }
        } else {
            for index in 0..<count { units[index] = Self.tangent(units[index]) }
        }
    }

    /// tanh to a few units in the last place: a rational function that vector registers take (Eigen's ptanh).
    @inline(__always)
    static func tangent(_ value: Float) -> Float {
        let x = max(-7.905_311, min(7.905_311, value))
        let square = x * x
        var top: Float = -2.760_768_5e-16
        for term: Float in [
            2.000_188e-13, -8.604_672e-11, 5.122_297e-08, 1.485_722_4e-05, 6.372_619_3e-04, 4.893_524_6e-03,
        ] { top = top * square + term }
        var bottom: Float = 1.198_258_4e-06
        for term: Float in [1.185_347_1e-04, 2.268_434_6e-03, 4.893_525e-03] { bottom = bottom * square + term }
        return x * top / bottom
    }

    /// Which units take part, row after row, sixteen bits each.
    private func drawMasks(_ rows: Int) {
        for row in 0..<rows {
            var bits: UInt64 = 0
            var left = 0
            for (index, mask) in masks.enumerated() {
                let units = mask.row(row)
                for unit in 0..<layers[index].outputs {
                    if left == 0 {
                        bits = generator.next()
                        left = 4
                    }
                    units[unit] = bits & 0xffff < threshold ? 0 : 1 / keep
                    bits >>= 16
                    left -= 1
                }
            }
        }
    }

    private func multiply(_ block: RowBlock, _ factors: RowBlock, _ rows: Int, _ count: Int) {
        for row in 0..<rows {
            let (values, factors) = (block.row(row), factors.row(row))
            for index in 0..<count { values[index] *= factors[index] }
        }
    }

    // MARK: Back

    /// Leaves the gradients of all layers from `first` on in them; those of the embeddings are `accumulate`'s.
    func backward(_ rows: Int, from first: Int) {
        for index in stride(from: last, through: first, by: -1) {
            let layer = layers[index]
            layer.differentiate(deltas[index].start, flows[index].start, rows: rows)
            guard index > first else { break }
            layer.propagate(
                deltas[index].start, rows: rows, into: deltas[index - 1].start, stride: deltas[index - 1].width)
            for row in 0..<rows { deactivate(index - 1, row) }
        }
        guard first == 0, embeddings.fields > 0 else { return }
        layers[0].propagate(
            deltas[0].start, rows: rows, from: numbers, into: embedded.start, stride: embedded.width)
    }

    /// Gradients of a hidden layer's sums from those of its outputs.
    private func deactivate(_ index: Int, _ row: Int) {
        let (delta, units) = (deltas[index].row(row), flows[index + 1].row(row))
        let count = layers[index].outputs
        if isRectified {
            for unit in 0..<count { delta[unit] *= units[unit] > 0 ? 1 : 0 }
        } else {
            let scale = dropsUnits ? keep : 1
            for unit in 0..<count {
                let value = units[unit] * scale
                delta[unit] *= 1 - value * value
            }
        }
        guard dropsUnits else { return }
        let factors = masks[index].row(row)
        for unit in 0..<count { delta[unit] *= factors[unit] }
    }

    /// The gradient of a row's embedding of a field.
    func embeddingDelta(_ row: Int, _ field: Int) -> UnsafePointer<Float> {
        UnsafePointer(embedded.row(row) + field * embeddings.width)
    }

    func take(_ step: AdamStep, from first: Int) {
        for layer in layers[first...] { layer.take(step) }
        if first == 0 { embeddings.take(step) }
    }
}

/// Rows of floats, one after the other. Each ends in a 1 until something else is written there.
final class RowBlock {
    let width: Int
    let start: UnsafeMutablePointer<Float>

    init(rows: Int, width: Int) {
        self.width = width
        start = .allocate(capacity: max(rows * width, 1))
        start.initialize(repeating: 0, count: max(rows * width, 1))
        for row in 0..<(width > 0 ? rows : 0) { start[(row + 1) * width - 1] = 1 }
    }

    deinit { start.deallocate() }

    @inline(__always)
    func row(_ row: Int) -> UnsafeMutablePointer<Float> { start + row * width }
}
