import Records
import State

/// How much of a record is learned: what rules for classes of unequal size say.
public protocol LearningWeight: Stateful {
    /// Makes room for more classes; what was counted stays.
    func grow(toClasses count: Int)

    /// Counts a record of a class, and says what its weight is multiplied by: 0 = it is not learned.
    ///
    /// - Parameter names: of the classes, in index order.
    func factor(of target: Int, names: [String]) -> Double
}

/// Lets a learner learn each record with its weight multiplied by what rules say. What it predicts, and what metrics
/// count, is left alone.
///
/// A factor k stands for k records: learners take a weight so. Factors depend on the targets before alone, not on the
/// learner, so a whole batch is passed on with other weights.
public final class ReweightedLearner: Learner {
    private let base: any Learner
    private let rules: [any LearningWeight]
    private let classNames: () -> [String]
    @exclusivity(unchecked) private var kept: [Float] = []

    /// - Parameters:
    ///   - rules: their factors are multiplied.
    ///   - classNames: the names in use, in index order.
    public init(_ base: any Learner, _ rules: [any LearningWeight], classNames: @escaping () -> [String]) {
        self.base = base
        self.rules = rules
        self.classNames = classNames
        for rule in rules { rule.grow(toClasses: base.classCount) }
    }

    public var state: [StateEntry] {
        base.state + rules.enumerated().flatMap { $1.state.prefixed("weighting-\($0)") }
    }

    public func stateDidChange() {
        base.stateDidChange()
        for rule in rules { rule.stateDidChange() }
    }

    public var classCount: Int { base.classCount }

    public func grow(toClasses count: Int) {
        base.grow(toClasses: count)
        for rule in rules { rule.grow(toClasses: base.classCount) }
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predict(features, into: predictions)
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let names = classNames()
        let known = classCount
        kept.removeAll(keepingCapacity: true)
        for row in 0..<features.rows {
            let weight = features.weights[row]
            kept.append(weight)
            guard let target = features.learnedClass(row, of: known) else { continue }
            var factor = 1.0
            for rule in rules { factor *= rule.factor(of: target, names: names) }
            features.weights[row] = Float(min(Double(weight) * factor, Double(Float.greatestFiniteMagnitude)))
        }
        base.predictThenLearn(features, into: predictions)
        for row in 0..<features.rows { features.weights[row] = kept[row] }
    }
}
