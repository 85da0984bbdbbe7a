import Components
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
                    "draws", .choice(["own", "alike"]), default: "own",
                    "own = each tree draws its attributes from a sequence of its own; alike = from the same (MOA)"),
                HyperparameterField(
                    "threads", .integer(0...1024), default: "0",
                    "0 = as many as there are cores; 1 = the learning thread alone; the result is the same"),
            ] + TreeSettings.fields(grace: "50", confidence: "0.01")),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false),
        presets: ["moa": TreeSettings.moa.merging(["draws": "alike"]) { $1 }]
    ) { parameters, context throws(SettingError) in
        AdaptiveRandomForest(parameters, context)
    }

    private let members: [ForestMember]
    private let isParallel: Bool
    public private(set) var classCount: Int
    private let votes: MemberVotes

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        var settings = ForestMember.Settings()
        settings.tree = TreeSettings(parameters)
        let count = context.attributes.count
        settings.tree.subspace = max(1, min(count, Int((Double(count) * parameters.double("subspace")).rounded())))
        settings.warning.delta = max(parameters.double("warning-delta"), 1e-300)
        settings.drift.delta = max(parameters.double("drift-delta"), 1e-300)
        settings.weight = PoissonDraw(mean: parameters.double("lambda"))
        settings.watches = parameters.boolean("drift-detection")
        settings.growsBackground = parameters.boolean("background")
        settings.drawsAlike = parameters["draws"] == "alike"
        settings.weighsVotes = parameters.boolean("weighted-vote")
        let classes = context.task == .binary ? 2 : 0
        let seeds = RandomGenerator(seed: context.seed)
        members = (0..<parameters.integer("models")).map { _ in
            ForestMember(settings, classes: classes, rooms: context.attributes.map(\.firstRoom), seed: seeds.next())
        }
        votes = MemberVotes(members: members.count, task: context.task)
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
        let learned = features.learningAttributes ?? features.attributes
        let classCount = classCount
        pass(features, predictions, inParallel: isParallel) { member, row, values, votes in
            guard let target = features.learnedClass(row, of: classCount) else { return member.vote(values, votes) }
            member.voteThenLearn(
                values, learning: learned + row * features.attributeCount, target, Double(features.weights[row]), votes)
        }
    }

    private func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch, inParallel: Bool,
        _ step: (ForestMember, _ row: Int, UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) -> Void
    ) {
        let classCount = classCount
        votes.pass(features, predictions, classes: classCount) { votes, size in
            ParallelPass.run(members.count, rows: features.rows, isAllowed: inParallel) { index in
                for row in 0..<features.rows {
                    step(
                        members[index], row, features.attributes + row * features.attributeCount,
                        votes + index * size + row * classCount)
                }
            }
        }
    }
}
