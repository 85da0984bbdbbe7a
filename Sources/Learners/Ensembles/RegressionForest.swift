import Components
import Records
import State

/// The adaptive random forest for numbers (Gomes et al., Adaptive random forests for data stream regression, ESANN 2018):
/// regression trees whose leaves split at random attributes, on Poisson(6) weights, replaced where their errors rise. Its
/// prediction is the mean of theirs, so it lies within the targets seen.
final class RegressionForest: Learner {
    private let members: [RegressionForestMember]
    private let isParallel: Bool
    let state: [StateEntry]
    @exclusivity(unchecked) private var values: [Double] = []

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        var settings = RegressionForestMember.Settings()
        settings.tree = RegressionTree.Settings(parameters)
        settings.tree.leaf = RegressionTree.Settings.Leaf(rawValue: parameters["model"]) ?? .adaptive
        let count = context.attributes.count
        settings.tree.subspace = max(1, min(count, Int((Double(count) * parameters.double("subspace")).rounded())))
        settings.warning.delta = max(parameters.double("warning-delta"), 1e-300)
        settings.drift.delta = max(parameters.double("drift-delta"), 1e-300)
        settings.weight = PoissonDraw(mean: parameters.double("lambda"))
        settings.watches = parameters.boolean("drift-detection")
        settings.growsBackground = parameters.boolean("background")
        let seeds = RandomGenerator(seed: context.seed)
        members = (0..<parameters.integer("models")).map { _ in
            RegressionForestMember(settings, rooms: context.attributes.map(\.firstRoom), seed: seeds.next())
        }
        state = members.enumerated().flatMap { index, member in member.state.prefixed("member-\(index)") }
        isParallel = parameters.integer("threads") != 1
    }

    var classCount: Int { 0 }

    func stateDidChange() {
        for member in members { member.stateDidChange() }
    }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, inParallel: false) { member, row in
            member.predict(features.attributes + row * features.attributeCount)
        }
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        pass(features, predictions, inParallel: isParallel) { member, row in
            let start = row * features.attributeCount
            guard let target = features.learnedNumber(row) else { return member.predict(features.attributes + start) }
            return member.predictThenLearn(
                features.attributes + start, learning: learned + start, target, Double(features.weights[row]))
        }
    }

    /// Members go through the batch on their own; their numbers are added in their order.
    private func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch, inParallel: Bool,
        _ step: (RegressionForestMember, _ row: Int) -> Double
    ) {
        let rows = features.rows
        if values.count < rows * members.count { values = Array(repeating: 0, count: rows * members.count) }
        values.withUnsafeMutableBufferPointer { values in
            guard let values = values.baseAddress else { return }
            ParallelPass.run(members.count, rows: rows, isAllowed: inParallel) { index in
                for row in 0..<rows { values[index * rows + row] = step(members[index], row) }
            }
            for row in 0..<rows {
                var sum = 0.0
                for index in members.indices { sum += values[index * rows + row] }
                predictions.write(sum / Double(members.count), row, features)
            }
        }
    }
}
