import Components
import Evaluation
import Formats
import Learners
import Preprocessing
import Records
import State

/// Preprocessing, target encoding, learner and evaluation as one value: everything the engine learns.
///
/// One owner at a time. Replicas made from the same configuration and schema serve snapshots and other readers.
public final class Pipeline: Stateful {
    public let schema: Schema
    let configuration: Configuration
    public let evaluation: PrequentialEvaluation
    public let learner: any Learner
    /// The learner's hyperparameters in force.
    public let hyperparameters: Hyperparameters
    private let preprocessor: Preprocessor
    /// Interactions of records that bring their own features.
    private let crosser: NamespaceCrosser?
    private let targets: TargetEncoder
    /// Classes the learner could tell apart when it predicted each row of the last batch.
    @exclusivity(unchecked) private var knownClasses: [Int]
    private lazy var slice = FeatureBatch(capacity: configuration.batchSize)
    private lazy var slicePredictions = PredictionBatch(capacity: configuration.batchSize)

    public init(configuration: Configuration, schema: Schema) throws(SettingError) {
        self.configuration = configuration
        self.schema = schema
        preprocessor = try Preprocessor(configuration, schema)
        crosser = try configuration.namespaceCrosser(schema)
        targets = TargetEncoder(task: schema.task, classes: schema.classes)
        evaluation = PrequentialEvaluation(task: schema.task)
        let found = try LearnerRegistry.find(configuration.learner.name)
        hyperparameters = try Hyperparameters(
            found.descriptor, preset: configuration.presetFields(for: found, schema.task),
            given: configuration.learner.fields)
        learner = try found.make(
            hyperparameters,
            LearnerContext(
                task: schema.task, slotCount: preprocessor.encoder.slotCount, seed: configuration.seed,
                batchMode: configuration.batchMode, isFeatureNative: schema.isFeatureNative))
        if schema.task == .multiclass, !schema.classes.isEmpty { learner.grow(toClasses: schema.classes.count) }
        knownClasses = Array(repeating: 0, count: configuration.batchSize)
    }

    public var state: [StateEntry] {
        preprocessor.state.prefixed("preprocess") + targets.state.prefixed("target")
            + learner.state.prefixed("learner")
            + evaluation.state.prefixed("evaluation")
    }

    public func stateDidChange() {
        preprocessor.stateDidChange()
        targets.stateDidChange()
        if schema.task == .multiclass, targets.classNames.count > learner.classCount {
            learner.grow(toClasses: targets.classNames.count)
        }
        learner.stateDidChange()
        evaluation.stateDidChange()
    }

    public var classNames: [String] { targets.classNames }

    /// Changes whenever a class is added or renamed.
    var classRevision: Int { targets.revision }

    /// The first row whose target could not be learned, and why. Changes nothing.
    func refusal(_ batch: RecordBatch) -> (row: Int, reason: String)? { targets.refusal(batch) }

    /// Says that no record of the class was seen when the schema was fixed.
    func markAsGuess(_ className: String) { targets.markAsGuess(className) }

    /// Number of records learned: what a prediction names as the model's version.
    public var version: Int { evaluation.learned }

    /// A row's target for people.
    func targetText(_ row: Int, _ features: FeatureBatch) -> String {
        if schema.task == .regression {
            return features.targets[row].isNaN ? "unknown" : fixed(features.targets[row], 4)
        }
        return targetName(row, features) ?? "unknown"
    }

    /// The name of a row's class, nil when it is not known.
    func targetName(_ row: Int, _ features: FeatureBatch) -> String? { className(Int(features.classes[row])) }

    /// A row's prediction for people.
    func predictionText(_ row: Int, _ predictions: PredictionBatch) -> String {
        if schema.task == .regression { return fixed(predictions.outputs[row * predictions.stride], 4) }
        let name = className(Int(predictions.classes[row])) ?? "none"
        return schema.task == .binary ? "\(name) \(fixed(predictions.outputs[row * predictions.stride], 4))" : name
    }

    private func className(_ index: Int) -> String? {
        let names = targets.classNames
        return names.indices.contains(index) ? names[index] : nil
    }

    /// An empty batch of the shape this pipeline takes.
    func makeRecordBatch(capacity: Int? = nil) -> RecordBatch {
        preprocessor.makeRecordBatch(capacity: capacity ?? configuration.batchSize)
    }

    /// What the preprocessing steps have to say about themselves.
    var notes: [(step: String, notes: [StepNote])] { preprocessor.notes }

    /// Predicts each record, scores it where its target is known, then learns it.
    ///
    /// - Parameters:
    ///   - learning: false = predict only; nothing changes.
    ///   - scored: called for each row once it counts, with the number of records learned before it and of classes
    ///     that could be told apart then.
    func process(
        _ batch: RecordBatch, _ ownFeatures: FeatureBatch, _ predictions: PredictionBatch, learning: Bool,
        scored: (_ row: Int, _ features: FeatureBatch, _ version: Int, _ known: Int) -> Void
    ) {
        if learning { preprocessor.filter(batch) }
        let given = batch.features ?? ownFeatures
        targets.encode(batch, into: given, learning: learning)
        if !schema.isFeatureNative { preprocessor.process(batch, given, learning: learning) }
        if let crosser { crosser.apply(given, into: ownFeatures) }
        let features = crosser == nil ? given : ownFeatures
        preprocessor.select(features, learning: learning)
        predictions.rows = features.rows
        if learning {
            predictThenLearn(features, predictions)
            evaluation.countRejected(batch.rejected.count)
        } else {
            learner.predict(features, into: predictions)
        }
        let known = knownClasses
        let knownNow = learning ? 0 : schema.task == .multiclass ? learner.classCount : 2
        for row in 0..<features.rows {
            let version = evaluation.learned
            let known = learning ? known[row] : knownNow
            if learning { evaluation.update(row, features, predictions, knownClasses: known) }
            scored(row, features, version, known)
        }
    }

    /// Lets the learner work on the whole batch, unless a class appears in it for the first time: then the record that
    /// brings it is predicted without knowing of it, whatever the batch size.
    private func predictThenLearn(_ features: FeatureBatch, _ predictions: PredictionBatch) {
        guard schema.task == .multiclass else {
            for row in 0..<features.rows { knownClasses[row] = 2 }
            return learner.predictThenLearn(features, into: predictions)
        }
        var row = 0
        while row < features.rows {
            let known = learner.classCount
            var end = row
            while end < features.rows, Int(features.classes[end]) < known { end += 1 }
            for index in row..<end { knownClasses[index] = known }
            if row == 0, end == features.rows { return learner.predictThenLearn(features, into: predictions) }
            if end > row { learnSlice(row..<end, features, predictions) }
            if end < features.rows {
                meetClass(end, features, predictions, known)
                end += 1
            }
            row = end
        }
    }

    private func learnSlice(_ range: Range<Int>, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        slice.copyRows(range, of: features)
        slicePredictions.rows = range.count
        learner.predictThenLearn(slice, into: slicePredictions)
        predictions.copyRows(range.count, of: slicePredictions, to: range.lowerBound)
    }

    private func meetClass(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, _ known: Int) {
        knownClasses[row] = known
        slice.copyRows(row..<row + 1, of: features)
        slicePredictions.rows = 1
        if known > 0 { learner.predict(slice, into: slicePredictions) } else { slicePredictions.clear() }
        predictions.copyRows(1, of: slicePredictions, to: row)
        learner.grow(toClasses: Int(features.classes[row]) + 1)
        learner.predictThenLearn(slice, into: slicePredictions)
    }
}

extension Configuration {
    func namespaceCrosser(_ schema: Schema) throws(SettingError) -> NamespaceCrosser? {
        guard schema.isFeatureNative, !crosses.isEmpty else { return nil }
        var parsed: [NamespaceCross] = []
        for cross in crosses { parsed.append(try NamespaceCross(parsing: cross)) }
        return NamespaceCrosser(parsed, bits: bits)
    }

    var hasIndicators: Bool { pipeline?.contains { $0.name == EncodingSteps.indicateMissing.name } ?? false }

    /// Categories with slots of their own; nil = all are hashed.
    func oneHotCapacity() throws(SettingError) -> Int? {
        guard let step = pipeline?.last(where: { $0.name == EncodingSteps.oneHot.name }) else { return nil }
        return try Hyperparameters(EncodingSteps.oneHot, given: step.fields).integer("capacity")
    }

    func fieldCrosses(_ schema: Schema) throws(SettingError) -> [FieldCross] {
        var resolved: [FieldCross] = []
        guard !schema.isFeatureNative else { return resolved }
        for cross in crosses {
            for found in try FieldCross.resolve(cross, in: schema) where !resolved.contains(found) {
                resolved.append(found)
            }
        }
        return resolved
    }

    /// The preset's fields, with the task's loss where the preset has one of its own.
    func presetFields(for learner: LearnerDescriptor, _ task: Task) -> [String: String] {
        guard learner.descriptor.name == "linear" else { return [:] }
        return presetFields
    }

    /// The parameters of a table of identifiers; nil = there is none.
    func identifiers() throws(SettingError) -> Hyperparameters? {
        guard let step = pipeline?.last(where: { $0.name == EncodingSteps.identifiers.name }) else { return nil }
        guard try oneHotCapacity() == nil else {
            throw SettingError("one-hot and identifiers both give categories slots of their own; name one of them")
        }
        return try Hyperparameters(EncodingSteps.identifiers, given: step.fields)
    }

    /// How categories, words and crosses get their slots.
    func hashing() throws(SettingError) -> HashingOptions {
        guard let step = pipeline?.last(where: { $0.name == EncodingSteps.hash.name }) else { return HashingOptions() }
        return HashingOptions(try Hyperparameters(EncodingSteps.hash, given: step.fields))
    }
}
