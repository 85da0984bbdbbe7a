import Components
import Glibc
import Records
import State

/// Streaming gradient boosted trees (Gunasekara, Pfahringer, Gomes and Bifet, Gradient boosted trees for evolving data
/// streams, Machine Learning 113, 2024: SGBT). Step m learns, from every record, what the steps before it leave:
///
///     F_m(x) = F_{m-1}(x) + rate · T_m(x),    T_m learns -g / h with weight h
///
/// where g and h are the first two derivatives of the loss at F_{m-1}(x): of cross entropy over softmax of the classes'
/// scores, or of squared error. Numbers count in deviations from their running mean, classes as at most `bound` each step.
///
/// The trees are FIMT-DD's with means (Ikonomovska, Gama and Džeroski 2011) and forget in two ways: leaves of a split begin
/// with little of what their branch had, and a split whose error rises grows an alternative. Each step looks at a share of
/// the attributes; all of them are left out about equally often. As MOA's meta.StreamingGradientBoostedTrees, but for three
/// things: a leaf knows 32 values of a number (MOA: all), several classes share a softmax (MOA: one against the rest, each
/// with its own steps), and an alternative that has replaced a split does not later replace the whole tree.
public final class StreamingGradientBoostedTrees: OnePassLearner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "streaming-gradient-boosted-trees",
            "regression trees, each on what the ones before it leave (SGBT)",
            fields: [
                HyperparameterField("steps", .integer(1...10_000), default: "100", "trees one behind the other"),
                HyperparameterField("rate", .number(1e-6...1), default: "0.05", "share of a step that counts"),
                HyperparameterField(
                    "subspace", .number(0...1), default: "0.75", "share of the attributes that a step looks at"),
                HyperparameterField("confidence", .number(1e-300...1), default: "0.05", "delta of the Hoeffding bound"),
                HyperparameterField(
                    "tie-threshold", .number(0...1), default: "0.05", "below this bound the best split is taken anyway"),
                HyperparameterField(
                    "grace-period", .number(1...1e9), default: "25",
                    "weight a leaf gets between two looks at its splits"),
                HyperparameterField(
                    "criterion", .choice(RegressionTree.Settings.Criterion.allCases.map(\.rawValue)),
                    default: "variance", "what of the residuals a split makes small"),
                HyperparameterField(
                    "inheritance", .number(0...1e18), default: "3",
                    "weight of its branch's records that a leaf of a split begins with, at most; 0: nothing (MOA)"),
                HyperparameterField(
                    "drift-threshold", .number(0...1e9), default: "50",
                    "Page-Hinkley threshold beyond which a split grows an alternative (FIMT-DD); 0 = never"),
                HyperparameterField(
                    "memory", .number(1...1e18), default: "1000",
                    "weight of the latest records that a leaf's mean is of: what is older fades"),
                HyperparameterField(
                    "curvature", .boolean, default: "true",
                    "records weigh as much as their loss bends; false: alike (MOA)"),
                HyperparameterField(
                    "binary-splits", .boolean, default: "false", "no branch for each value of a category"),
                HyperparameterField(
                    "max-mib", .integer(0...1 << 20), default: "4",
                    "MiB of a step: beyond it the least promising leaves keep only their means"),
            ]),
        tasks: [.binary, .multiclass, .regression], input: .attributes(isScaled: false),
        presets: [
            "moa": [
                "rate": "0.0125", "inheritance": "0", "memory": "1e18", "curvature": "false", "binary-splits": "true",
            ]
        ]
    ) { parameters, context throws(SettingError) in StreamingGradientBoostedTrees(parameters, context) }

    /// -g / h lies within: beyond, a record says no more than that it is wrong (Friedman, Hastie and Tibshirani 2000).
    private static let bound = 4.0
    /// Places in `moments`: of the targets.
    private enum Moment {
        static let weight = 0
        static let mean = 1
        static let deviations = 2
        static let least = 3
        static let greatest = 4
        static let count = 5
    }

    private let task: Task
    private let rate: Double
    private let weighsCurvature: Bool
    private let steps: [BoostingStep]
    private let moments = StateArray<Double>(count: Moment.count)
    private let classes = StateArray<Int64>(count: 1)
    /// By class, one behind the other: scores of what is predicted, of the steps that have learned the record, probabilities.
    @exclusivity(unchecked) private var room: [Double] = []

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        task = context.task
        rate = parameters.double("rate")
        var settings = RegressionTree.Settings(parameters)
        settings.leaf = .mean
        settings.criterion = RegressionTree.Settings.Criterion(rawValue: parameters["criterion"]) ?? .deviation
        settings.inheritance = parameters.double("inheritance")
        settings.memory = parameters.double("memory")
        weighsCurvature = parameters.boolean("curvature")
        let count = context.attributes.count
        let size = max(1, min(count, Int((Double(count) * parameters.double("subspace")).rounded())))
        let seeds = RandomGenerator(seed: context.seed)
        let outputs = context.task == .multiclass ? 0 : 1
        var deck = SubspaceDeck(count: count, seed: seeds.next())
        steps = (0..<parameters.integer("steps")).map { _ in
            settings.attributes = deck.next(size)
            return BoostingStep(
                settings, driftThreshold: parameters.double("drift-threshold"), outputs: outputs,
                rooms: context.attributes.map(\.firstRoom), seed: seeds.next())
        }
        classes[0] = context.task == .binary ? 2 : 0
        resize()
    }

    public var classCount: Int { Int(classes.base[0]) }

    public var state: [StateEntry] {
        [StateEntry("moments", moments), StateEntry("classes", classes)]
            + steps.enumerated().flatMap { index, step in step.state.prefixed("step-\(index)") }
    }

    public func stateDidChange() {
        for step in steps { step.stateDidChange() }
        resize()
    }

    private func resize() {
        room = Array(repeating: 0, count: 3 * max(classCount, 2))
    }

    public func grow(toClasses count: Int) {
        guard task == .multiclass, count > classCount else { return }
        for step in steps { step.grow(to: count) }
        classes[0] = Int64(count)
        resize()
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        if task == .multiclass {
            predictions.widen(to: classCount)
            guard classCount > 0 else { return predictions.clear() }
        }
        let learned = features.learningAttributes ?? features.attributes
        let size = max(classCount, 2)
        room.withUnsafeMutableBufferPointer { room in
            guard let scores = room.baseAddress else { return }
            let (sums, shares) = (scores + size, scores + 2 * size)
            for row in 0..<features.rows {
                let start = row * features.attributeCount
                let (mean, deviation, range) = (moments.base[Moment.mean], deviation, range)
                let isLate = features.learningAttributes != nil
                if isLate || !learning { score(features.attributes + start, scores) }
                let hasLearned =
                    learning && learn(learned + start, row, features, sums, shares, before: isLate ? nil : scores)
                if learning, !hasLearned, !isLate { score(features.attributes + start, scores) }
                guard task == .regression else {
                    transfer(scores, shares)
                    ClassVotes.write(shares, classCount, row, task: task, features, predictions)
                    continue
                }
                let value = mean + deviation * scores[0]
                predictions.write(max(range.least, min(range.greatest, value)), row, features)
            }
        }
    }

    /// - Parameter before: gets the scores before; nil: they are known.
    /// - Returns: whether the row was to be learned.
    private func learn(
        _ values: UnsafePointer<Double>, _ row: Int, _ features: FeatureBatch, _ sums: UnsafeMutablePointer<Double>,
        _ shares: UnsafeMutablePointer<Double>, before: UnsafeMutablePointer<Double>?
    ) -> Bool {
        let weight = Double(features.weights[row])
        if task == .regression {
            guard let target = features.learnedNumber(row) else { return false }
            learn(values, number: ObserverLayout.bounded(target), weight, before: before)
            return true
        }
        guard let target = features.learnedClass(row, of: classCount) else { return false }
        learn(values, target, weight, sums, shares, before: before)
        return true
    }

    // MARK: Predictions

    private var outputs: Int { task == .multiclass ? classCount : 1 }

    private func score(_ row: UnsafePointer<Double>, _ scores: UnsafeMutablePointer<Double>) {
        for output in 0..<outputs {
            var sum = 0.0
            for step in steps { sum += rate * step.predict(row, output) }
            scores[output] = sum
        }
    }

    /// Of the targets seen.
    private var range: (least: Double, greatest: Double) {
        (moments.base[Moment.least], moments.base[Moment.greatest])
    }

    private var deviation: Double {
        let weight = moments.base[Moment.weight]
        return weight > 0 ? (moments.base[Moment.deviations] / weight).squareRoot() : 0
    }

    /// Probabilities of the classes; of two, from the second one's score alone.
    private func transfer(_ scores: UnsafePointer<Double>, _ shares: UnsafeMutablePointer<Double>) {
        guard task == .multiclass else {
            shares[1] = 1 / (1 + exp(-scores[0]))
            shares[0] = 1 - shares[1]
            return
        }
        var top = scores[0]
        for index in 1..<max(classCount, 1) { top = max(top, scores[index]) }
        var sum = 0.0
        for index in 0..<classCount {
            shares[index] = exp(scores[index] - top)
            sum += shares[index]
        }
        for index in 0..<classCount { shares[index] /= sum }
    }

    // MARK: Learning

    private func learn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ sums: UnsafeMutablePointer<Double>,
        _ shares: UnsafeMutablePointer<Double>, before: UnsafeMutablePointer<Double>?
    ) {
        let outputs = outputs
        sums.update(repeating: 0, count: outputs)
        before?.update(repeating: 0, count: outputs)
        for step in steps {
            transfer(sums, shares)
            for output in 0..<outputs {
                let share = shares[task == .multiclass ? output : 1]
                let truth = (task == .multiclass ? output : 1) == target ? 1.0 : 0.0
                let curvature = max(share * (1 - share), 1e-6)
                let residual = max(-Self.bound, min(Self.bound, (truth - share) / curvature))
                let found = step.learn(row, output, residual, weighsCurvature ? weight * 4 * curvature : weight)
                before?[output] += rate * found.before
                sums[output] += rate * found.after
            }
        }
    }

    private func learn(
        _ row: UnsafePointer<Double>, number target: Double, _ weight: Double, before: UnsafeMutablePointer<Double>?
    ) {
        note(target, weight)
        before?[0] = 0
        let deviation = deviation
        guard deviation > 0 else { return }
        let goal = (target - moments.base[Moment.mean]) / deviation
        var score = 0.0
        for step in steps {
            let found = step.learn(row, 0, goal - score, weight)
            before?[0] += rate * found.before
            score += rate * found.after
        }
    }

    private func note(_ target: Double, _ weight: Double) {
        let base = moments.base
        if base[Moment.weight] == 0 { (base[Moment.least], base[Moment.greatest]) = (target, target) }
        base[Moment.least] = min(base[Moment.least], target)
        base[Moment.greatest] = max(base[Moment.greatest], target)
        base[Moment.weight] += weight
        let distance = target - base[Moment.mean]
        base[Moment.mean] += weight * distance / base[Moment.weight]
        base[Moment.deviations] += weight * distance * (target - base[Moment.mean])
    }
}
