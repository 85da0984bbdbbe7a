import Components
import Glibc
import Records
import State

/// Multinomial naive Bayes (Manning, Raghavan, Schütze, Introduction to Information Retrieval, ch. 13): counts how much
/// of each feature every class showed.
///
///     log P(c | x) = log N_c / N + sum_i x_i log (N_ci + alpha) / (N_c. + alpha V) + const
///
/// with N_ci the summed value of feature i in class c, N_c. its sum over features, V the distinct features seen.
/// The complement variant (Rennie et al., Tackling the Poor Assumptions of Naive Bayes Text Classifiers, ICML 2003) asks how
/// badly x fits all other classes, which suits classes of unequal size; as in River there is no prior:
///
///     score c = - sum_i x_i log ((N_i - N_ci + alpha) / (N - N_c. + alpha V))
///
/// Features below 0 are no counts and are passed over. The state is nothing but counts, so it does not depend on the
/// order of the records, and the states of two workers add up.
public final class MultinomialNaiveBayes: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "multinomial-naive-bayes",
            "naive Bayes over counts: words, categories, hashed features; order does not matter",
            fields: [HyperparameterField("alpha", .number(1e-9...1e9), default: "1", "additive smoothing")]),
        tasks: [.binary, .multiclass]
    ) { parameters, context throws(SettingError) in
        MultinomialNaiveBayes(
            alpha: parameters.double("alpha"), task: context.task, slotCount: context.slotCount, isComplement: false)
    }

    public static let complement = LearnerDescriptor(
        Descriptor(
            "complement-naive-bayes",
            "naive Bayes over counts by the other classes' counts: for texts with classes of unequal size",
            fields: [HyperparameterField("alpha", .number(1e-9...1e9), default: "1", "additive smoothing")]),
        tasks: [.binary, .multiclass]
    ) { parameters, context throws(SettingError) in
        MultinomialNaiveBayes(
            alpha: parameters.double("alpha"), task: context.task, slotCount: context.slotCount, isComplement: true)
    }

    private let isComplement: Bool
    private let alpha: Double
    private let task: Task
    private let slotCount: Int
    public private(set) var classCount: Int
    /// N_ci at `c * slotCount + i`.
    private let counts: StateArray<Double>
    /// N_c.
    private let classWeights: StateArray<Double>
    /// N_c.
    private let classTotals: StateArray<Double>
    /// 1 where any class has shown the feature, and how many there are.
    private let seen: StateArray<UInt8>
    private let distinct: StateArray<Int64>
    private var scores: [Double]

    init(alpha: Double, task: Task, slotCount: Int, isComplement: Bool) {
        self.isComplement = isComplement
        self.alpha = alpha
        self.task = task
        self.slotCount = slotCount
        classCount = task == .binary ? 2 : 0
        counts = StateArray(count: slotCount * classCount, marksChanges: true, grows: true)
        classWeights = StateArray(count: classCount, grows: true)
        classTotals = StateArray(count: classCount, grows: true)
        seen = StateArray(count: slotCount, marksChanges: true)
        distinct = StateArray(count: 1)
        scores = Array(repeating: 0, count: classCount)
    }

    public var state: [StateEntry] {
        [
            StateEntry("counts", counts), StateEntry("class-weights", classWeights),
            StateEntry("class-totals", classTotals), StateEntry("seen", seen), StateEntry("distinct", distinct),
        ]
    }

    public func stateDidChange() {
        classCount = classWeights.count
        scores = Array(repeating: 0, count: classCount)
    }

    public func grow(toClasses count: Int) {
        guard count > classCount else { return }
        counts.resize(to: slotCount * count)
        classWeights.resize(to: count)
        classTotals.resize(to: count)
        stateDidChange()
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        for row in 0..<features.rows { predict(row, features, predictions) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        for row in 0..<features.rows {
            predict(row, features, predictions)
            learn(row, features)
        }
    }

    private func predict(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let range = features.offsets[row]..<features.offsets[row + 1]
        let terms = alpha * Double(max(distinct[0], 1))
        if isComplement { scoreComplement(range, features, terms) } else { score(range, features, terms) }
        normalize()
        write(row, features, predictions)
    }

    private func score(_ range: Range<Int>, _ features: FeatureBatch, _ terms: Double) {
        for index in 0..<classCount {
            let weights = counts.base + index * slotCount
            let total = log(classTotals[index] + terms)
            var score = classWeights[index] > 0 ? log(classWeights[index]) : -Double.infinity
            for at in range where score > -Double.infinity {
                let value = Double(features.values[at])
                if value > 0 { score += value * (log(weights[Int(features.indices[at])] + alpha) - total) }
            }
            scores[index] = score
        }
    }

    private func scoreComplement(_ range: Range<Int>, _ features: FeatureBatch, _ terms: Double) {
        let all = classTotals.elements.reduce(0, +)
        for index in 0..<classCount { scores[index] = classWeights[index] > 0 ? 0 : -.infinity }
        for at in range where features.values[at] > 0 {
            let value = Double(features.values[at])
            let slot = Int(features.indices[at])
            var sum = 0.0
            for index in 0..<classCount { sum += counts.base[index * slotCount + slot] }
            for index in 0..<classCount where scores[index] > -.infinity {
                let others = max(sum - counts.base[index * slotCount + slot], 0) + alpha
                scores[index] -= value * (log(others) - log(max(all - classTotals[index], 0) + terms))
            }
        }
    }

    private func write(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let outputs = predictions.outputs + row * predictions.stride
        if task == .binary {
            outputs[0] = scores[1]
        } else {
            for index in 0..<classCount { outputs[index] = scores[index] }
        }
        var best = 0
        for index in 0..<classCount where scores[index] > scores[best] { best = index }
        predictions.classes[row] = Int32(best)
        let target = Int(features.classes[row])
        predictions.losses[row] = scores.indices.contains(target) ? -log(max(scores[target], 1e-15)) : 0
    }

    /// From log scores to probabilities; without any evidence all classes are alike.
    private func normalize() {
        guard let top = scores.max(), top > -Double.infinity, top.isFinite else {
            for index in scores.indices { scores[index] = 1 / Double(classCount) }
            return
        }
        var sum = 0.0
        for index in scores.indices {
            scores[index] = exp(scores[index] - top)
            sum += scores[index]
        }
        for index in scores.indices { scores[index] /= sum }
    }

    private func learn(_ row: Int, _ features: FeatureBatch) {
        guard let target = features.learnedClass(row, of: classCount) else { return }
        let weight = Double(features.weights[row])
        classWeights[target] += weight
        for at in features.offsets[row]..<features.offsets[row + 1] {
            let amount = Double((features.learningValues ?? features.values)[at]) * weight
            guard amount > 0 else { continue }
            let slot = Int(features.indices[at])
            counts[target * slotCount + slot] += amount
            classTotals[target] += amount
            if seen[slot] == 0 {
                seen[slot] = 1
                distinct[0] += 1
            }
        }
    }
}
