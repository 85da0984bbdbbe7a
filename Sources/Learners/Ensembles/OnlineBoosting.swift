import Components
import Glibc
import Records
import State

/// Online boosting (Oza and Russell, Online Bagging and Boosting, AISTATS 2001, algorithm 3; after AdaBoost.M1): Hoeffding
/// trees one behind the other. A record's weight for the next tree is
///
///     right: lambda · N / (2 · sc_m)    wrong: lambda · N / (2 · sw_m)
///
/// where sc and sw are the weights that the tree got right and wrong so far, N the weight of the stream, so that both kinds
/// count half each. A tree's vote weighs log((1 - e) / e), e = sw / (sc + sw); trees with e > 1/2 have none.
public final class OnlineBoosting: OnePassLearner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "online-boosting",
            "Hoeffding trees that each learn most from what the ones before got wrong (Oza and Russell)",
            fields: [
                HyperparameterField("models", .integer(1...10_000), default: "10", "trees"),
                HyperparameterField(
                    "resampling", .boolean, default: "true",
                    "records count as often as a Poisson distribution with their weight says, not by their weight"),
            ] + TreeSettings.fields()),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false), presets: ["moa": TreeSettings.moa]
    ) { parameters, context throws(SettingError) in OnlineBoosting(parameters, context) }

    /// Errors below count as this: a tree's vote stays finite.
    private static let leastError = 1e-4
    /// Weight of the stream; then by member, what it got right and wrong.
    private static let memberOffset = 1

    private let task: Task
    private let trees: [HoeffdingTree]
    private let weights: StateArray<Double>
    private let generator: RandomGenerator
    private let resamples: Bool
    @exclusivity(unchecked) private var votes: [Double] = []
    @exclusivity(unchecked) private var sums: [Double] = []

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        task = context.task
        resamples = parameters.boolean("resampling")
        generator = RandomGenerator(seed: context.seed)
        let classes = context.task == .binary ? 2 : 0
        trees = (0..<parameters.integer("models")).map { _ in
            HoeffdingTree(TreeSettings(parameters), classes: classes, rooms: context.attributes.map(\.firstRoom))
        }
        weights = StateArray(count: Self.memberOffset + 2 * trees.count)
        stateDidChange()
    }

    public var classCount: Int { trees[0].store.classes }

    public var state: [StateEntry] {
        [StateEntry("weights", weights)] + generator.state
            + trees.enumerated().flatMap { index, tree in tree.state.prefixed("tree-\(index)") }
    }

    public func stateDidChange() {
        for tree in trees { tree.stateDidChange() }
        votes = Array(repeating: 0, count: classCount)
        sums = votes
    }

    public func grow(toClasses count: Int) {
        for tree in trees { tree.grow(toClasses: count) }
        stateDidChange()
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        let learned = features.learningAttributes ?? features.attributes
        votes.withUnsafeMutableBufferPointer { votes in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let votes = votes.baseAddress, let sums = sums.baseAddress else { return }
                for row in 0..<features.rows {
                    let start = row * features.attributeCount
                    vote(features.attributes + start, votes, sums)
                    ClassVotes.write(sums, classCount, row, task: task, features, predictions)
                    guard learning, let target = features.learnedClass(row, of: classCount) else { continue }
                    learn(learned + start, target, Double(features.weights[row]), votes)
                }
            }
        }
    }

    /// What a member's vote weighs.
    private func importance(_ member: Int) -> Double {
        let right = weights.base[Self.memberOffset + 2 * member]
        let wrong = weights.base[Self.memberOffset + 2 * member + 1]
        guard right + wrong > 0 else { return 0 }
        let error = max(wrong / (right + wrong), Self.leastError)
        return error < 0.5 ? log((1 - error) / error) : 0
    }

    private func vote(
        _ row: UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>, _ sums: UnsafeMutablePointer<Double>
    ) {
        sums.update(repeating: 0, count: classCount)
        for (index, tree) in trees.enumerated() {
            let importance = importance(index)
            // Where none is better than chance the first one speaks.
            guard importance > 0 || index == 0 else { continue }
            _ = tree.vote(tree.reach(row, from: tree.store.root), row, votes)
            let sum = ClassVotes.sum(votes, classCount)
            guard sum > 0 else { continue }
            // So little that any other outweighs it.
            let scale = max(importance, 1e-9) / sum
            for index in 0..<classCount { sums[index] += votes[index] * scale }
        }
    }

    private func learn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ votes: UnsafeMutablePointer<Double>
    ) {
        weights[0] += weight
        let all = weights.base[0]
        var share = weight
        for (index, tree) in trees.enumerated() where share > 1e-300 {
            let draws = resamples ? PoissonDraw.draw(mean: share, generator) : share
            if draws > 0 { tree.learn(row, target, draws) }
            let best = tree.vote(tree.reach(row, from: tree.store.root), row, votes)
            let place = Self.memberOffset + 2 * index + (best == target ? 0 : 1)
            weights[place] += share
            // No share is more than half of all weight, as the member's own is in the sum.
            share *= all / (2 * weights.base[place])
        }
    }
}
