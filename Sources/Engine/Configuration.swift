import Components
import Formats
import JSON
import Learners
import Preprocessing
import Records

/// Whose defaults apply where nothing is said.
public enum Preset: String, Sendable, CaseIterable {
    case thalweg
    case vw
    case river
    case moa
}

/// One of several inputs: its parts, and how its records become those of the schema.
public struct SourceConfiguration: Sendable {
    /// Names of the source's parts (files); empty: all there are.
    public var parts: [String] = []
    /// Nil = by suffix and content.
    public var format: String?
    public var mapping = SourceMapping()

    public init() {}

    func has(_ part: String) -> Bool { parts.isEmpty || parts.contains(part) }
}

/// Everything that shapes the model and the flow of records.
public struct Configuration: Sendable {
    /// Nil = by suffix and content.
    public var format: String?
    public var csv = CSVDialect()
    /// Where the schemas of Avro messages come from.
    public var schemas: (any MessageSchemas)?
    public var schema = SchemaOptions()
    /// Inputs with names, units and formats of their own.
    public var sources: [SourceConfiguration] = []
    public var preset = Preset.thalweg
    public var learner = ComponentSpecification(name: "linear")
    /// Preprocessing steps in order; nil = the preset's.
    public var pipeline: [ComponentSpecification]?
    public var crosses: [String] = []
    /// What is put around the learner.
    public var wrappers = WrapperOptions()
    /// How several targets are learned; nil: as is usual.
    public var multiOutput: MultiOutputMethod?
    /// Watches the learner's answers; nil: nothing does.
    public var detector: ComponentSpecification?
    public var onDrift = DriftAction.event
    /// Watches the distribution of each field: psi or ks; nil: nothing does.
    public var featureDrift: ComponentSpecification?
    /// log2 of the hashed feature slots.
    public var bits = 18
    public var batchSize = 256
    /// How long an incomplete batch waits for more records, in seconds.
    public var batchWait = 0.05
    public var batchMode = BatchMode.sequential
    public var seed: UInt64 = 1
    /// Targets may come later than their records; nil: they come with them.
    public var delay: DelayOptions?
    /// Records are put in the order of their times; nil: they are taken as they come.
    public var order: OrderOptions?
    /// What is done when records stop fitting the schema.
    public var schemaDrift = SchemaDriftOptions()
    /// Stop when more than this share of the last 1,000 records was rejected; 1 = never.
    public var maximumRejected = 1.0
    /// A longer record is rejected without being held in memory.
    public var maximumRecordBytes = 16 << 20

    public init() {}

    /// The learner's fields that the preset sets.
    var presetFields: [String: String] {
        switch preset {
        case .thalweg, .moa: [:]
        case .vw: ["optimizer": "vw", "dialect": "vw", "multiclass": "one-against-all"]
        case .river: ["optimizer": "sgd", "dialect": "river"]
        }
    }
}

extension ComponentSpecification {
    /// The specification as a user would write it, fields sorted.
    public var text: String {
        fields.isEmpty
            ? name
            : name + ":" + fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}

/// A run that cannot start or go on: what happened and what to do.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The configuration or the command line is wrong.
        case usage
        /// Something failed while running.
        case runtime
        /// The reader of our output went away.
        case closed
        /// Asked to stop before there was anything to learn from.
        case stopped
    }

    public let description: String
    public let kind: Kind

    public init(_ description: String, _ kind: Kind = .runtime) {
        self.description = description
        self.kind = kind
    }
}
