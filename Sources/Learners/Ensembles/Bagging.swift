import Components
import Drift
import Records
import State

/// Online bagging (Oza and Russell, Online Bagging and Boosting, AISTATS 2001): Hoeffding trees that each learn a record
/// with a weight drawn from a Poisson distribution; their votes are added.
///
/// With a window over each member's errors (ADWIN bagging, Bifet et al., KDD 2009; leveraging bagging, Bifet, Holmes and
/// Pfahringer, ECML 2010) the worst member begins anew whenever one's errors rise.
public final class Bagging: Learner {
    private let members: [BaggingMember]
    private let isWatched: Bool
    private let isParallel: Bool
    public private(set) var classCount: Int
    private let votes: MemberVotes

    init(_ parameters: Hyperparameters, _ context: LearnerContext, watches: Bool) {
        isWatched = watches
        isParallel = !watches && parameters.integer("threads") != 1
        let rule =
            watches ? AdaptiveWindow(delta: max(parameters.double("delta"), 1e-300), direction: .up, rows: 20) : nil
        let weight = PoissonDraw(mean: parameters.double("lambda"))
        let seeds = RandomGenerator(seed: context.seed)
        let classes = context.task == .binary ? 2 : 0
        members = (0..<parameters.integer("models")).map { _ in
            BaggingMember(
                TreeSettings(parameters), classes: classes, rooms: context.attributes.map(\.firstRoom), weight: weight,
                rule: rule, seed: seeds.next())
        }
        votes = MemberVotes(members: members.count, task: context.task)
        classCount = classes
    }

    public var state: [StateEntry] {
        members.enumerated().flatMap { index, member in member.state.prefixed("member-\(index)") }
    }

    public func stateDidChange() {
        for member in members { member.stateDidChange() }
        classCount = members.first?.tree.store.classes ?? 0
    }

    public func grow(toClasses count: Int) {
        for member in members { member.grow(toClasses: count) }
        classCount = max(classCount, count)
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        votes.pass(features, predictions, classes: classCount) { votes, size in
            for index in members.indices {
                for row in 0..<features.rows {
                    members[index].vote(
                        features.attributes + row * features.attributeCount, votes + index * size + row * classCount)
                }
            }
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        votes.pass(features, predictions, classes: classCount) { votes, size in
            if isWatched {
                for row in 0..<features.rows { learnTogether(row, features, votes, size) }
                return
            }
            ParallelPass.run(members.count, rows: features.rows, isAllowed: isParallel) { index in
                for row in 0..<features.rows {
                    _ = step(members[index], row, features, votes + index * size + row * classCount)
                }
            }
        }
    }

    /// Lets all members learn a record, before the worst of them begins anew.
    private func learnTogether(
        _ row: Int, _ features: FeatureBatch, _ votes: UnsafeMutablePointer<Double>, _ size: Int
    ) {
        var hasRisen = false
        for index in members.indices
        where step(members[index], row, features, votes + index * size + row * classCount) { hasRisen = true }
        guard hasRisen else { return }
        var worst = 0
        for index in members.indices where members[index].error > members[worst].error { worst = index }
        members[worst].restart()
    }

    /// - Returns: whether the member's errors have risen.
    private func step(
        _ member: BaggingMember, _ row: Int, _ features: FeatureBatch, _ votes: UnsafeMutablePointer<Double>
    ) -> Bool {
        let start = row * features.attributeCount
        guard let target = features.learnedClass(row, of: classCount) else {
            member.vote(features.attributes + start, votes)
            return false
        }
        let learned = features.learningAttributes ?? features.attributes
        return member.voteThenLearn(
            features.attributes + start, learning: learned + start, target, Double(features.weights[row]), votes)
    }
}

extension Bagging {
    private static func fields(lambda: String, watches: Bool) -> [HyperparameterField] {
        var fields = [
            HyperparameterField("models", .integer(1...10_000), default: "10", "trees"),
            HyperparameterField("lambda", .number(0.01...100), default: lambda, "mean weight of a record"),
        ]
        if watches {
            fields.append(HyperparameterField("delta", .number(0...1), default: "0.002", "significance of ADWIN"))
        } else {
            fields.append(
                HyperparameterField(
                    "threads", .integer(0...1024), default: "0",
                    "0 = as many as there are cores; 1 = the learning thread alone; the result is the same"))
        }
        return fields + TreeSettings.fields()
    }

    private static func descriptor(
        _ name: String, _ summary: String, lambda: String, watches: Bool
    ) -> LearnerDescriptor {
        LearnerDescriptor(
            Descriptor(name, summary, fields: fields(lambda: lambda, watches: watches)),
            tasks: [.binary, .multiclass], input: .attributes(isScaled: false), presets: ["moa": TreeSettings.moa]
        ) { parameters, context throws(SettingError) in Bagging(parameters, context, watches: watches) }
    }

    public static let online = descriptor(
        "online-bagging", "Hoeffding trees on Poisson(1) weights (Oza and Russell); on all cores", lambda: "1",
        watches: false)
    public static let adwin = descriptor(
        "adwin-bagging", "online bagging whose worst tree begins anew when errors rise", lambda: "1", watches: true)
    public static let leveraging = descriptor(
        "leveraging-bagging", "ADWIN bagging on Poisson(6) weights", lambda: "6", watches: true)
}
