import Components
import Records
import State

/// How the records of a mini-batch follow each other.
public enum BatchMode: String, Sendable, CaseIterable {
    /// Each record is predicted after all earlier ones were learned: the result does not depend on the batch size.
    case sequential
    /// All records of a batch are predicted with the parameters at its start, then one step with their mean gradient.
    case mean
}

/// Something that learns from features and targets. One owner at a time; replicas made from the same hyperparameters
/// serve other threads.
///
/// Laws (checked for every registered learner): `predict` changes nothing; weight 0 changes nothing; a row whose
/// target is unknown is predicted and not learned; no input makes the state non-finite; equal input gives equal
/// bytes, whatever the batch boundaries in sequential mode; all state is in `state`.
public protocol Learner: Stateful {
    /// Classes it can tell apart now: 2 for a binary task, 0 for regression.
    var classCount: Int { get }

    /// Makes room for more classes (multiclass only); what was learned stays.
    func grow(toClasses count: Int)

    /// Predicts every row. Changes nothing.
    func predict(_ features: FeatureBatch, into predictions: PredictionBatch)

    /// Predicts every row, and learns those whose target is known: the prediction is the one before the row itself
    /// (sequential) or before its batch (mean) was learned.
    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch)
}

extension Learner {
    public func grow(toClasses count: Int) {}
}

/// What a learner is built for.
public struct LearnerContext: Sendable {
    public let task: Task
    /// Feature indices lie below this.
    public let slotCount: Int
    public let seed: UInt64
    public let batchMode: BatchMode
    /// True: features come raw from the record (VW text, LIBSVM), on unknown scales.
    public let isFeatureNative: Bool
    /// What learners of attributes see, in the order of `FeatureBatch.attributes`; empty for learners of features.
    public let attributes: [Attribute]

    public init(
        task: Task, slotCount: Int, seed: UInt64, batchMode: BatchMode, isFeatureNative: Bool,
        attributes: [Attribute] = []
    ) {
        self.attributes = attributes
        self.task = task
        self.slotCount = slotCount
        self.seed = seed
        self.batchMode = batchMode
        self.isFeatureNative = isFeatureNative
    }
}

/// A registered learner: what it is, and how to make it.
public struct LearnerDescriptor: Sendable {
    /// What a learner sees of a record.
    public enum Input: Sendable {
        /// Rows of hashed index and value.
        case features
        /// Fields as they are: numbers and codes of nominal values.
        ///
        /// - Parameter isScaled: numbers are standardized, unless a preset or a pipeline says otherwise.
        case attributes(isScaled: Bool)
    }

    public let descriptor: Descriptor
    public let tasks: [Task]
    public let input: Input
    /// The fields that a preset sets, by the preset's name.
    public let presets: [String: [String: String]]
    /// It learns a series of targets, and does without any field.
    public let isForecaster: Bool
    public let make: @Sendable (Hyperparameters, LearnerContext) throws(SettingError) -> any Learner

    public init(
        _ descriptor: Descriptor, tasks: [Task], input: Input = .features, presets: [String: [String: String]] = [:],
        isForecaster: Bool = false,
        make: @escaping @Sendable (Hyperparameters, LearnerContext) throws(SettingError) -> any Learner
    ) {
        self.descriptor = descriptor
        self.tasks = tasks
        self.input = input
        self.presets = presets
        self.isForecaster = isForecaster
        self.make = make
    }
}
