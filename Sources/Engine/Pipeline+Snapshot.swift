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
        let pipeline = try Pipeline(configuration: configuration, schema: schema)
        // Arrays whose size comes with the number of classes.
        if let classes = metadata["classes"]?.array?.count, schema.task == .multiclass {
            pipeline.learner.grow(toClasses: classes)
        }
        try snapshot.restore(pipeline.state)
        pipeline.stateDidChange()
        return (pipeline, position, format)
    }
}

extension Schema {
    var json: JSONValue {
        .object([
            ("task", .string(task.rawValue)), ("feature_native", .boolean(isFeatureNative)),
            ("classes", .array(classes.map { .string($0) })),
            (
                "fields",
                .array(fields.map { .object([("name", .string($0.name)), ("role", .string($0.role.rawValue))]) })
            ),
        ])
    }

    init?(_ json: JSONValue) {
        guard let task = json["task"]?.string.flatMap(Task.init(rawValue:)),
            let isNative = json["feature_native"]?.boolean,
            let classes = json["classes"]?.array?.compactMap(\.string), let list = json["fields"]?.array
        else { return nil }
        let fields = list.compactMap { field -> Field? in
            guard let name = field["name"]?.string, let role = field["role"]?.string.flatMap(FieldRole.init(rawValue:))
            else { return nil }
            return Field(name, role)
        }
        guard fields.count == list.count else { return nil }
        self.init(fields: fields, task: task, classes: classes, isFeatureNative: isNative)
    }
}
