/// What a learner answered for a batch, made before it learned each record.
public final class PredictionBatch: @unchecked Sendable {
    public let capacity: Int
    @exclusivity(unchecked) public var rows = 0
    /// Numbers a row: 1 for regression (the value; with intervals 3, the value, the lower and the upper end) and binary
    /// (the positive class's probability), the number of classes for multiclass (their probabilities). With several
    /// targets 3 an output: value, lower and upper end, or the positive class's probability, the class, 0.
    @exclusivity(unchecked) public private(set) var width = 1
    /// Row r's outputs stand at `outputs + r * stride`.
    @exclusivity(unchecked) public private(set) var stride = 1
    @exclusivity(unchecked) public private(set) var outputs: UnsafeMutablePointer<Double>
    /// The learner's own loss of each prediction against its target; meaningless where the target is unknown.
    public let losses: UnsafeMutablePointer<Double>
    /// Classification: index of the predicted class.
    public let classes: UnsafeMutablePointer<Int32>

    /// Row r's outputs. Inlinable, so that other modules reach them without a dynamic exclusivity check a row.
    @inlinable public func outputs(of row: Int) -> UnsafeMutablePointer<Double> { outputs + row * stride }

    public init(capacity: Int) {
        self.capacity = capacity
        outputs = .allocate(capacity: capacity)
        losses = .allocate(capacity: capacity)
        classes = .allocate(capacity: capacity)
        losses.initialize(repeating: 0, count: capacity)
        classes.initialize(repeating: 0, count: capacity)
        outputs.initialize(repeating: 0, count: capacity)
    }

    deinit {
        outputs.deallocate()
        losses.deallocate()
        classes.deallocate()
    }

    /// Copies the first `count` rows of `source` to the rows from `row` on.
    public func copyRows(_ count: Int, of source: PredictionBatch, to row: Int) {
        widen(to: source.width)
        for index in 0..<count {
            let target = outputs + (row + index) * stride
            target.update(from: source.outputs + index * source.stride, count: source.width)
            for output in source.width..<max(width, source.width) { target[output] = 0 }
            losses[row + index] = source.losses[index]
            classes[row + index] = source.classes[index]
        }
    }

    /// No answer in any row: class -1, outputs 0.
    public func clear() {
        for row in 0..<capacity {
            for output in 0..<width { outputs[row * stride + output] = 0 }
            losses[row] = 0
            classes[row] = -1
        }
    }

    /// Widens every row to `newWidth` outputs, the new ones 0. Rows already written keep their values.
    public func widen(to newWidth: Int) {
        guard newWidth > width else { return }
        if newWidth > stride {
            let newStride = max(newWidth, stride * 2)
            let grown = UnsafeMutablePointer<Double>.allocate(capacity: capacity * newStride)
            grown.initialize(repeating: 0, count: capacity * newStride)
            for row in 0..<capacity {
                (grown + row * newStride).update(from: outputs + row * stride, count: width)
            }
            outputs.deallocate()
            outputs = grown
            stride = newStride
        }
        width = newWidth
    }
}
