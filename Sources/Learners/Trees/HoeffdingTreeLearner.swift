import Components
import Records
import State

/// The registered Hoeffding tree: one `HoeffdingTree` over the attributes of records.
public final class HoeffdingTreeLearner: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "hoeffding-tree",
            "a tree that grows as it is sure of its splits (VFDT, FIMT-DD), naive Bayes or linear models in its leaves",
            fields: TreeSettings.fields() + [
                HyperparameterField(
                    "model", .choice(RegressionTree.Settings.Leaf.allCases.map(\.rawValue)), default: "adaptive",
                    "of numbers: what leaves predict; adaptive = the mean or a linear model, whichever was nearer lately"
                )
            ]),
        tasks: [.binary, .multiclass, .regression], input: .attributes(isScaled: false),
        presets: ["moa": TreeSettings.moa]
    ) { parameters, context throws(SettingError) in
        if context.task == .regression { return RegressionTreeLearner(parameters, context) }
        return HoeffdingTreeLearner(TreeSettings(parameters), context)
    }

    private let task: Task
    private let tree: HoeffdingTree
    @exclusivity(unchecked) private var votes: [Double]

    init(_ settings: TreeSettings, _ context: LearnerContext) {
        task = context.task
        let classes = context.task == .binary ? 2 : 0
        tree = HoeffdingTree(settings, classes: classes, rooms: context.attributes.map(\.firstRoom))
        votes = Array(repeating: 0, count: classes)
    }

    public var classCount: Int { tree.store.classes }
    public var state: [StateEntry] { tree.state }

    public func stateDidChange() {
        tree.stateDidChange()
        if votes.count != classCount { votes = Array(repeating: 0, count: classCount) }
    }

    public func grow(toClasses count: Int) {
        tree.grow(toClasses: count)
        stateDidChange()
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions) { tree, row, values, votes in
            _ = tree.vote(tree.reach(values, from: tree.store.root), values, votes)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes
        pass(features, predictions) { tree, row, values, votes in
            let target = features.learnedClass(row, of: tree.store.classes)
            let weight = Double(features.weights[row])
            if let target, learned == nil {
                _ = tree.predictThenLearn(values, target, weight, votes)
                return
            }
            _ = tree.vote(tree.reach(values, from: tree.store.root), values, votes)
            if let target, let learned { tree.learn(learned + row * features.attributeCount, target, weight) }
        }
    }

    @inline(__always)
    private func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ step: (HoeffdingTree, _ row: Int, UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) -> Void
    ) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        votes.withUnsafeMutableBufferPointer { buffer in
            guard let votes = buffer.baseAddress else { return }
            for row in 0..<features.rows {
                step(tree, row, features.attributes + row * features.attributeCount, votes)
                ClassVotes.write(votes, tree.store.classes, row, task: task, features, predictions)
            }
        }
    }
}
