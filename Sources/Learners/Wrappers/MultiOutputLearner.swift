import Records
import State

/// How several targets are learned.
public enum MultiOutputMethod: String, Sendable, CaseIterable {
    /// One learner an output, which knows of no other.
    case independent
    /// One learner an output, which sees the predictions of those before it.
    case chain
}

/// Learns several targets of the same records, all numbers or all of two classes, with one learner each, whatever it is.
///
/// Predictions have `width` numbers an output, in their order: the value with its lower and upper end (0 where there are no
/// intervals), or the second class's probability, the predicted class, and 0. Class and loss are the first output's, and the
/// mean loss of those whose targets are known. A target that is unknown is not learned by its learner; the others are.
public final class MultiOutputLearner: Learner {
    /// Numbers an output.
    public static let width = 3

    private let learners: [any Learner]
    private let isRegression: Bool
    /// Nil: outputs do not see each other.
    private let chain: OutputChain?
    private let slotCount: Int
    private var inner = PredictionBatch(capacity: 1)
    @exclusivity(unchecked) private var firstTargets: [Double] = []
    @exclusivity(unchecked) private var firstClasses: [Int32] = []

    /// - Parameters:
    ///   - context: what a single learner would be made for.
    ///   - outputs: names of the targets, at least two.
    ///   - make: makes the learner of one output.
    public init<Failure: Error>(
        _ method: MultiOutputMethod, _ context: LearnerContext, outputs: [String],
        make: (_ output: Int, LearnerContext) throws(Failure) -> any Learner
    ) throws(Failure) {
        isRegression = context.task == .regression
        slotCount = context.slotCount
        chain =
            method == .chain
            ? OutputChain(
                outputs: outputs.count, isRegression: isRegression, batchMode: context.batchMode) : nil
        var learners: [any Learner] = []
        for output in outputs.indices {
            let earlier = method == .chain ? outputs.prefix(output) : []
            // Learners of attributes have no slots; those of features no attributes.
            let seen = LearnerContext(
                task: context.task, slotCount: context.slotCount + earlier.count, seed: context.seed,
                batchMode: context.batchMode, isFeatureNative: context.isFeatureNative,
                attributes: context.attributes.isEmpty
                    ? [] : context.attributes + earlier.map { Attribute($0, .numeric) })
            learners.append(try make(output, seen))
        }
        self.learners = learners
    }

    public var state: [StateEntry] {
        learners.enumerated().flatMap { $1.state.prefixed("output-\($0)") }
            + (chain?.state.prefixed("chain") ?? [])
    }

    public func stateDidChange() { for learner in learners { learner.stateDidChange() } }

    public var classCount: Int { learners.first?.classCount ?? 0 }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        eachOutput(features, predictions, learns: false) { $0.predict($1, into: $2) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        eachOutput(features, predictions, learns: true) { $0.predictThenLearn($1, into: $2) }
    }

    private func eachOutput(
        _ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool,
        _ work: (any Learner, FeatureBatch, PredictionBatch) -> Void
    ) {
        let rows = features.rows
        if inner.capacity < rows { inner = PredictionBatch(capacity: features.capacity) }
        predictions.widen(to: learners.count * Self.width)
        keepFirst(features)
        for row in 0..<rows { predictions.losses[row] = 0 }
        for (output, learner) in learners.enumerated() {
            show(output, features)
            let seen = chain?.rows(for: output, features, slots: slotCount) ?? features
            inner.rows = rows
            work(learner, seen, inner)
            chain?.note(output, features, inner, learns: learns)
            write(output, features, predictions)
        }
        show(0, features)
        for row in 0..<rows {
            let known =
                1
                + (0..<features.furtherTargetCount).reduce(isKnown(row, features) ? 0 : -1) {
                    $0 + (features.furtherTargets[row * features.furtherTargetCount + $1].isNaN ? 0 : 1)
                }
            if known > 0 { predictions.losses[row] /= Double(known) }
        }
    }

    private func isKnown(_ row: Int, _ features: FeatureBatch) -> Bool {
        isRegression ? !features.targets[row].isNaN : features.classes[row] >= 0
    }

    private func keepFirst(_ features: FeatureBatch) {
        firstTargets.removeAll(keepingCapacity: true)
        firstTargets.append(
            contentsOf: UnsafeBufferPointer(start: features.targets, count: features.rows))
        firstClasses.removeAll(keepingCapacity: true)
        firstClasses.append(
            contentsOf: UnsafeBufferPointer(start: features.classes, count: features.rows))
    }

    /// Puts an output's targets where learners look for them.
    private func show(_ output: Int, _ features: FeatureBatch) {
        for row in 0..<features.rows {
            guard output > 0, output <= features.furtherTargetCount else {
                features.targets[row] = output == 0 ? firstTargets[row] : .nan
                features.classes[row] = output == 0 ? firstClasses[row] : -1
                continue
            }
            let target = features.furtherTargets[row * features.furtherTargetCount + output - 1]
            features.targets[row] = isRegression ? target : .nan
            features.classes[row] = isRegression || target.isNaN ? -1 : Int32(target)
        }
    }

    private func write(_ output: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        for row in 0..<features.rows {
            let from = inner.outputs(of: row)
            let to = predictions.outputs(of: row) + output * Self.width
            to[0] = from[0]
            to[1] = isRegression ? (inner.width > 1 ? from[1] : 0) : Double(inner.classes[row])
            to[2] = isRegression && inner.width > 2 ? from[2] : 0
            if output == 0 { predictions.classes[row] = inner.classes[row] }
            if isKnown(row, features) { predictions.losses[row] += inner.losses[row] }
        }
    }
}
