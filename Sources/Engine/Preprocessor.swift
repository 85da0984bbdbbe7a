import Components
import Learners
import Preprocessing
import Records
import State

/// All preprocessing steps of a pipeline: filters of records, then steps over columns and records in the order they are
/// given in, the encoder, and selectors of features.
final class Preprocessor: Stateful {
    private enum Stage {
        case columns(any Transformer, count: Int)
        /// `made`: the number columns that the step fills.
        case records(any RecordTransformer, made: Range<Int>)
    }

    let encoder: FeatureEncoder
    /// For learners that see fields as they are.
    let attributeEncoder: AttributeEncoder?
    /// The fields that there are behind all steps.
    let layout: FieldLayout
    private var filters: [any RecordFilter] = []
    private var stages: [Stage] = []
    private var selectors: [any FeatureSelector] = []
    /// Path and arrays of each step, in the order given.
    private var steps: [(path: String, component: any Stateful)] = []
    private let task: Task
    private let isFeatureNative: Bool
    /// Number columns of the schema.
    private let givenNumbers: Int
    private let givenCategories: Int
    /// Steps learn a record as it was, and see it transformed by what they then know, as River's pipelines do.
    let learnsBeforeTransforming: Bool
    /// Columns of the last batch before any step, laid out as the batch's; kept only when asked for.
    private(set) var originalNumbers: [Double] = []
    private(set) var originalCategories: [UInt64] = []
    var keepsOriginals = false
    @exclusivity(unchecked) private var learns: [Bool]
    @exclusivity(unchecked) private var targets: [Double]
    private var learningNumbers: [Double] = []

    init(_ configuration: Configuration, _ schema: Schema, for learner: LearnerDescriptor) throws(SettingError) {
        task = schema.task
        isFeatureNative = schema.isFeatureNative
        learnsBeforeTransforming = configuration.preset == .river
        learns = Array(repeating: false, count: configuration.batchSize)
        targets = Array(repeating: .nan, count: configuration.batchSize)
        var layout = FieldLayout(schema, seed: configuration.seed)
        givenNumbers = layout.numberNames.count
        givenCategories = layout.categoryNames.count
        var later: [(path: String, step: ComponentSpecification)] = []
        for (index, step) in configuration.steps.enumerated() {
            let path = "\(index)-\(step.name)"
            switch try StepKind.find(step.name) {
            case .filter(let found):
                let filter = try found.make(Hyperparameters(found.descriptor, given: step.fields), layout)
                filters.append(filter)
                steps.append((path, filter))
            case .columns(let found):
                guard !isFeatureNative else { continue }
                let parameters = try Hyperparameters(found.descriptor, given: step.fields)
                let made = try Self.transformer(found, parameters, layout)
                stages.append(.columns(made, count: layout.numberNames.count))
                steps.append((path, made))
            case .records(let found):
                guard !isFeatureNative else {
                    throw SettingError("\(step.name) needs named fields; these records bring their own features")
                }
                let before = layout.numberNames.count
                let made = try found.make(Hyperparameters(found.descriptor, given: step.fields), &layout)
                stages.append(.records(made, made: before..<layout.numberNames.count))
                steps.append((path, made))
            case .selector: later.append((path, step))
            }
        }
        self.layout = layout
        encoder = FeatureEncoder(
            schema: layout.schema, style: configuration.preset == .vw ? .vw : .native, bits: configuration.bits,
            indicators: configuration.hasIndicators, crosses: try configuration.fieldCrosses(layout.schema),
            oneHotCapacity: try configuration.oneHotCapacity(),
            identifiers: try configuration.identifiers(), hashing: try configuration.hashing())
        attributeEncoder = try configuration.attributeEncoder(for: learner, layout.schema)
        if attributeEncoder != nil, let step = later.first?.step {
            throw SettingError(
                "\(learner.descriptor.name) learns from fields as they are: the step '\(step.name)' is not for it")
        }
        try addSelectors(later)
    }

    private func addSelectors(_ later: [(path: String, step: ComponentSpecification)]) throws(SettingError) {
        let context = SelectionContext(
            slotCount: encoder.slotCount, denseCount: encoder.denseCount, numberNames: layout.numberNames, task: task,
            nameOf: { [encoder] in encoder.name(ofSlot: $0) })
        for (path, step) in later {
            guard case .selector(let found) = try StepKind.find(step.name) else { continue }
            let made = try found.make(Hyperparameters(found.descriptor, given: step.fields), context)
            selectors.append(made)
            steps.append((path, made))
        }
    }

    private static func transformer(
        _ found: TransformerDescriptor, _ parameters: Hyperparameters, _ layout: FieldLayout
    ) throws(SettingError) -> any Transformer {
        guard parameters["fields"] != "*" else { return try found.make(parameters, layout.numberNames.count) }
        return try found.make(parameters, on: layout.numbers(parameters["fields"], found.descriptor.name))
    }

    var state: [StateEntry] {
        steps.flatMap { $0.component.state.prefixed($0.path) } + encoder.state
            + (attributeEncoder?.state.prefixed("attributes") ?? [])
    }

    func stateDidChange() { for step in steps { step.component.stateDidChange() } }

    /// What the steps have to say about themselves, in the order given.
    var notes: [(step: String, notes: [StepNote])] {
        let all: [(step: String, notes: [StepNote])] = steps.map { path, component in
            switch component {
            case let filter as any RecordFilter: (path, filter.notes)
            case let step as any RecordTransformer: (path, step.notes)
            case let selector as any FeatureSelector: (path, selector.notes)
            default: (path, [])
            }
        }
        return (all + [("encoder", encoder.notes)]).filter { !$0.notes.isEmpty }
    }

    /// What a learner sees that is not one of features; else none.
    var attributes: [Attribute] { attributeEncoder?.attributes ?? [] }

    var hasStages: Bool { !stages.isEmpty }
    var hasSelectors: Bool { !selectors.isEmpty }

    /// Learning needs a record's fields, not only numbers and the features made of them.
    var learnsFields: Bool {
        learnsBeforeTransforming || encoder.hasState || hasSelectors || attributeEncoder?.hasState ?? false
            || stages.contains { if case .records = $0 { true } else { false } }
    }

    /// Columns that a batch needs.
    func makeRecordBatch(capacity: Int) -> RecordBatch {
        RecordBatch(
            capacity: capacity, numericCount: layout.numberNames.count, categoricalCount: layout.categoryNames.count,
            isFeatureNative: isFeatureNative, rawCount: layout.rawNames.count, tokenLists: layout.tokenListCount,
            madeNumbers: layout.numberNames.count - givenNumbers,
            madeCategories: layout.categoryNames.count - givenCategories)
    }

    /// Takes records out that nothing else should see; only of those that are learned.
    func filter(_ batch: RecordBatch) { for filter in filters { filter.filter(batch) } }

    /// Runs the steps and encodes the rows into `features`, whose targets are known.
    func process(_ batch: RecordBatch, _ features: FeatureBatch, learning: Bool) {
        noteTargets(features, batch.rows)
        if keepsOriginals { keepOriginals(batch) }
        let separate = learnsBeforeTransforming && learning
        if separate {
            learningNumbers.removeAll(keepingCapacity: true)
            let count = batch.numericCount * batch.columnStride
            learningNumbers.append(contentsOf: UnsafeBufferPointer(start: batch.numbers, count: count))
        }
        encoder.noteMissing(batch, columns: 0..<givenNumbers)
        learningNumbers.withUnsafeMutableBufferPointer { numbers in
            learns.withUnsafeBufferPointer { learns in
                let learns = learning ? learns.baseAddress : nil
                let learningBase = separate ? numbers.baseAddress : nil
                for stage in stages { run(stage, batch, learningBase, learns) }
                if let attributeEncoder {
                    return attributeEncoder.encode(
                        batch, learningNumbers: learningBase, learns: learns, into: features)
                }
                encoder.encode(batch, learningNumbers: learningBase, learns: learns, into: features)
            }
        }
    }

    private func keepOriginals(_ batch: RecordBatch) {
        func keep<T>(_ column: UnsafeMutablePointer<T>, _ columns: Int, _ kept: inout [T], _ none: T) {
            let count = columns * batch.columnStride
            if kept.count != count { kept = Array(repeating: none, count: count) }
            kept.withUnsafeMutableBufferPointer { kept in
                guard let base = kept.baseAddress else { return }
                for start in stride(from: 0, to: count, by: batch.columnStride) {
                    (base + start).update(from: column + start, count: batch.rows)
                }
            }
        }
        keep(batch.numbers, batch.numericCount, &originalNumbers, .nan)
        keep(batch.categories, batch.categoricalCount, &originalCategories, 0)
    }

    private func run(
        _ stage: Stage, _ batch: RecordBatch, _ learningBase: UnsafeMutablePointer<Double>?,
        _ learns: UnsafePointer<Bool>?
    ) {
        switch stage {
        case .columns(let transformer, let count):
            transformer.process(
                NumberColumns(
                    rows: batch.rows, stride: batch.columnStride, count: count, values: batch.numbers,
                    learningValues: learningBase, learns: learns))
        case .records(let transformer, let made):
            targets.withUnsafeBufferPointer { targets in
                guard let targets = targets.baseAddress else { return }
                transformer.process(RecordView(batch, targets: targets, learns: learns))
            }
            encoder.noteMissing(batch, columns: made)
            if let learningBase { share(batch, learningBase, made) }
        }
    }

    /// Gives the numbers to learn from what a step over records made, and filled in.
    private func share(_ batch: RecordBatch, _ learning: UnsafeMutablePointer<Double>, _ made: Range<Int>) {
        for column in 0..<batch.numericCount {
            let from = batch.numbers + column * batch.columnStride
            let to = learning + column * batch.columnStride
            for row in 0..<batch.rows where made.contains(column) || to[row].isNaN { to[row] = from[row] }
        }
    }

    /// Which rows can be learned, and their targets as numbers where a step wants them.
    private func noteTargets(_ features: FeatureBatch, _ rows: Int) {
        let isRegression = task == .regression
        let learnsAll = task.learnsWithoutTarget
        let (numbers, classes) = (features.targets, features.classes)
        learns.withUnsafeMutableBufferPointer { learns in
            for row in 0..<rows {
                learns[row] = isRegression ? !numbers[row].isNaN : learnsAll || classes[row] >= 0
            }
            // Of several targets one is enough.
            let further = features.furtherTargetCount
            for row in 0..<rows where further > 0 && !learns[row] {
                learns[row] = (0..<further).contains { !features.furtherTargets[row * further + $0].isNaN }
            }
        }
        // Only these look at them.
        guard !selectors.isEmpty || stages.count > 0 else { return }
        targets.withUnsafeMutableBufferPointer { targets in
            for row in 0..<rows {
                targets[row] = isRegression ? numbers[row] : classes[row] >= 0 ? Double(classes[row]) : .nan
            }
        }
    }

    /// Takes features out of encoded rows.
    func select(_ features: FeatureBatch, learning: Bool) {
        guard !selectors.isEmpty else { return }
        noteTargets(features, features.rows)
        targets.withUnsafeBufferPointer { targets in
            learns.withUnsafeBufferPointer { learns in
                guard let targets = targets.baseAddress else { return }
                for selector in selectors {
                    selector.process(features, targets: targets, learns: learning ? learns.baseAddress : nil)
                }
            }
        }
    }
}

/// What a step of a pipeline is.
enum StepKind {
    case filter(RecordFilterDescriptor)
    case columns(TransformerDescriptor)
    case records(RecordTransformerDescriptor)
    case selector(FeatureSelectorDescriptor)

    static let all: [StepKind] =
        RecordFilterRegistry.all.map { .filter($0) } + TransformerRegistry.all.map { .columns($0) }
        + RecordTransformerRegistry.all.map { .records($0) } + FeatureSelectorRegistry.all.map { .selector($0) }

    static func find(_ name: String) throws(SettingError) -> StepKind {
        if let found = all.first(where: { $0.descriptor.name == name }) { return found }
        throw SettingError(
            "there is no preprocessing step '\(name)'"
                + didYouMean(name, (all.map(\.descriptor) + EncodingSteps.all).map(\.name)))
    }

    var descriptor: Descriptor {
        switch self {
        case .filter(let found): found.descriptor
        case .columns(let found): found.descriptor
        case .records(let found): found.descriptor
        case .selector(let found): found.descriptor
        }
    }

    /// Its hyperparameters that name fields whose bytes it reads.
    var rawFields: [String] {
        switch self {
        case .filter(let found): found.rawFields
        case .records(let found): found.rawFields
        case .columns, .selector: []
        }
    }
}

/// What a step of a pipeline can be, in the order they are listed in.
public enum PreprocessingSteps {
    public static var descriptors: [Descriptor] { StepKind.all.map(\.descriptor) + EncodingSteps.all }
}

extension Configuration {
    /// The steps in force but for those that say how columns become features.
    var steps: [ComponentSpecification] {
        let input = (try? LearnerRegistry.find(learner.name))?.input ?? .features
        return switch (pipeline, input, preset) {
        case (let given?, _, _): given.filter { EncodingSteps.find($0.name) == nil }
        case (nil, .attributes(isScaled: false), _), (nil, .attributes, .moa): []
        case (nil, _, .thalweg), (nil, .features, .moa):
            [ComponentSpecification(name: "standardize", fields: ["limit": "5", "winsorize": "10"])]
        case (nil, _, .river): [ComponentSpecification(name: "standardize")]
        case (nil, _, .vw): []
        }
    }

    /// Gives the fields whose bytes steps read the role for it.
    func markRawFields(of schema: inout Schema) throws(SettingError) {
        for step in steps {
            let kind = try StepKind.find(step.name)
            let parameters = try Hyperparameters(kind.descriptor, given: step.fields)
            let patterns = kind.rawFields.flatMap { parameters[$0].split(separator: "+").map(String.init) }
            for index in schema.fields.indices {
                let field = schema.fields[index]
                guard patterns.contains(where: { FieldLayout.matches(field.name, $0) }),
                    ![.target, .id, .weight, .time].contains(field.role)
                else { continue }
                schema.fields[index].role = .raw
            }
        }
        guard preset != .vw, let table = try identifiers(), table.boolean("names") else { return }
        for index in schema.fields.indices where schema.fields[index].role == .categorical {
            schema.fields[index].isNamed = true
        }
    }
}
