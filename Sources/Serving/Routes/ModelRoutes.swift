import Engine
import Evaluation
import Hummingbird
import JSON
import Records

extension ServiceState {
    func addModelRoutes(to table: RouteTable) {
        table.get("/model") { [self] _, _ in
            guard let status = live.status else { throw Failure.unavailable(unreadiness ?? "there is no model yet") }
            return .json(description(of: status))
        }
    }

    func description(of status: ModelStatus) -> JSONValue {
        let fields = status.fields.map { field -> JSONValue in
            .object([("name", .string(field.name)), ("role", .string(field.role.rawValue))])
        }
        return .object([
            ("name", .string(options.modelName)), ("version", JSONValue(status.info.version)),
            ("sequence", JSONValue(status.info.sequence)), ("age_seconds", .number(status.ageSeconds)),
            ("task", .string(status.task.rawValue)),
            ("target", status.target.map { .string($0) } ?? .null),
            ("outputs", .array(status.outputs.map { .string($0) })),
            ("classes", .array(status.classes.map { .string($0) })), ("fields", .array(fields)),
            ("learner", .string(status.learner)),
            ("hyperparameters", .object(status.hyperparameters.map { ($0.name, .string($0.value)) })),
            ("records", JSONValue(status.records)), ("learned", JSONValue(status.learned)),
            ("rejected", JSONValue(status.rejected)), ("metrics", .values(status.metrics)),
            ("baselines", .values(status.baselines)), ("bytes", JSONValue(status.bytes)),
            ("delayed", status.targets?.json ?? .null),
            ("read_only", .boolean(inbox == nil)),
            ("explain", .boolean(!status.isFeatureNative && status.outputs.isEmpty)),
            ("record_type", .string(status.isFeatureNative ? "text/plain" : "application/json")),
            ("engine_version", .string(engineVersion)),
        ])
    }
}

extension ModelStatus {
    var target: String? { fields.first { $0.role == .target }?.name }

    /// Fields that are predicted from.
    var features: [Field] { fields.filter { $0.role.isFeature && !outputs.contains($0.name) } }
}

extension JSONValue {
    static func values(_ values: [NamedValue]) -> JSONValue {
        .object(values.map { ($0.name, JSONValue(Optional($0.value))) })
    }
}
