/// What a field is to the model.
public enum FieldRole: String, Sendable, CaseIterable {
    case numeric
    case categorical
    /// Numbers that also act as categories: both a scaled number and one feature a value.
    case both = "numeric+categorical"
    case text
    /// Kept as the bytes it came with, for the steps that name it.
    case raw
    case ignored
    case target
    case id
    case weight
    case time
}

/// One named field of the records.
public struct Field: Sendable, Equatable {
    public let name: String
    public var role: FieldRole
    /// What the schema calls it, where a source has another name for it: hashes are of this one. Nil: the same.
    public var schemaName: String?
    /// A category whose texts are kept beside its hashes, so that slots can speak names.
    public var isNamed = false
    /// Its numbers have a comma before the fraction.
    public var hasDecimalComma = false
    /// The values that the format declares (ARFF's nominal attributes), in order; empty: they are not known before.
    public var values: [String]

    public init(_ name: String, _ role: FieldRole, values: [String] = []) {
        self.name = name
        self.role = role
        self.values = values
    }
}

/// What is learned from the target.
public enum Task: String, Sendable, CaseIterable {
    case binary
    case multiclass
    case regression
    /// How unusual each record is, from 0 to 1. Needs no target: one with two classes serves to judge the scores.
    case anomaly
    /// Which group each record belongs to. Needs no target.
    case clustering
    /// Which of several actions to take; the target is what the one that was taken cost.
    case bandit

    /// The answer is a number: a value, a score, or the number of a group or an action.
    public var answersNumber: Bool { self == .regression || self == .bandit || learnsWithoutTarget }

    /// Targets are one of two classes.
    public var hasTwoClasses: Bool { self == .binary || self == .anomaly }

    /// Records are learned whether they have a target or not.
    public var learnsWithoutTarget: Bool { self == .anomaly || self == .clustering }
}

/// A target beyond the first: one of several outputs.
public struct OutputField: Sendable, Equatable {
    public let name: String
    /// As `Schema.classes`.
    public var classes: [String]

    public init(_ name: String, classes: [String] = []) {
        self.name = name
        self.classes = classes
    }
}

/// The fields of a stream, fixed after inference and kept in every snapshot.
public struct Schema: Sendable, Equatable {
    public var fields: [Field]
    public var task: Task
    /// Classes known when the schema was fixed, in index order; for a binary task the second one is positive.
    public var classes: [String]
    /// Further targets of the same task, each with an output of its own; their fields are kept as bytes.
    public var furtherOutputs: [OutputField] = []
    /// True: records bring their own features (VW text, LIBSVM), `fields` names only what frames them.
    public var isFeatureNative: Bool

    public init(fields: [Field], task: Task, classes: [String] = [], isFeatureNative: Bool = false) {
        self.fields = fields
        self.task = task
        self.classes = classes
        self.isFeatureNative = isFeatureNative
    }

    public func fields(_ roles: FieldRole...) -> [Field] { fields.filter { roles.contains($0.role) } }

    /// Fields of which every record's bytes are kept, in the order of the columns.
    public var keptFields: [Field] { fields.filter { $0.role == .raw || $0.role == .time || $0.isNamed } }

    /// All targets that there are, in the order of the outputs.
    public var outputNames: [String] { fields(.target).map(\.name) + furtherOutputs.map(\.name) }

    /// The same where there are several; none: there is one target at most.
    public var severalOutputNames: [String] { furtherOutputs.isEmpty ? [] : outputNames }

    public func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }
}
