import Components
import Dispatch
import Records
import State

/// The adaptive random forest (Gomes et al., Adaptive random forests for evolving data stream classification, Machine
/// Learning 106, 2017): Hoeffding trees whose leaves look at random attributes, on Poisson(6) weights, each with ADWIN for
/// warnings and drifts and a background tree between them; votes weigh as much as the tree was right.
///
/// Members learn a mini-batch on all cores, each on its own; votes are added in their order. So the result depends on the
/// seed alone.
public final class AdaptiveRandomForest: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "adaptive-random-forest",
            "Hoeffding trees on random attributes and weights, replaced where they drift (ARF); on all cores",
            fields: [
                HyperparameterField("models", .integer(1...10_000), default: "10", "trees"),
                HyperparameterField(
                    "subspace", .number(0...1), default: "0.6", "share of the attributes that a leaf looks at"),
                HyperparameterField("lambda", .number(0.01...100), default: "6", "mean weight of a record"),
                HyperparameterField("warning-delta", .number(0...1), default: "0.01", "significance of a warning"),
                HyperparameterField("drift-delta", .number(0...1), default: "0.001", "significance of a drift"),
                HyperparameterField("drift-detection", .boolean, default: "true", "replace trees whose error rises"),
                HyperparameterField(
                    "background", .boolean, default: "true", "a tree learns in the background from a warning on"),
                HyperparameterField(
                    "weighted-vote", .boolean, default: "true", "trees weigh as much as they were right"),
                HyperparameterField(
                    "threads", .integer(0...1024), default: "0",
                    "0 = as many as there are cores; 1 = the learning thread alone; the result is the same"),
            ] + TreeSettings.fields(grace: "50", confidence: "0.01")),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false), presets: ["moa": TreeSettings.moa]
    ) { parameters, context throws(SettingError) in
        AdaptiveRandomForest(parameters, context)
    }

    private let task: Task
    private let members: [ForestMember]
    private let isParallel: Bool
    public private(set) var classCount: Int
    /// Votes by member, row and class.
    @exclusivity(unchecked) private var votes: [Double] = []
    @exclusivity(unchecked) private var sums: [Double] = []

    /// Records times trees below which threads cost more than they bring.
    private static let leastParallel = 64

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        task = context.task
        var settings = ForestMember.Settings()
        settings.tree = TreeSettings(parameters)
        let count = context.attributes.count
        settings.tree.subspace = max(1, min(count, Int((Double(count) * parameters.double("subspace")).rounded())))
        settings.warning.delta = max(parameters.double("warning-delta"), 1e-300)
        settings.drift.delta = max(parameters.double("drift-delta"), 1e-300)
        settings.weight = PoissonDraw(mean: parameters.double("lambda"))
        settings.watches = parameters.boolean("drift-detection")
        settings.growsBackground = parameters.boolean("background")
        settings.weighsVotes = parameters.boolean("weighted-vote")
        let classes = context.task == .binary ? 2 : 0
        let seeds = RandomGenerator(seed: context.seed)
        members = (0..<parameters.integer("models")).map { _ in
            ForestMember(settings, classes: classes, rooms: context.attributes.map(\.firstRoom), seed: seeds.next())
        }
        isParallel = parameters.integer("threads") != 1
        classCount = classes
    }

    public var state: [StateEntry] {
        members.enumerated().flatMap { index, member in member.state.prefixed("member-\(index)") }
    }

    public func stateDidChange() {
        for member in members { member.stateDidChange() }
        classCount = members.first?.classCount ?? 0
    }

    public func grow(toClasses count: Int) {
        for member in members { member.grow(toClasses: count) }
        classCount = max(classCount, count)
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, inParallel: false) { member, row, values, votes in member.vote(values, votes) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let isWorth = features.rows * members.count >= Self.leastParallel
        let learned = features.learningAttributes ?? features.attributes
        let classCount = classCount
        pass(features, predictions, inParallel: isParallel && isWorth) { member, row, values, votes in
            let target = Int(features.classes[row])
            let weight = Double(features.weights[row])
            guard target >= 0, target < classCount, weight > 0, weight.isFinite else {
                return member.vote(values, votes)
            }
            member.voteThenLearn(
                values, learning: learned + row * features.attributeCount, target, weight, votes)
        }
    }

    private func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch, inParallel: Bool,
        _ step: (ForestMember, _ row: Int, UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) -> Void
    ) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        let size = features.rows * classCount
        if votes.count < size * members.count { votes = Array(repeating: 0, count: size * members.count) }
        if sums.count < classCount { sums = Array(repeating: 0, count: classCount) }
        votes.withUnsafeMutableBufferPointer { buffer in
            guard let votes = buffer.baseAddress else { return }
            func work(_ index: Int) {
                for row in 0..<features.rows {
                    step(
                        members[index], row, features.attributes + row * features.attributeCount,
                        votes + index * size + row * classCount)
                }
            }
            if inParallel {
                ParallelPass.run(members.count, work)
            } else {
                for index in members.indices { work(index) }
            }
            for row in 0..<features.rows { combine(row, votes, size, features, predictions) }
        }
    }

    private func combine(
        _ row: Int, _ votes: UnsafePointer<Double>, _ size: Int, _ features: FeatureBatch,
        _ predictions: PredictionBatch
    ) {
        sums.withUnsafeMutableBufferPointer { buffer in
            guard let sums = buffer.baseAddress else { return }
            sums.update(repeating: 0, count: classCount)
            for member in members.indices {
                let own = votes + member * size + row * classCount
                for index in 0..<classCount { sums[index] += own[index] }
            }
            ClassVotes.write(sums, classCount, row, task: task, features, predictions)
        }
    }
}
