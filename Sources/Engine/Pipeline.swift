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
    private let transformers: [(name: String, transformer: any Transformer)]
    private let encoder: FeatureEncoder
    /// Interactions of records that bring their own features.
    private let crosser: NamespaceCrosser?
    private let targets: TargetEncoder
    private let learnsBeforeTransforming: Bool
    @exclusivity(unchecked) private var learns: [Bool]
    private var learningNumbers: [Double] = []
    /// Classes the learner could tell apart when it predicted each row of the last batch.
    @exclusivity(unchecked) private var knownClasses: [Int]
    private lazy var slice = FeatureBatch(capacity: configuration.batchSize)
    private lazy var slicePredictions = PredictionBatch(capacity: configuration.batchSize)

    public init(configuration: Configuration, schema: Schema) throws(SettingError) {
        self.configuration = configuration
        self.schema = schema
        let isVW = configuration.preset == .vw
        encoder = FeatureEncoder(
            schema: schema, style: isVW ? .vw : .native, bits: configuration.bits,
            indicators: configuration.hasIndicators,
            crosses: try configuration.fieldCrosses(schema), oneHotCapacity: try configuration.oneHotCapacity())
        crosser = try configuration.namespaceCrosser(schema)
        transformers = schema.isFeatureNative ? [] : try configuration.makeTransformers(encoder.numberCount)
        learnsBeforeTransforming = configuration.preset == .river
        targets = TargetEncoder(task: schema.task, classes: schema.classes)
        evaluation = PrequentialEvaluation(task: schema.task)
        let found = try LearnerRegistry.find(configuration.learner.name)
        hyperparameters = try Hyperparameters(
            found.descriptor, preset: configuration.presetFields(for: found, schema.task),
            given: configuration.learner.fields)
        learner = try found.make(
            hyperparameters,
            LearnerContext(
                task: schema.task, slotCount: encoder.slotCount, seed: configuration.seed,
                batchMode: configuration.batchMode, isFeatureNative: schema.isFeatureNative))
        if schema.task == .multiclass, !schema.classes.isEmpty { learner.grow(toClasses: schema.classes.count) }
        learns = Array(repeating: false, count: configuration.batchSize)
        knownClasses = Array(repeating: 0, count: configuration.batchSize)
    }

    public var state: [StateEntry] {
        var entries: [StateEntry] = []
        for (index, step) in transformers.enumerated() {
            entries += step.transformer.state.prefixed("preprocess/\(index)-\(step.name)")
        }
        return entries + encoder.state.prefixed("preprocess/one-hot") + targets.state.prefixed("target")
            + learner.state.prefixed("learner")
            + evaluation.state.prefixed("evaluation")
    }

    public func stateDidChange() {
        for step in transformers { step.transformer.stateDidChange() }
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
    func makeRecordBatch() -> RecordBatch {
        RecordBatch(
            capacity: configuration.batchSize, numericCount: schema.fields(.numeric, .both).count,
            categoricalCount: schema.fields(.categorical, .both).count, isFeatureNative: schema.isFeatureNative)
    }

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
        let given = batch.features ?? ownFeatures
        targets.encode(batch, into: given, learning: learning)
        if !schema.isFeatureNative { preprocess(batch, given, learning: learning) }
        if let crosser { crosser.apply(given, into: ownFeatures) }
        let features = crosser == nil ? given : ownFeatures
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

    private func preprocess(_ batch: RecordBatch, _ features: FeatureBatch, learning: Bool) {
        let isRegression = schema.task == .regression
        let (rows, targets, classes) = (batch.rows, features.targets, features.classes)
        learns.withUnsafeMutableBufferPointer { learns in
            for row in 0..<rows { learns[row] = isRegression ? !targets[row].isNaN : classes[row] >= 0 }
        }
        let separate = learnsBeforeTransforming && learning
        if separate {
            learningNumbers.removeAll(keepingCapacity: true)
            let count = batch.numericCount * batch.columnStride
            learningNumbers.append(contentsOf: UnsafeBufferPointer(start: batch.numbers, count: count))
        }
        encoder.noteMissing(batch)
        learningNumbers.withUnsafeMutableBufferPointer { numbers in
            learns.withUnsafeBufferPointer { learns in
                let columns = NumberColumns(
                    rows: batch.rows, stride: batch.columnStride, count: batch.numericCount, values: batch.numbers,
                    learningValues: separate ? numbers.baseAddress : nil, learns: learning ? learns.baseAddress : nil)
                for step in transformers { step.transformer.process(columns) }
                encoder.encode(
                    batch, learningNumbers: separate ? numbers.baseAddress : nil,
                    learns: learning ? learns.baseAddress : nil, into: features)
            }
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

    func makeTransformers(_ columns: Int) throws(SettingError) -> [(name: String, transformer: any Transformer)] {
        let steps: [ComponentSpecification] =
            switch (pipeline, preset) {
            case (let given?, _): given.filter { EncodingSteps.find($0.name) == nil }
            case (nil, .thalweg):
                [ComponentSpecification(name: "standardize", fields: ["limit": "5", "winsorize": "10"])]
            case (nil, .river): [ComponentSpecification(name: "standardize")]
            case (nil, .vw): []
            }
        var made: [(name: String, transformer: any Transformer)] = []
        for step in steps {
            let found = try TransformerRegistry.find(step.name)
            let parameters = try Hyperparameters(found.descriptor, given: step.fields)
            made.append((step.name, try found.make(parameters, columns)))
        }
        return made
    }
}
