import Records
import State

/// A forest of `ForestMember`s whose votes are added.
///
/// Members learn a mini-batch on all cores, each on its own; votes are added in their order. So the result depends on the
/// seed alone.
final class Forest: Learner {
    private let members: [ForestMember]
    private let isParallel: Bool
    let state: [StateEntry]
    private(set) var classCount: Int
    private let votes: MemberVotes

    /// - Parameter seeds: of the members.
    init(_ settings: ForestMember.Settings, seeds: [UInt64], isParallel: Bool, _ context: LearnerContext) {
        let classes = context.task == .binary ? 2 : 0
        members = seeds.map {
            ForestMember(settings, classes: classes, rooms: context.attributes.map(\.firstRoom), seed: $0)
        }
        state = members.enumerated().flatMap { index, member in member.state.prefixed("member-\(index)") }
        votes = MemberVotes(members: members.count, task: context.task)
        self.isParallel = isParallel
        classCount = classes
    }

    func stateDidChange() {
        for member in members { member.stateDidChange() }
        classCount = members.first?.classCount ?? 0
    }

    func grow(toClasses count: Int) {
        for member in members { member.grow(toClasses: count) }
        classCount = max(classCount, count)
    }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, inParallel: false) { member, row, values, votes in member.vote(values, votes) }
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        let classCount = classCount
        pass(features, predictions, inParallel: isParallel) { member, row, values, votes in
            guard let target = features.learnedClass(row, of: classCount) else { return member.vote(values, votes) }
            member.voteThenLearn(
                values, learning: learned + row * features.attributeCount, target, Double(features.weights[row]), votes)
        }
    }

    private func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch, inParallel: Bool,
        _ step: (ForestMember, _ row: Int, UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) -> Void
    ) {
        let classCount = classCount
        votes.pass(features, predictions, classes: classCount) { votes, size in
            ParallelPass.run(members.count, rows: features.rows, isAllowed: inParallel) { index in
                for row in 0..<features.rows {
                    step(
                        members[index], row, features.attributes + row * features.attributeCount,
                        votes + index * size + row * classCount)
                }
            }
        }
    }
}
