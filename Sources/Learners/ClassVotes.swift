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

    /// The sum of votes, which are scaled before where it lies outside of what can be divided by.
    @inline(__always)
    static func sum(_ votes: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
        var sum = 0.0
        for index in 0..<count { sum += votes[index] }
        return sum == 0 || sum > 1e-280 && sum < 1e280 ? sum : rescale(votes, count)
    }

    @inline(never)
    private static func rescale(_ votes: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
        var top = 0.0
        for index in 0..<count { top = max(top, votes[index]) }
        var sum = 0.0
        for index in 0..<count {
            votes[index] = top.isFinite ? votes[index] / top : votes[index] == top ? 1 : 0
            sum += votes[index]
        }
        return sum
    }

    /// Writes a row: votes scaled to probabilities, or equal ones where nobody votes, and the loss against its target.
    ///
    /// - Parameter votes: of `count` classes, not negative.
    @inline(__always)
    static func write(
        _ votes: UnsafeMutablePointer<Double>, _ count: Int, _ row: Int, task: Task, _ features: FeatureBatch,
        _ predictions: PredictionBatch
    ) {
        let sum = sum(votes, count)
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
