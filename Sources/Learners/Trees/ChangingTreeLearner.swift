import Records
import State

/// A Hoeffding tree that changes what it decided before.
protocol ChangingTree: Stateful {
    var tree: HoeffdingTree { get }
    /// Votes for a record, then learns it.
    func predictThenLearn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ votes: UnsafeMutablePointer<Double>)
    func learn(_ row: UnsafePointer<Double>, _ target: Int, _ weight: Double)
}

/// A learner of one changing tree over the attributes of records.
final class ChangingTreeLearner<Tree: ChangingTree>: OnePassLearner {
    private let task: Task
    private let changing: Tree
    @exclusivity(unchecked) private var votes: [Double]

    init(_ context: LearnerContext, _ make: (_ classes: Int, _ rooms: [Int64]) -> Tree) {
        task = context.task
        let classes = context.task == .binary ? 2 : 0
        changing = make(classes, context.attributes.map(\.firstRoom))
        votes = Array(repeating: 0, count: classes)
    }

    var classCount: Int { changing.tree.store.classes }
    var state: [StateEntry] { changing.state }

    func stateDidChange() {
        changing.stateDidChange()
        if votes.count != classCount { votes = Array(repeating: 0, count: classCount) }
    }

    func grow(toClasses count: Int) {
        changing.tree.grow(toClasses: count)
        stateDidChange()
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
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
        let tree = changing.tree
        if let target, features.learningAttributes == nil {
            changing.predictThenLearn(values, target, weight, votes)
            return
        }
        _ = tree.vote(tree.reach(values, from: tree.store.root), values, votes)
        if let target, let learned = features.learningAttributes {
            changing.learn(learned + row * features.attributeCount, target, weight)
        }
    }
}
