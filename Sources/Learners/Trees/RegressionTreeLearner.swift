import Components
import Records
import State

/// The registered Hoeffding tree where the target is a number: one `RegressionTree`.
final class RegressionTreeLearner: Learner {
    private let tree: RegressionTree

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        var settings = RegressionTree.Settings()
        settings.leaf = RegressionTree.Settings.Leaf(rawValue: parameters["model"]) ?? .adaptive
        settings.confidence = parameters.double("confidence")
        settings.tieThreshold = parameters.double("tie-threshold")
        settings.gracePeriod = parameters.double("grace-period")
        settings.binaryOnly = parameters.boolean("binary-splits")
        settings.maximumBytes = parameters.integer("max-mib") << 20
        tree = RegressionTree(settings, rooms: context.attributes.map(\.firstRoom))
    }

    var classCount: Int { 0 }
    var state: [StateEntry] { tree.state }

    func stateDidChange() { tree.stateDidChange() }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows { predict(row, features, predictions) }
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            predict(row, features, predictions)
            guard !features.targets[row].isNaN, features.hasWeight(row) else { continue }
            tree.learn(
                learned + row * features.attributeCount, features.targets[row], Double(features.weights[row]))
        }
    }

    private func predict(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let value = tree.predict(features.attributes + row * features.attributeCount)
        predictions.outputs[row * predictions.stride] = value
        let error = value - ObserverLayout.bounded(features.targets[row])
        predictions.losses[row] = error.isNaN ? 0 : error * error
    }
}
