import Components
import Drift
import Records
import State

/// The registered Hoeffding adaptive tree.
public final class HoeffdingAdaptiveTree: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "hoeffding-adaptive-tree", "a Hoeffding tree that replaces branches whose error rises (HAT-ADWIN)",
            fields: TreeSettings.fields() + [
                HyperparameterField("delta", .number(1e-12...1), default: "0.002", "significance of ADWIN"),
                HyperparameterField(
                    "drift-window", .integer(1...1_000_000), default: "300",
                    "errors that a branch and its alternative must have seen before they are compared"),
                HyperparameterField(
                    "switch-significance", .number(1e-12...1), default: "0.05", "significance of that comparison"),
                HyperparameterField(
                    "bootstrap", .boolean, default: "true", "leaves weigh each record by a draw from Poisson(1)"),
                HyperparameterField(
                    "replace-early", .boolean, default: "false",
                    "an alternative takes its place as soon as it splits, as in MOA's implementation"),
            ]),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false),
        presets: ["moa": TreeSettings.moa.merging(["replace-early": "true"]) { $1 }]
    ) { parameters, context throws(SettingError) in
        var settings = AdaptiveTree.Settings()
        settings.tree = TreeSettings(parameters)
        settings.window.delta = parameters.double("delta")
        settings.leastWidth = parameters.double("drift-window")
        settings.significance = parameters.double("switch-significance")
        settings.bootstraps = parameters.boolean("bootstrap")
        settings.replacesEarly = parameters.boolean("replace-early")
        return HoeffdingAdaptiveTree(settings, context)
    }

    private let task: Task
    private let adaptive: AdaptiveTree
    @exclusivity(unchecked) private var votes: [Double]

    init(_ settings: AdaptiveTree.Settings, _ context: LearnerContext) {
        task = context.task
        let classes = context.task == .binary ? 2 : 0
        adaptive = AdaptiveTree(settings, classes: classes, rooms: context.attributes.map(\.firstRoom))
        votes = Array(repeating: 0, count: classes)
    }

    public var classCount: Int { adaptive.tree.store.classes }
    public var state: [StateEntry] { adaptive.state }

    public func stateDidChange() {
        adaptive.stateDidChange()
        if votes.count != classCount { votes = Array(repeating: 0, count: classCount) }
    }

    public func grow(toClasses count: Int) {
        adaptive.tree.grow(toClasses: count)
        stateDidChange()
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, learning: false)
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, learning: true)
    }

    private func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        votes.withUnsafeMutableBufferPointer { buffer in
            guard let votes = buffer.baseAddress else { return }
            for row in 0..<features.rows {
                step(row, features, votes, learning)
                ClassVotes.write(votes, classCount, row, task: task, features, predictions)
            }
        }
    }

    @inline(__always)
    private func step(
        _ row: Int, _ features: FeatureBatch, _ votes: UnsafeMutablePointer<Double>, _ learning: Bool
    ) {
        let values = features.attributes + row * features.attributeCount
        let target = learning ? features.learnedClass(row, of: classCount) : nil
        let weight = Double(features.weights[row])
        let tree = adaptive.tree
        if let target, features.learningAttributes == nil {
            adaptive.predictThenLearn(values, target, weight, votes)
            return
        }
        _ = tree.vote(tree.reach(values, from: tree.store.root), values, votes)
        if let target, let learned = features.learningAttributes {
            adaptive.learn(learned + row * features.attributeCount, target, weight)
        }
    }
}
