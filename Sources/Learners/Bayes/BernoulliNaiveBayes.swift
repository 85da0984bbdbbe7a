import Components
import Glibc
import Records
import State

/// Bernoulli naive Bayes (Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 13.3): a feature is
/// present where its value is above `threshold`, and features that are absent speak, too:
///
///     log P(c | x) = log N_c / N + sum_{i in x} log p_ci + sum_{i not in x} log (1 - p_ci) + const
///     p_ci = (N_ci + alpha) / (N_c + 2 alpha)
///
/// over all features that any record had, with N_ci the records of class c in which i was present. As in River 1e-9 is added
/// to each probability. The second sum is kept for a record without features, by the different values of N_ci.
public final class BernoulliNaiveBayes: OnePassLearner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "bernoulli-naive-bayes", "naive Bayes over features that are present or absent: short texts, flags",
            fields: [
                HyperparameterField("alpha", .number(1e-9...1e9), default: "1", "additive smoothing"),
                HyperparameterField(
                    "threshold", .number(-1e9...1e9), default: "0", "a feature is present above this value"),
            ]),
        tasks: [.binary, .multiclass]
    ) { parameters, context throws(SettingError) in
        BernoulliNaiveBayes(
            alpha: parameters.double("alpha"), threshold: parameters.double("threshold"), context)
    }

    private let alpha: Double
    private let threshold: Double
    private let task: Task
    private let slotCount: Int
    /// N_ci at `c * slotCount + i`.
    private let counts: StateArray<Double>
    /// N_c.
    private let classWeights: StateArray<Double>
    /// 1 where any record had the feature, and how many there are.
    private let seen: StateArray<UInt8>
    private let distinct = StateArray<Int64>(count: 1)
    /// Derived, of each class: its features by count; the sum of log (1 - p) over all features, NaN = to be found.
    private var levels: [CountLevels] = []
    private var absent: [Double] = []
    private var scores: [Double] = []

    private static let floor = 1e-9
    /// Sums of weights stop here: more would lose what is added.
    private static let largest = 1e15

    private init(alpha: Double, threshold: Double, _ context: LearnerContext) {
        self.alpha = alpha
        self.threshold = threshold
        task = context.task
        slotCount = context.slotCount
        let classes = context.task == .binary ? 2 : 0
        counts = StateArray(count: slotCount * classes, marksChanges: true, grows: true)
        classWeights = StateArray(count: classes, grows: true)
        seen = StateArray(count: slotCount, marksChanges: true)
        stateDidChange()
    }

    public var classCount: Int { classWeights.count }

    public var state: [StateEntry] {
        [
            StateEntry("counts", counts), StateEntry("class-weights", classWeights), StateEntry("seen", seen),
            StateEntry("distinct", distinct),
        ]
    }

    public func stateDidChange() {
        levels = Array(repeating: CountLevels(), count: classCount)
        absent = Array(repeating: .nan, count: classCount)
        scores = Array(repeating: 0, count: classCount)
        if counts.count != slotCount * classCount { counts.resize(to: slotCount * classCount) }
        for index in 0..<classCount {
            let found = UnsafeBufferPointer(start: counts.base + index * slotCount, count: slotCount)
            levels[index] = CountLevels(found.filter { $0 > 0 })
        }
    }

    public func grow(toClasses count: Int) {
        guard count > classCount else { return }
        counts.resize(to: slotCount * count)
        classWeights.resize(to: count)
        levels += Array(repeating: CountLevels(), count: count - levels.count)
        absent = Array(repeating: .nan, count: count)
        scores = Array(repeating: 0, count: count)
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        for row in 0..<features.rows {
            score(row, features)
            scores.withUnsafeMutableBufferPointer { scores in
                guard let votes = scores.baseAddress else { return }
                Self.exponentiate(scores)
                ClassVotes.write(votes, scores.count, row, task: task, features, predictions)
            }
            if learning, let target = features.learnedClass(row, of: classCount) { learn(row, features, target) }
        }
    }

    private func score(_ row: Int, _ features: FeatureBatch) {
        for index in 0..<classCount {
            let weight = classWeights.base[index]
            guard weight > 0 else {
                scores[index] = -.infinity
                continue
            }
            if absent[index].isNaN { absent[index] = sumOfAbsent(index) }
            let found = counts.base + index * slotCount
            var score = log(weight) + absent[index]
            for at in features.offsets[row]..<features.offsets[row + 1] where Double(features.values[at]) > threshold {
                let slot = Int(features.indices[at])
                guard seen.base[slot] > 0 else { continue }
                let share = (found[slot] + alpha) / (weight + 2 * alpha)
                score += log(Self.floor + share) - log(Self.floor + max(0, 1 - share))
            }
            scores[index] = score
        }
    }

    private func sumOfAbsent(_ index: Int) -> Double {
        let total = classWeights.base[index] + 2 * alpha
        let levels = levels[index]
        var rest = Int(distinct.base[0])
        var sum = 0.0
        for (count, features) in zip(levels.counts, levels.features) {
            rest -= features
            sum += Double(features) * log(Self.floor + max(0, 1 - (count + alpha) / total))
        }
        return sum + Double(max(0, rest)) * log(Self.floor + max(0, 1 - alpha / total))
    }

    /// From logarithms to what is in proportion to probabilities.
    private static func exponentiate(_ scores: UnsafeMutableBufferPointer<Double>) {
        let top = scores.max() ?? 0
        for index in scores.indices { scores[index] = top > -.infinity ? exp(scores[index] - top) : 0 }
    }

    private func learn(_ row: Int, _ features: FeatureBatch, _ target: Int) {
        let weight = Double(features.weights[row])
        guard classWeights.base[target] < Self.largest, weight < Self.largest else { return }
        classWeights[target] += weight
        let values = features.learningValues ?? features.values
        for at in features.offsets[row]..<features.offsets[row + 1] {
            let slot = Int(features.indices[at])
            if seen.base[slot] == 0 {
                seen[slot] = 1
                distinct[0] += 1
                for index in absent.indices { absent[index] = .nan }
            }
            guard Double(values[at]) > threshold else { continue }
            let place = target * slotCount + slot
            let before = counts.base[place]
            // Features that share a slot are present once.
            let after = min(before + weight, classWeights.base[target])
            counts[place] = after
            levels[target].move(from: before, to: after)
        }
        absent[target] = .nan
    }
}
