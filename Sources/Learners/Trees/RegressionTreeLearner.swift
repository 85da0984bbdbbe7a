import Components
import Records
import State

/// The registered Hoeffding tree where the target is a number: one `RegressionTree`.
final class RegressionTreeLearner: Learner {
    private let tree: RegressionTree

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        var settings = RegressionTree.Settings(parameters)
        settings.leaf = RegressionTree.Settings.Leaf(rawValue: parameters["model"]) ?? .adaptive
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
            guard let target = features.learnedNumber(row) else { continue }
            tree.learn(learned + row * features.attributeCount, target, Double(features.weights[row]))
        }
    }

    private func predict(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        predictions.write(tree.predict(features.attributes + row * features.attributeCount), row, features)
    }
}

extension RegressionTree.Settings {
    /// From the fields of `TreeSettings`.
    init(_ parameters: Hyperparameters) {
        confidence = parameters.double("confidence")
        tieThreshold = parameters.double("tie-threshold")
        gracePeriod = parameters.double("grace-period")
        binaryOnly = parameters.boolean("binary-splits")
        maximumBytes = parameters.integer("max-mib") << 20
    }
}

extension PredictionBatch {
    /// Writes a row's number and its squared error.
    @inline(__always)
    func write(_ value: Double, _ row: Int, _ features: FeatureBatch) {
        outputs[row * stride] = value
        let error = value - ObserverLayout.bounded(features.targets[row])
        losses[row] = error.isNaN ? 0 : error * error
    }
}

extension FeatureBatch {
    /// The number of a row that is to be learned; nil: it has none, or no weight.
    @inline(__always)
    func learnedNumber(_ row: Int) -> Double? { !targets[row].isNaN && hasWeight(row) ? targets[row] : nil }
}
