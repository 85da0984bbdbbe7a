import Components
import Records
import State

/// The registered aggregated Mondrian forest: `MondrianTree`s over standardized numbers; categories are spread evenly over
/// as wide a range.
///
/// Its prediction is the mean of the trees'. Squared errors of numbers count in a 16th of the targets' variance, so that the step
/// does not depend on their scale.
public final class AggregatedMondrianForest: OnePassLearner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "aggregated-mondrian-forest",
            "randomly split trees, averaged over all their prunings (AMF); on all cores",
            fields: [
                HyperparameterField("models", .integer(1...10_000), default: "10", "trees"),
                HyperparameterField("step", .number(0...1e6), default: "1", "how much a node's losses count"),
                HyperparameterField(
                    "dirichlet", .number(1e-6...1e6), default: "0.5", "what each class counts before it was seen"),
                HyperparameterField(
                    "aggregation", .boolean, default: "true", "average over prunings; false: leaves alone"),
                HyperparameterField("split-pure", .boolean, default: "false", "nodes of one class split, too"),
                HyperparameterField(
                    "max-mib", .integer(0...1 << 20), default: "8", "MiB of a tree: beyond it none splits"),
                HyperparameterField(
                    "threads", .integer(0...1024), default: "0",
                    "0 = as many as there are cores; 1 = the learning thread alone; the result is the same"),
            ]),
        tasks: [.binary, .multiclass, .regression], input: .attributes(isScaled: true)
    ) { parameters, context throws(SettingError) in AggregatedMondrianForest(parameters, context) }

    /// Places in `moments`: of the targets. Trees know them as distances from the first, `center`.
    private enum Moment {
        static let weight = 0
        static let center = 1
        static let mean = 2
        static let deviations = 3
        static let count = 4
    }

    /// Range of codes; that of most standardized numbers.
    private static let codeRange = 4.0

    /// What a node's mean should be right to: a quarter of the targets' deviation.
    private static let sharpness = 16.0

    private let task: Task
    private let isNominal: [Bool]
    private let trees: [MondrianTree]
    private let isParallel: Bool
    private let moments = StateArray<Double>(count: Moment.count)
    private let classes = StateArray<Int64>(count: 1)
    /// The batch as trees see it: attributes, those to learn from, and by row a `Lesson`.
    @exclusivity(unchecked) private var values: [Double] = []
    @exclusivity(unchecked) private var learned: [Double] = []
    @exclusivity(unchecked) private var lessons: [Lesson] = []
    /// Answers by tree, row and output.
    @exclusivity(unchecked) private var answers: [Double] = []

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        task = context.task
        isNominal = context.attributes.map { $0.firstRoom > 0 }
        isParallel = parameters.integer("threads") != 1
        var settings = MondrianTree.Settings()
        settings.step = parameters.double("step")
        settings.dirichlet = parameters.double("dirichlet")
        settings.aggregates = parameters.boolean("aggregation")
        settings.splitsPure = parameters.boolean("split-pure")
        settings.maximumBytes = parameters.integer("max-mib") << 20
        let count = context.task == .binary ? 2 : 0
        let seeds = RandomGenerator(seed: context.seed)
        trees = (0..<parameters.integer("models")).map { _ in
            MondrianTree(
                settings, classes: context.task == .regression ? nil : count, attributes: context.attributes.count,
                seed: seeds.next())
        }
        classes[0] = Int64(count)
    }

    public var classCount: Int { Int(classes.base[0]) }

    public var state: [StateEntry] {
        [StateEntry("moments", moments), StateEntry("classes", classes)]
            + trees.enumerated().flatMap { index, tree in tree.state.prefixed("tree-\(index)") }
    }

    public func grow(toClasses count: Int) {
        guard task == .multiclass, count > classCount else { return }
        for tree in trees { tree.grow(toClasses: count) }
        classes[0] = Int64(count)
    }

    // MARK: A mini-batch

    /// What a row teaches.
    private struct Lesson {
        /// A class, or a number's distance from the center.
        var target = 0.0
        /// 0 = nothing.
        var weight = 0.0
        /// What a loss counts.
        var step = 0.0
        /// What a tree's number is a distance from.
        var center = 0.0
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        let outputs = task == .regression ? 1 : classCount
        if task == .multiclass {
            predictions.widen(to: classCount)
            guard classCount > 0 else { return predictions.clear() }
        }
        let rows = features.rows
        let isLate = learning && features.learningAttributes != nil
        prepare(features, learning: learning)
        if answers.count < rows * outputs * trees.count + outputs * trees.count {
            answers = Array(repeating: 0, count: (rows + 1) * outputs * trees.count)
        }
        let count = features.attributeCount
        values.withUnsafeBufferPointer { values in
            learned.withUnsafeBufferPointer { learned in
                answers.withUnsafeMutableBufferPointer { answers in
                    guard let values = values.baseAddress, let answers = answers.baseAddress else { return }
                    let learned = isLate ? learned.baseAddress ?? values : values
                    ParallelPass.run(trees.count, rows: rows, isAllowed: learning && isParallel) { index in
                        let scratch = answers + (rows * trees.count + index) * outputs
                        for row in 0..<rows {
                            let sums = answers + (index * rows + row) * outputs
                            sums.update(repeating: 0, count: outputs)
                            trees[index].predict(values + row * count, into: sums, scratch)
                            let lesson = lessons[row]
                            guard lesson.weight > 0 else { continue }
                            trees[index].learn(
                                learned + row * count, lesson.target, lesson.weight, step: lesson.step)
                        }
                    }
                    for row in 0..<rows { write(row, features, answers, outputs, predictions) }
                }
            }
        }
    }

    /// Adds the trees' answers, in their order.
    private func write(
        _ row: Int, _ features: FeatureBatch, _ answers: UnsafeMutablePointer<Double>, _ outputs: Int,
        _ predictions: PredictionBatch
    ) {
        let rows = features.rows
        let sums = answers + row * outputs
        for index in 1..<max(trees.count, 1) {
            for output in 0..<outputs { sums[output] += answers[(index * rows + row) * outputs + output] }
        }
        guard task == .regression else {
            return ClassVotes.write(sums, outputs, row, task: task, features, predictions)
        }
        predictions.write(lessons[row].center + sums[0] / Double(trees.count), row, features)
    }

    private func prepare(_ features: FeatureBatch, learning: Bool) {
        let size = features.rows * features.attributeCount
        if values.count < size { values = Array(repeating: 0, count: size) }
        encode(features.attributes, features.rows, into: &values)
        if learning, let late = features.learningAttributes {
            if learned.count < size { learned = Array(repeating: 0, count: size) }
            encode(late, features.rows, into: &learned)
        }
        if lessons.count < features.rows { lessons = Array(repeating: Lesson(), count: features.rows) }
        for row in 0..<features.rows {
            var lesson = Lesson(center: moments.base[Moment.center])
            if learning { fill(&lesson, row, features) }
            lessons[row] = lesson
        }
    }

    /// Numbers stay as they are; codes are spread over `codeRange` by the golden ratio, neighbours far from each other.
    private func encode(_ from: UnsafePointer<Double>, _ rows: Int, into values: inout [Double]) {
        let count = isNominal.count
        for index in 0..<count {
            for row in 0..<rows {
                let given = from[row * count + index]
                guard isNominal[index], !given.isNaN else {
                    values[row * count + index] = given.isNaN ? given : ObserverLayout.bounded(given)
                    continue
                }
                let turns = given * 0.6180339887498949
                values[row * count + index] = Self.codeRange * (turns - turns.rounded(.down))
            }
        }
    }

    private func fill(_ lesson: inout Lesson, _ row: Int, _ features: FeatureBatch) {
        guard task == .regression else {
            guard let target = features.learnedClass(row, of: classCount) else { return }
            (lesson.target, lesson.weight, lesson.step) = (Double(target), Double(features.weights[row]), 1)
            return
        }
        guard let given = features.learnedNumber(row) else { return }
        let target = ObserverLayout.bounded(given)
        let weight = Double(features.weights[row])
        let base = moments.base
        if base[Moment.weight] == 0 { (base[Moment.center], base[Moment.mean]) = (target, target) }
        base[Moment.weight] += weight
        let distance = target - base[Moment.mean]
        base[Moment.mean] += weight * distance / base[Moment.weight]
        base[Moment.deviations] += weight * distance * (target - base[Moment.mean])
        let variance = base[Moment.deviations] / base[Moment.weight]
        (lesson.target, lesson.weight) = (target - base[Moment.center], weight)
        lesson.step = variance > 0 ? Self.sharpness / variance : 0
    }
}
