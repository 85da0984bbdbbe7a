import Glibc
import Records
import State

/// What becomes of the one score of a factorization: the probability of a class by the logistic loss, or a number by the
/// squared one, on the scale of the running target.
struct ScoreTarget {
    let task: Task
    /// Numbers are learned as they are, without scale.
    let isRaw: Bool
    private let running = RunningTarget()
    private let logistic = LogisticLoss(isRiver: false)

    init(task: Task, isRaw: Bool) {
        self.task = task
        self.isRaw = isRaw
    }

    var state: [StateEntry] { task == .regression && !isRaw ? [StateEntry("target", running.moments)] : [] }

    var classCount: Int { task == .regression ? 0 : 2 }

    private static let largestWeight = 1e6
    private static let largestTarget = 1e100

    func write(_ score: Double, _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let output = predictions.outputs + row * predictions.stride
        if task == .regression {
            output[0] = isRaw ? score : running.unscale(score)
            predictions.classes[row] = -1
            let error = features.targets[row].isNaN ? 0 : output[0] - features.targets[row]
            predictions.losses[row] = min(error * error, .greatestFiniteMagnitude)
        } else {
            let target = features.classes[row]
            let found = logistic.evaluate(score, target > 0 ? 1 : -1)
            output[0] = found.output
            predictions.classes[row] = found.output > 0.5 ? 1 : 0
            predictions.losses[row] = target < 0 ? 0 : found.loss
        }
    }

    /// Whether the row is to be learned.
    func isLearned(_ row: Int, _ features: FeatureBatch) -> Bool {
        task == .regression
            ? features.targets[row].isFinite && features.hasWeight(row)
            : features.learnedClass(row, of: 2) != nil
    }

    /// Takes the target of a row in that is about to be learned: the scale of scores.
    func learn(_ row: Int, _ features: FeatureBatch) {
        if task == .regression, !isRaw { running.learn(features.targets[row]) }
    }

    /// d loss / d score times the row's weight.
    func gradient(_ score: Double, _ row: Int, _ features: FeatureBatch) -> Double {
        let weight = min(Double(features.weights[row]), Self.largestWeight)
        guard task == .regression else {
            return logistic.gradient(score, features.classes[row] > 0 ? 1 : -1, weight: weight, norm: 0)
        }
        let target = max(-Self.largestTarget, min(Self.largestTarget, features.targets[row]))
        return max(-1e12, min(1e12, 2 * (score - (isRaw ? target : running.scale(target))))) * weight
    }
}
