import Components
import Glibc
import Records
import State

/// A multilayer perceptron: dense layers of rectified or tanh units over standardized numbers and learned embeddings of
/// categories (Guo and Berkhahn, Entity Embeddings of Categorical Variables, 2016), trained by back-propagation with Adam,
/// with dropout where asked for (Srivastava et al., JMLR 15, 2014).
///
/// Loss: cross-entropy for classes; for numbers half the squared error of the target scaled by its running mean and
/// deviation. Each record is a step, or with `--batch-mode mean` each mini-batch with its mean gradient; matrix products
/// are OpenBLAS's.
public final class Perceptron: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "perceptron",
            "multilayer perceptron: ReLU or tanh layers, embeddings of categories, Adam; --batch-mode mean is fastest",
            fields: PerceptronSettings.fields),
        tasks: [.binary, .multiclass, .regression], input: .attributes(isScaled: true)
    ) { fields, context throws(SettingError) in
        try Perceptron(
            PerceptronSettings(fields, isMean: context.batchMode == .mean), context,
            MatrixProduct.loaded(for: "perceptron"))
    }

    private let task: Task
    private let settings: PerceptronSettings
    private let isMean: Bool
    /// Attributes that are numbers, and those that are categories.
    private let numbers: [Int]
    private let categories: [Int]
    let network: PerceptronNetwork
    /// Steps taken, records learned.
    private let progress = StateArray<Int64>(count: 2)
    private let targets = RunningTarget()
    private var votes: [Double] = []

    /// Rows that are predicted at a time where nothing is learned.
    private static let chunk = 256
    /// Beyond, an input or a weight counts as this.
    private static let largestInput = 1e6
    private static let largestWeight: Float = 1e6

    init(
        _ settings: PerceptronSettings, _ context: LearnerContext, _ product: MatrixProduct
    ) throws(SettingError) {
        task = context.task
        self.settings = settings
        isMean = context.batchMode == .mean
        numbers = context.attributes.indices.filter { !context.attributes[$0].isNominal }
        categories = context.attributes.indices.filter { context.attributes[$0].isNominal }
        let rooms = categories.count * settings.embeddingRoom * settings.embedding
        let widths = [numbers.count + categories.count * settings.embedding] + settings.hidden
        let weights = zip(widths, widths.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
        guard rooms <= 1 << 26, weights <= 1 << 26 else {
            throw SettingError(
                "perceptron: too many weights; take fewer units, or a smaller embedding or embedding-room")
        }
        network = PerceptronNetwork(
            numbers: numbers.count, categories: categories.count, outputs: task == .multiclass ? 0 : 1,
            grows: task == .multiclass, settings, seed: context.seed, product)
        resize()
    }

    private func resize() { votes = Array(repeating: 0, count: max(classCount, 1)) }

    public var classCount: Int { task == .regression ? 0 : task == .binary ? 2 : network.outputs }

    public var state: [StateEntry] {
        network.state + [StateEntry("progress", progress)]
            + (task == .regression ? [StateEntry("target", targets.moments)] : [])
    }

    public func stateDidChange() {
        network.stateDidChange()
        resize()
    }

    public func grow(toClasses count: Int) {
        guard task == .multiclass, count > classCount else { return }
        network.grow(to: count)
        resize()
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        guard prepare(predictions) else { return }
        // In sequential mode row by row: what is predicted does not depend on which rows come together.
        let size = isMean ? Self.chunk : 1
        for start in stride(from: 0, to: features.rows, by: size) {
            predict(start..<min(start + size, features.rows), features, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        guard prepare(predictions) else { return }
        let size = isMean ? max(features.rows, 1) : 1
        for start in stride(from: 0, to: features.rows, by: size) {
            let range = start..<min(start + size, features.rows)
            predict(range, features, predictions)
            learn(range, features)
        }
    }

    /// False: there is no class yet.
    private func prepare(_ predictions: PredictionBatch) -> Bool {
        predictions.widen(to: task == .multiclass ? classCount : 1)
        guard network.outputs > 0 else {
            predictions.clear()
            return false
        }
        return true
    }

    // MARK: Predicting

    private func predict(_ range: Range<Int>, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        network.reserve(range.count)
        fill(range, features.attributes, features.attributeCount)
        network.forward(range.count)
        for row in range { write(row, network.output(row - range.lowerBound), features, predictions) }
    }

    private func fill(_ range: Range<Int>, _ attributes: UnsafePointer<Double>, _ stride: Int) {
        for row in range {
            let values = attributes + row * stride
            let inputs = network.input(row - range.lowerBound)
            for (place, index) in numbers.enumerated() {
                let value = values[index]
                inputs[place] = value.isNaN ? 0 : Float(max(-Self.largestInput, min(Self.largestInput, value)))
            }
            var place = inputs + numbers.count
            for (field, index) in categories.enumerated() {
                network.embeddings.read(field, values[index], into: place)
                place += settings.embedding
            }
        }
    }

    private func write(
        _ row: Int, _ outputs: UnsafePointer<Float>, _ features: FeatureBatch, _ predictions: PredictionBatch
    ) {
        if task == .regression { return writeNumber(row, Double(outputs[0]), features, predictions) }
        votes.withUnsafeMutableBufferPointer { votes in
            guard let votes = votes.baseAddress else { return }
            share(outputs, votes)
            ClassVotes.write(votes, classCount, row, task: task, features, predictions)
        }
    }

    private func writeNumber(
        _ row: Int, _ output: Double, _ features: FeatureBatch, _ predictions: PredictionBatch
    ) {
        let value = targets.unscale(output)
        predictions.outputs[row * predictions.stride] = value
        predictions.classes[row] = -1
        let error = features.targets[row].isNaN ? 0 : value - features.targets[row]
        predictions.losses[row] = min(error * error, .greatestFiniteMagnitude)
    }

    /// Probabilities of the classes.
    @inline(__always)
    private func share(_ outputs: UnsafePointer<Float>, _ votes: UnsafeMutablePointer<Double>) {
        guard task == .multiclass else {
            votes[1] = sigmoid(Double(outputs[0]), isRiver: false)
            votes[0] = 1 - votes[1]
            return
        }
        let count = classCount
        var top = outputs[0]
        for index in 1..<max(count, 1) { top = max(top, outputs[index]) }
        var sum = 0.0
        for index in 0..<count {
            votes[index] = exp(Double(outputs[index] - top))
            sum += votes[index]
        }
        for index in 0..<count { votes[index] /= sum }
    }

    // MARK: Learning

    private func learn(_ range: Range<Int>, _ features: FeatureBatch) {
        let learned = range.count { isLearned($0, features) }
        guard learned > 0 else { return }
        if features.learningAttributes != nil || network.dropsUnits {
            fill(range, features.learningAttributes ?? features.attributes, features.attributeCount)
            network.forward(range.count, dropping: network.dropsUnits)
        }
        if task == .regression {
            for row in range where isLearned(row, features) { targets.learn(features.targets[row]) }
        }
        for row in range { differentiate(row, row - range.lowerBound, features, of: learned) }
        let first = progress.base[1] >= settings.freezeAfter ? settings.frozenLayers : 0
        network.backward(range.count, from: first)
        if first == 0 { accumulate(range, features) }
        progress.base[0] += 1
        progress.base[1] += Int64(learned)
        network.take(AdamStep(settings, count: progress.base[0]), from: first)
    }

    private func isLearned(_ row: Int, _ features: FeatureBatch) -> Bool {
        task == .regression
            ? features.targets[row].isFinite && features.hasWeight(row)
            : features.learnedClass(row, of: classCount) != nil
    }

    /// The gradient of the mean loss by a row's outputs; 0 where it is not learned.
    private func differentiate(_ row: Int, _ place: Int, _ features: FeatureBatch, of learned: Int) {
        let delta = network.delta(place)
        guard isLearned(row, features) else { return delta.update(repeating: 0, count: network.outputs) }
        let outputs = network.output(place)
        let weight = min(features.weights[row], Self.largestWeight) / Float(learned)
        guard task != .regression else {
            delta[0] = weight * (outputs[0] - Float(targets.scale(features.targets[row])))
            return
        }
        let target = Int(features.classes[row])
        votes.withUnsafeMutableBufferPointer { votes in
            guard let votes = votes.baseAddress else { return }
            share(outputs, votes)
            if task == .binary {
                delta[0] = weight * Float(votes[1] - Double(target))
            } else {
                for index in 0..<network.outputs {
                    delta[index] = weight * Float(votes[index] - (index == target ? 1 : 0))
                }
            }
        }
    }

    private func accumulate(_ range: Range<Int>, _ features: FeatureBatch) {
        guard !categories.isEmpty else { return }
        let attributes = features.learningAttributes ?? features.attributes
        for row in range where isLearned(row, features) {
            let values = attributes + row * features.attributeCount
            for (field, index) in categories.enumerated() {
                network.embeddings.accumulate(
                    field, values[index], network.embeddingDelta(row - range.lowerBound, field))
            }
        }
    }
}
