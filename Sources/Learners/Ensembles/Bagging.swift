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
    private let task: Task
    private let members: [BaggingMember]
    private let isWatched: Bool
    private let isParallel: Bool
    public private(set) var classCount: Int
    /// Votes by member, row and class.
    @exclusivity(unchecked) private var votes: [Double] = []
    @exclusivity(unchecked) private var sums: [Double] = []

    /// Records times trees below which threads cost more than they bring.
    private static let leastParallel = 64

    init(_ parameters: Hyperparameters, _ context: LearnerContext, watches: Bool) {
        task = context.task
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
        pass(features, predictions) { votes, size in
            for index in members.indices {
                for row in 0..<features.rows {
                    members[index].vote(
                        features.attributes + row * features.attributeCount, votes + index * size + row * classCount)
                }
            }
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions) { votes, size in
            if isWatched {
                for row in 0..<features.rows { learnTogether(row, features, votes, size) }
                return
            }
            func work(_ index: Int) {
                for row in 0..<features.rows {
                    _ = step(members[index], row, features, votes + index * size + row * classCount)
                }
            }
            if isParallel, features.rows * members.count >= Self.leastParallel {
                ParallelPass.run(members.count, work)
            } else {
                for index in members.indices { work(index) }
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
        let target = Int(features.classes[row])
        let weight = Double(features.weights[row])
        guard target >= 0, target < classCount, weight > 0, weight.isFinite else {
            member.vote(features.attributes + start, votes)
            return false
        }
        let learned = features.learningAttributes ?? features.attributes
        return member.voteThenLearn(features.attributes + start, learning: learned + start, target, weight, votes)
    }

    private func pass(
        _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ body: (_ votes: UnsafeMutablePointer<Double>, _ size: Int) -> Void
    ) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        let size = features.rows * classCount
        if votes.count < size * members.count { votes = Array(repeating: 0, count: size * members.count) }
        if sums.count < classCount { sums = Array(repeating: 0, count: classCount) }
        votes.withUnsafeMutableBufferPointer { buffer in
            guard let votes = buffer.baseAddress else { return }
            body(votes, size)
            for row in 0..<features.rows { combine(row, votes, size, features, predictions) }
        }
    }

    private func combine(
        _ row: Int, _ votes: UnsafePointer<Double>, _ size: Int, _ features: FeatureBatch,
        _ predictions: PredictionBatch
    ) {
        sums.withUnsafeMutableBufferPointer { buffer in
            guard let sums = buffer.baseAddress else { return }
            sums.update(repeating: 0, count: classCount)
            for member in members.indices {
                let own = votes + member * size + row * classCount
                for index in 0..<classCount { sums[index] += own[index] }
            }
            ClassVotes.write(sums, classCount, row, task: task, features, predictions)
        }
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
