import Records

/// The votes of an ensemble's members over a mini-batch, kept by member, row and class, so that members can vote in any
/// order and on any thread: they are added in the members' order.
final class MemberVotes {
    private let task: Task
    private let members: Int
    @exclusivity(unchecked) private var votes: [Double] = []
    @exclusivity(unchecked) private var sums: [Double] = []

    init(members: Int, task: Task) {
        self.members = members
        self.task = task
    }

    /// Predicts every row.
    ///
    /// - Parameter fill: writes all votes; those of member m for row r stand at `m * size + r * classes`.
    func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch, classes: Int,
        _ fill: (_ votes: UnsafeMutablePointer<Double>, _ size: Int) -> Void
    ) {
        predictions.widen(to: task == .binary ? 1 : classes)
        guard classes > 0 else { return predictions.clear() }
        let size = features.rows * classes
        if votes.count < size * members { votes = Array(repeating: 0, count: size * members) }
        if sums.count < classes { sums = Array(repeating: 0, count: classes) }
        votes.withUnsafeMutableBufferPointer { votes in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let votes = votes.baseAddress, let sums = sums.baseAddress else { return }
                fill(votes, size)
                for row in 0..<features.rows {
                    sums.update(repeating: 0, count: classes)
                    for member in 0..<members {
                        let own = votes + member * size + row * classes
                        for index in 0..<classes { sums[index] += own[index] }
                    }
                    ClassVotes.write(sums, classes, row, task: task, features, predictions)
                }
            }
        }
    }
}
