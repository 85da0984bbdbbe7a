import Components
import Drift
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
    public private(set) var learner: any Learner
    /// Another learner like it, anew.
    private let makeLearner: () throws(SettingError) -> any Learner
    /// Takes the learner's place at a drift, trained from the warning on; nil: drifts do not switch.
    private var background: (any Learner)?
    /// Watches the learner's answers; nil: nothing does.
    let drift: DriftWatch?
    /// Watches the fields; nil: nothing does.
    let fieldDrift: FieldDriftWatch?
    /// What the watches saw since they were asked last.
    private var sightings: [DriftSighting] = []
    /// The learner's hyperparameters in force.
    public let hyperparameters: Hyperparameters
    let preprocessor: Preprocessor
    /// Interactions of records that bring their own features.
    private let crosser: NamespaceCrosser?
    private let targets: TargetEncoder
    /// Targets beyond the first; nil: there is one.
    let further: OutputTargets?
    /// What became of targets that come later; nil: targets come with their records.
    public let targetCounts: TargetCounts?
    /// Records that wait for their targets; copies for readers have none.
    let pending: PendingTargets?
    /// Records that wait until no earlier one can come; copies for readers have none. Nil: records are taken as they come.
    let order: EventOrder?
    /// Notices when records stop fitting the schema; copies for readers have none.
    let schemaMonitor: SchemaMonitor?
    private lazy var delayedFeatures = FeatureBatch(capacity: configuration.batchSize)
    private lazy var delayedPredictions = PredictionBatch(capacity: configuration.batchSize)
    /// Classes the learner could tell apart when it predicted each row of the last batch.
    @exclusivity(unchecked) private var knownClasses: [Int]
    private lazy var single = FeatureBatch(capacity: 1)
    private lazy var singlePredictions = PredictionBatch(capacity: 1)
    private lazy var backgroundPredictions = PredictionBatch(capacity: configuration.batchSize)
    private lazy var slice = FeatureBatch(capacity: configuration.batchSize)
    private lazy var slicePredictions = PredictionBatch(capacity: configuration.batchSize)

    /// - Parameter keepsPending: false: a copy for readers, without the records that wait for their targets.
    public init(configuration: Configuration, schema: Schema, keepsPending: Bool = true) throws(SettingError) {
        self.configuration = configuration
        self.schema = schema
        let found = try LearnerRegistry.find(configuration.learner.name)
        preprocessor = try Preprocessor(configuration, schema, for: found)
        if configuration.delay != nil, schema.isFeatureNative, preprocessor.hasSelectors {
            throw SettingError(
                "steps that select features need records with fields where targets come later; these bring features")
        }
        if schema.task == .bandit { try configuration.checkDecisions(hasSelectors: preprocessor.hasSelectors) }
        crosser = try configuration.namespaceCrosser(schema)
        targets = TargetEncoder(task: schema.task, classes: schema.classes)
        further = OutputTargets(schema)
        let counts = configuration.delay.map { _ in TargetCounts() }
        targetCounts = counts
        pending = keepsPending ? configuration.delay.map(PendingTargets.init) : nil
        let watches = keepsPending && !schema.isFeatureNative
        schemaMonitor = watches ? SchemaMonitor(schema, configuration.schemaDrift) : nil
        order = keepsPending ? configuration.order.map(EventOrder.init) : nil
        guard found.tasks.contains(schema.task) else {
            let able = LearnerRegistry.all.filter { $0.tasks.contains(schema.task) }.map(\.descriptor.name)
            throw SettingError(
                "\(found.descriptor.name) does \(found.tasks.map(\.rawValue).joined(separator: ", ")); for the task "
                    + "\(schema.task.rawValue) there are: \(able.joined(separator: ", "))")
        }
        hyperparameters = try Hyperparameters(
            found.descriptor, preset: configuration.presetFields(for: found, schema.task),
            given: configuration.learner.fields)
        let context = LearnerContext(
            task: schema.task, slotCount: preprocessor.encoder.slotCount, seed: configuration.seed,
            batchMode: configuration.batchMode, isFeatureNative: schema.isFeatureNative,
            attributes: preprocessor.attributes)
        let fields = hyperparameters
        let wrappers = configuration.wrappers
        try wrappers.check(schema.task)
        let method = configuration.multiOutput ?? .independent
        makeLearner = { [targets, further] () throws(SettingError) in
            guard let further else {
                return wrappers.wrap(try found.make(fields, context), context) { targets.classNames }
            }
            return try MultiOutputLearner(method, context, outputs: schema.outputNames) {
                (output, context) throws(SettingError) -> any Learner in
                wrappers.wrap(try found.make(fields, context), context) {
                    output == 0 ? targets.classNames : further.classNames[output - 1]
                }
            }
        }
        learner = try makeLearner()
        let horizon = found.isForecaster ? hyperparameters.integer("horizon") : 1
        guard horizon == 1 || configuration.delay == nil else {
            throw SettingError("forecasts of more than one record need targets that come with their records")
        }
        guard horizon == 1 || wrappers.intervals == nil && further == nil else {
            throw SettingError(
                "forecasts of more than one record are of one target, and have no intervals or quantiles")
        }
        evaluation = PrequentialEvaluation(
            task: schema.task, horizon: horizon, layout: wrappers.layout,
            targets: schema.severalOutputNames)
        drift = try DriftWatch(configuration, schema.task)
        fieldDrift = try FieldDriftWatch(configuration, schema)
        background = drift?.action == .switch ? try makeLearner() : nil
        if schema.task == .multiclass, !schema.classes.isEmpty {
            learner.grow(toClasses: schema.classes.count)
            background?.grow(toClasses: schema.classes.count)
        }
        knownClasses = Array(repeating: 0, count: configuration.batchSize)
    }

    public var state: [StateEntry] {
        preprocessor.state.prefixed("preprocess") + targets.state.prefixed("target")
            + (further?.state.prefixed("target") ?? []) + learner.state.prefixed("learner")
            + evaluation.state.prefixed("evaluation") + (drift?.state.prefixed("drift") ?? [])
            + (fieldDrift?.state.prefixed("field-drift") ?? [])
            + (background?.state.prefixed("background") ?? []) + delayedState
            + (order?.state.prefixed("order") ?? []) + (schemaMonitor?.state.prefixed("schema") ?? [])
    }

    /// The last of all, so that copies may lack what is at their end.
    private var delayedState: [StateEntry] {
        guard let targetCounts else { return [] }
        return targetCounts.state.prefixed("delayed") + (pending?.state.prefixed("delayed") ?? [])
    }

    /// What a snapshot without records that wait holds.
    var undelayedState: [StateEntry] { state.filter { !$0.name.hasPrefix("delayed/") } }

    public func stateDidChange() {
        preprocessor.stateDidChange()
        targets.stateDidChange()
        further?.stateDidChange()
        if schema.task == .multiclass, targets.classNames.count > learner.classCount {
            grow(toClasses: targets.classNames.count)
        }
        learner.stateDidChange()
        background?.stateDidChange()
        drift?.stateDidChange()
        evaluation.stateDidChange()
        pending?.stateDidChange()
        order?.stateDidChange()
    }

    public var classNames: [String] { targets.classNames }

    /// Changes whenever a class is added or renamed.
    var classRevision: Int { targets.revision + (further?.revision ?? 0) }

    /// The first row whose target could not be learned, and why. Changes nothing.
    func refusal(_ batch: RecordBatch) -> (row: Int, reason: String)? {
        if let further {
            for row in 0..<batch.rows {
                if let reason = further.refusal(row, batch) { return (row, reason) }
            }
        }
        return targets.refusal(batch)
    }

    /// Records taken, and targets that came for records taken before.
    var taken: Int { evaluation.records + evaluation.rejected + (targetCounts?[.joined] ?? 0) }

    /// Grows with everything that changes the state: what tells one snapshot from the next.
    var progress: Int { evaluation.records + evaluation.rejected + (targetCounts?.events ?? 0) }

    /// Says that no record of the class was seen when the schema was fixed.
    ///
    /// - Parameter output: of several targets, which one.
    func markAsGuess(_ className: String, output: Int = 0) {
        if output == 0 {
            targets.markAsGuess(className)
        } else {
            further?.markAsGuess(className, output: output - 1)
        }
    }

    /// Refuses options that name classes which cannot come.
    func checkNamedClasses() throws(SettingError) {
        try configuration.wrappers.imbalance?.check(
            classNames, isComplete: targets.knowsAllClasses && further == nil)
    }

    /// Number of records learned: what a prediction names as the model's version.
    public var version: Int { evaluation.learned }

    /// A row's target for people.
    func targetText(_ row: Int, _ features: FeatureBatch) -> String {
        ([firstTargetText(row, features)] + (further?.texts(row, features) ?? [])).joined(separator: ",")
    }

    private func firstTargetText(_ row: Int, _ features: FeatureBatch) -> String {
        if schema.task == .regression || schema.task == .bandit {
            return features.targets[row].isNaN ? "unknown" : fixed(features.targets[row], 4)
        }
        return targetName(row, features) ?? "unknown"
    }

    /// The name of a row's class, nil when it is not known.
    func targetName(_ row: Int, _ features: FeatureBatch) -> String? { className(Int(features.classes[row])) }

    /// A row's prediction for people.
    func predictionText(_ row: Int, _ predictions: PredictionBatch) -> String {
        if further != nil { return outputTexts(row, predictions) }
        if schema.task.answersNumber { return fixed(predictions.outputs[row * predictions.stride], 4) }
        let name = className(Int(predictions.classes[row])) ?? "none"
        return schema.task == .binary ? "\(name) \(fixed(predictions.outputs[row * predictions.stride], 4))" : name
    }

    private func className(_ index: Int) -> String? {
        let names = targets.classNames
        return names.indices.contains(index) ? names[index] : nil
    }

    /// An empty batch of the shape this pipeline takes.
    func makeRecordBatch(capacity: Int? = nil) -> RecordBatch {
        let batch = preprocessor.makeRecordBatch(capacity: capacity ?? configuration.batchSize)
        batch.readsOthersAsMissing = configuration.schemaDrift.type == .missing
        return batch
    }

    /// What the preprocessing steps have to say about themselves.
    var notes: [(step: String, notes: [StepNote])] { preprocessor.notes }

    /// Predicts each record, scores it where its target is known, then learns it.
    ///
    /// - Parameters:
    ///   - learning: false = predict only; nothing changes.
    ///   - isFiltered: `filter` has been asked.
    ///   - scored: called for each row once it counts, with the number of records learned before it and of classes
    ///     that could be told apart then.
    func process(
        _ batch: RecordBatch, _ ownFeatures: FeatureBatch, _ predictions: PredictionBatch, learning: Bool,
        isFiltered: Bool = false,
        scored: (_ row: Int, _ features: FeatureBatch, _ version: Int, _ known: Int) -> Void
    ) {
        if learning, !isFiltered { preprocessor.filter(batch) }
        let given = batch.features ?? ownFeatures
        targets.encode(batch, into: given, learning: learning, further: further)
        if learning, let fieldDrift {
            fieldDrift.add(batch, before: evaluation.records) { sightings.append(DriftSighting(.field, $0)) }
        }
        if !schema.isFeatureNative { preprocessor.process(batch, given, learning: learning) }
        if let crosser { crosser.apply(given, into: ownFeatures) }
        let features = crosser == nil ? given : ownFeatures
        preprocessor.select(features, learning: learning)
        predictions.rows = features.rows
        if learning {
            learnWatched(features, predictions, answers: predictions, before: evaluation.records)
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

    /// Makes room for more classes in the learner, and in the one that may take its place.
    func grow(toClasses count: Int) {
        learner.grow(toClasses: count)
        background?.grow(toClasses: count)
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
        grow(toClasses: Int(features.classes[row]) + 1)
        learner.predictThenLearn(slice, into: slicePredictions)
    }
}

extension Pipeline {
    // MARK: Drift

    /// What a watch saw, for people.
    func text(of sighting: DriftSighting) -> String {
        guard sighting.kind == .field, let fieldDrift else {
            let consequence = [DriftAction.reset: ": the learner begins anew", .switch: ": another learner takes over"]
            let action = sighting.kind == .drift ? drift.flatMap { consequence[$0.action] } : nil
            return (drift?.name ?? "") + (action ?? "")
        }
        let event = sighting.event
        return "\(fieldDrift.fields[event.field]): \(fieldDrift.test.rawValue) \(fixed(event.statistic, 4))"
    }

    /// What the watches saw since the last call.
    func takeSightings() -> [DriftSighting] {
        guard !sightings.isEmpty else { return [] }
        defer { sightings.removeAll(keepingCapacity: true) }
        return sightings
    }

    /// Predicts and learns rows, and shows the answers to the detector. Where a drift changes the learner, the next record
    /// meets the changed one (`mean`: the next batch), whatever the batch size.
    ///
    /// - Parameters:
    ///   - predictions: what the learner says now.
    ///   - answers: what counts: the same, or what was answered when the records came.
    ///   - before: records counted before the first row; nil: they were counted when they came.
    ///   - answeredWith: classes that could be told apart then; nil: those of now.
    private func learnWatched(
        _ features: FeatureBatch, _ predictions: PredictionBatch, answers: PredictionBatch, before: Int?,
        answeredWith: [Int]? = nil
    ) {
        guard let drift else { return predictThenLearn(features, predictions) }
        func observe(_ row: Int) -> DriftSignal {
            let record = before.map { $0 + row + 1 } ?? evaluation.records
            let known = answeredWith?[row] ?? knownClasses[row]
            let signal = drift.observe(row, features, answers, record: record, known: known)
            if signal != .none {
                let event = DriftEvent(record: record, field: 0, statistic: 0)
                sightings.append(DriftSighting(signal == .drift ? .drift : .warning, event))
            }
            return signal
        }
        guard drift.action != .event, configuration.batchMode == .sequential else {
            predictThenLearn(features, predictions)
            if drift.isTraining { background?.predictThenLearn(features, into: backgroundPredictions) }
            let signal = (0..<features.rows).reduce(DriftSignal.none) { max($0, observe($1)) }
            return respond(to: signal)
        }
        var known = knownClasses
        for row in 0..<features.rows {
            single.copyRows(row..<row + 1, of: features)
            singlePredictions.rows = 1
            predictThenLearn(single, singlePredictions)
            if drift.isTraining { background?.predictThenLearn(single, into: backgroundPredictions) }
            predictions.copyRows(1, of: singlePredictions, to: row)
            known[row] = knownClasses[0]
            if before != nil { knownClasses[row] = known[row] }
            respond(to: observe(row))
        }
        knownClasses = known
    }

    private func respond(to signal: DriftSignal) {
        guard let drift, drift.action != .event, signal != .none else { return }
        if signal == .warning {
            guard background != nil, !drift.isTraining, let fresh = makeFresh() else { return }
            background = fresh
            drift.isTraining = true
            return
        }
        guard let fresh = makeFresh() else { return }
        if let trained = background {
            learner = drift.isTraining ? trained : fresh
            background = drift.isTraining ? fresh : makeFresh()
            drift.isTraining = false
        } else {
            learner = fresh
        }
        for entry in learner.state + (background?.state ?? []) { entry.array.markReplaced() }
    }

    private func makeFresh() -> (any Learner)? {
        guard let fresh = try? makeLearner() else { return nil }
        if schema.task == .multiclass { fresh.grow(toClasses: learner.classCount) }
        return fresh
    }
}

extension Pipeline {
    // MARK: Targets that come later

    /// Feature indices lie below.
    var slotCount: Int { preprocessor.encoder.slotCount }

    /// Columns of the last batch as they came, laid out as the batch's; kept only when records may wait.
    var originalNumbers: [Double] { preprocessor.originalNumbers }
    var originalCategories: [UInt64] { preprocessor.originalCategories }
    var keepsOriginals: Bool {
        get { preprocessor.keepsOriginals }
        set { preprocessor.keepsOriginals = newValue }
    }

    /// Takes records out that nothing else should see.
    func filter(_ batch: RecordBatch) { preprocessor.filter(batch) }

    /// Learning needs a record's fields again, not only the features it was predicted from.
    var relearnsFields: Bool { !schema.isFeatureNative && preprocessor.learnsFields }

    /// Attributes a row; 0: the learner sees features.
    var attributeCount: Int { preprocessor.attributes.count }

    /// The features it was predicted from are learned; else they are made anew when the target is there, as River does.
    var keepsFeatures: Bool { schema.isFeatureNative || !preprocessor.learnsBeforeTransforming }

    /// Steps learn from numbers, when the target is there.
    var keepsNumbers: Bool { !schema.isFeatureNative && preprocessor.hasStages || relearnsFields }

    /// What can be done with a target's text: a class that is known, one that can be added, or nothing.
    func place(ofTarget text: UnsafeBufferPointer<UInt8>) -> TargetEncoder.Place { targets.place(of: text) }

    /// Tells targets apart, equal ones in different spellings not.
    func digest(ofTarget number: Double, _ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        schema.task == .regression ? (number + 0).bitPattern : TargetEncoder.digest(of: text)
    }

    /// Learns records that were predicted before, and scores what was answered then.
    ///
    /// - Parameters:
    ///   - batch: the records' fields as they were, as far as they were kept, and their targets.
    ///   - kept: their features as they were; unused where these are made anew.
    ///   - answers: what was answered; the losses are filled in here.
    ///   - known: classes that could be told apart then.
    ///   - isServed: whether the row is still to be counted as a record.
    func learnDelayed(
        _ batch: RecordBatch, _ kept: FeatureBatch, _ answers: PredictionBatch, known: [Int], isServed: [Bool]
    ) {
        let given = batch.features ?? delayedFeatures
        targets.encode(batch, into: given, learning: true)
        if !schema.isFeatureNative {
            preprocessor.process(batch, given, learning: true)
            preprocessor.select(given, learning: true)
        }
        let features = keepsFeatures ? kept : given
        if features !== given {
            // A value that was new then may have its code only now.
            preprocessor.attributeEncoder?.copyCodes(given, to: features)
            features.targets.update(from: given.targets, count: batch.rows)
            features.classes.update(from: given.classes, count: batch.rows)
            features.weights.update(from: given.weights, count: batch.rows)
        }
        delayedPredictions.rows = batch.rows
        learnWatched(features, delayedPredictions, answers: answers, before: nil, answeredWith: known)
        for row in 0..<batch.rows {
            answers.losses[row] = evaluation.loss(row, features, answers, knownClasses: known[row])
            if isServed[row] {
                evaluation.update(row, features, answers, knownClasses: known[row])
            } else {
                evaluation.score(row, features, answers, knownClasses: known[row])
            }
        }
    }
}

extension Configuration {
    /// Rows of decisions have entries that are no features, which nothing but bandits may see.
    func checkDecisions(hasSelectors: Bool) throws(SettingError) {
        let given = [
            (delay != nil, "targets that come later"), (hasSelectors, "steps that select features"),
            (!crosses.isEmpty, "--cross (bandits have the field crosses)"), (detector != nil, "--detector"),
            (order != nil, "--lateness"),
        ]
        if let wrong = given.first(where: \.0) { throw SettingError("logged decisions do not go with \(wrong.1)") }
    }

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
        learner.descriptor.name == "linear" ? presetFields : learner.presets[preset.rawValue] ?? [:]
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
