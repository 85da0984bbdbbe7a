import Glibc
import Records

/// Scores of classes, and how they become a prediction.
struct ClassVotes {
    /// Of the first maximum; 0 where there is none. Where values cannot be compared the first one stays.
    @inline(__always)
    static func best(_ votes: UnsafePointer<Double>, _ count: Int) -> Int {
        var best = 0
        for index in 1..<max(count, 1) where votes[index] > votes[best] { best = index }
        return best
    }

    /// Writes a row: votes scaled to probabilities, or equal ones where nobody votes, and the loss against its target.
    ///
    /// - Parameter votes: of `count` classes, not negative and finite.
    @inline(__always)
    static func write(
        _ votes: UnsafePointer<Double>, _ count: Int, _ row: Int, task: Task, _ features: FeatureBatch,
        _ predictions: PredictionBatch
    ) {
        var sum = 0.0
        for index in 0..<count { sum += votes[index] }
        let outputs = predictions.outputs + row * predictions.stride
        let scale = sum > 0 ? 1 / sum : 0
        let equal = sum > 0 ? 0 : 1 / Double(max(count, 1))
        let target = Int(features.classes[row])
        let share = target >= 0 && target < count ? votes[target] * scale + equal : 1
        if task == .binary {
            outputs[0] = votes[1] * scale + equal
        } else {
            for index in 0..<count { outputs[index] = votes[index] * scale + equal }
        }
        predictions.classes[row] = Int32(truncatingIfNeeded: best(votes, count))
        predictions.losses[row] = -log(max(share, 1e-15))
    }
}
