import Formats
import JSON
import Records
import Snapshots

/// The version of the engine, in every snapshot.
public let engineVersion = "0.1.0"

extension Pipeline {
    /// Everything about the run that is no array.
    func snapshotMetadata(_ position: RunPosition, format: String) -> JSONValue {
        .object([
            ("engine_version", .string(engineVersion)), ("format", .string(format)),
            ("configuration", configuration.identity), ("schema", schema.json), ("position", position.json),
            ("classes", .array(classNames.map { .string($0) })), ("records", JSONValue(evaluation.records)),
            ("learned", JSONValue(evaluation.learned)), ("rejected", JSONValue(evaluation.rejected)),
            ("version", JSONValue(version)),
        ])
    }

    /// Makes a pipeline from a snapshot's schema and this configuration, and fills it.
    ///
    /// - Throws: when the configuration is not the one the snapshot was made with.
    static func restored(
        _ snapshot: Snapshot, _ configuration: Configuration
    ) throws -> (pipeline: Pipeline, position: RunPosition, format: String) {
        let metadata = snapshot.metadata
        guard let schemaJSON = metadata["schema"], let schema = Schema(schemaJSON),
            let position = metadata["position"].flatMap(RunPosition.init), let format = metadata["format"]?.string
        else { throw EngineError("'\(snapshot.path)' lacks its schema or position") }
        if let made = metadata["configuration"] { try configuration.checkIdentity(made, snapshot.path) }
        var configuration = configuration
        let hasDelayed = snapshot.tensors.contains { $0.name.hasPrefix("delayed/") }
        // What waits is kept, though nothing asks for it this time.
        if hasDelayed, configuration.delay == nil { configuration.delay = DelayOptions() }
        let pipeline = try Pipeline(
            configuration: configuration, schema: configuration.delay == nil ? schema : schema.withID())
        // Arrays whose size comes with the number of classes.
        if let classes = metadata["classes"]?.array?.count, schema.task == .multiclass {
            pipeline.grow(toClasses: classes)
        }
        try snapshot.restore(hasDelayed ? pipeline.state : pipeline.undelayedState)
        guard pipeline.pending?.isSound ?? true else {
            throw EngineError("'\(snapshot.path)': the records that wait for their targets are damaged")
        }
        guard pipeline.order?.isSound ?? true else {
            throw EngineError("'\(snapshot.path)': the records that wait for earlier ones are damaged")
        }
        pipeline.stateDidChange()
        return (pipeline, position, format)
    }
}

extension Schema {
    /// The same with the fields that name a record wherever it comes from, so that a target can be joined with it.
    func withID() -> Schema {
        guard !isFeatureNative else { return self }
        var schema = self
        for name in ["id", "_id"] where index(of: name) == nil { schema.fields.append(Field(name, .id)) }
        return schema
    }

    /// What decoders need of it: times are read only where somebody asks for them; else a bad one harms nobody.
    func forDecoding(_ configuration: Configuration) -> Schema {
        guard configuration.delay == nil, configuration.order == nil, !fields(.time).isEmpty else { return self }
        var schema = self
        for index in schema.fields.indices where schema.fields[index].role == .time {
            schema.fields[index].role = .raw
        }
        return schema
    }

    /// Of the records that bring targets: an id, a target, a time.
    var ofTargets: Schema {
        Schema(fields: fields(.id, .target, .time), task: task, classes: classes)
    }

    var json: JSONValue {
        let further = furtherOutputs.map { output in
            JSONValue.object([
                ("name", .string(output.name)), ("classes", .array(output.classes.map { .string($0) })),
            ])
        }
        let outputs = further.isEmpty ? [] : [("further_outputs", JSONValue.array(further))]
        return .object(
            [
                ("task", .string(task.rawValue)), ("feature_native", .boolean(isFeatureNative)),
                ("classes", .array(classes.map { .string($0) })),
                (
                    "fields",
                    .array(fields.map(\.json))
                ),
            ] + outputs)
    }

    init?(_ json: JSONValue) {
        guard let task = json["task"]?.string.flatMap(Task.init(rawValue:)),
            let isNative = json["feature_native"]?.boolean,
            let classes = json["classes"]?.array?.compactMap(\.string), let list = json["fields"]?.array
        else { return nil }
        let fields = list.compactMap { field -> Field? in
            guard let name = field["name"]?.string, let role = field["role"]?.string.flatMap(FieldRole.init(rawValue:))
            else { return nil }
            var made = Field(name, role, values: field["values"]?.array?.compactMap(\.string) ?? [])
            made.isNamed = field["named"]?.boolean ?? false
            return made
        }
        guard fields.count == list.count else { return nil }
        self.init(fields: fields, task: task, classes: classes, isFeatureNative: isNative)
        for output in json["further_outputs"]?.array ?? [] {
            guard let name = output["name"]?.string else { return nil }
            furtherOutputs.append(
                OutputField(name, classes: output["classes"]?.array?.compactMap(\.string) ?? []))
        }
    }
}

extension Field {
    fileprivate var json: JSONValue {
        .object(
            [("name", .string(name)), ("role", .string(role.rawValue))]
                + (isNamed ? [("named", .boolean(true))] : [])
                + (values.isEmpty ? [] : [("values", .array(values.map { .string($0) }))]))
    }
}
