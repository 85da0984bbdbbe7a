import Engine
import JSON

/// The service described in OpenAPI 3.1.
struct OpenAPIDocument {
    private let options: ServiceOptions

    init(_ options: ServiceOptions) { self.options = options }

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("openapi", "3.1.0"),
            (
                "info",
                .object([
                    ("title", "Thalweg"), ("version", .string(engineVersion)),
                    ("description", "A model that learns while it answers. Every answer names the version it is from."),
                ])
            ), ("paths", .object(paths)), ("components", .object(components)),
        ]
        if !options.tokens.isEmpty { members.append(("security", .array([.object([("bearer", .array([]))])]))) }
        return .object(members)
    }

    private var paths: [(String, JSONValue)] {
        [
            ("/predict", .object([("post", predict)])), ("/learn", .object([("post", learn)])),
            (
                "/explain",
                .object([("post", post("What each field contributes", "Records", "Prediction", [413, 501]))])
            ), ("/model", .object([("get", get("The published model", "Model", [503]))])),
            ("/healthz", .object([("get", get("Whether the process lives", "Any"))])),
            ("/readyz", .object([("get", get("Whether requests are welcome", "Ready", [503]))])),
            ("/ping", .object([("get", get("Like /readyz", "Ready", [503]))])),
            ("/health", .object([("get", get("Like /readyz", "Ready", [503]))])),
            ("/version", .object([("get", get("The engine's version", "Any"))])),
            ("/metrics", .object([("get", get("Prometheus metrics", nil, type: "text/plain"))])),
            ("/events", .object([("get", get("Server-sent events", nil, [503], type: "text/event-stream"))])),
            ("/openapi.json", .object([("get", get("This document", "Any"))])),
            ("/invocations", .object([("post", post("MLflow's scoring", "Invocations", "Predictions", [413, 501]))])),
            ("/v2", .object([("get", get("Server metadata", "Any"))])),
            ("/v2/health/live", .object([("get", get("Liveness", "Any"))])),
            ("/v2/health/ready", .object([("get", get("Readiness", "Ready", [503]))])),
        ] + openInference + (options.hasAdmin ? admin : [])
    }

    private var admin: [(String, JSONValue)] {
        [
            (
                "/admin/snapshot",
                .object([
                    (
                        "post",
                        operation(
                            "Take a snapshot now", [("200", Self.response("It is durable", Self.reference("Taken")))],
                            [403, 409, 503])
                    )
                ])
            ), ("/admin/snapshots", .object([("get", get("The snapshots, newest first", "Snapshots", [403, 409]))])),
            (
                "/admin/snapshots/{snapshot}",
                .object([("get", get("One snapshot", "Snapshot", [403, 404, 409], parameters: ["snapshot"]))])
            ),
        ]
    }

    private var openInference: [(String, JSONValue)] {
        var paths: [(String, JSONValue)] = []
        for (path, names) in [("", ["model"]), ("/versions/{version}", ["model", "version"])] {
            let base = "/v2/models/{model}" + path
            let metadata = get("Model metadata", "Any", [404, 503], parameters: names)
            let ready = get("Model readiness", "Any", [404, 503], parameters: names)
            let infer = post("Predict tensors", "Tensors", "Outputs", [404, 413, 501], parameters: names)
            paths.append((base, .object([("get", metadata)])))
            paths.append((base + "/ready", .object([("get", ready)])))
            paths.append((base + "/infer", .object([("post", infer)])))
        }
        let learn = post(
            "Learn tensors, the target one of them", "Tensors", "Any", [202, 403, 404, 413, 429, 501, 504, 507],
            parameters: ["model"], query: Self.ack)
        paths.append(("/v2/models/{model}/learn", .object([("post", learn)])))
        let explain = post("Explain predictions", "Tensors", "Any", [404, 413, 501], parameters: ["model"])
        paths.append(("/v2/models/{model}/explain", .object([("post", explain)])))
        return paths
    }

    // MARK: Operations

    private var predict: JSONValue {
        operation(
            "Predict records", [("200", Self.response("One prediction a record", Self.reference("Prediction")))],
            [413], body: Self.records)
    }

    private var learn: JSONValue {
        operation(
            "Learn records with their targets: all of them or none",
            [
                (
                    "200",
                    Self.response(
                        "A published version has them, with durable on disk as well", Self.reference("Accepted"))
                ),
                ("202", Self.response("They are taken in, with durable on disk", Self.reference("Accepted"))),
            ], [403, 404, 413, 429, 504, 507], body: Self.records, query: Self.ack)
    }

    private func get(
        _ summary: String, _ schema: String?, _ errors: [Int] = [], type: String = "application/json",
        parameters: [String] = []
    ) -> JSONValue {
        let content = schema.map { Self.reference($0) } ?? .object([("type", "string")])
        return operation(
            summary, [("200", Self.response(summary, content, type: type))], errors, parameters: parameters)
    }

    private func post(
        _ summary: String, _ body: String, _ answer: String, _ errors: [Int], parameters: [String] = [],
        query: JSONValue? = nil
    ) -> JSONValue {
        operation(
            summary, [("200", Self.response(summary, Self.reference(answer)))], errors,
            body: .object([("application/json", .object([("schema", Self.reference(body))]))]),
            parameters: parameters, query: query)
    }

    private func operation(
        _ summary: String, _ answers: [(String, JSONValue)], _ errors: [Int], body: JSONValue? = nil,
        parameters: [String] = [], query: JSONValue? = nil
    ) -> JSONValue {
        var codes = Set(errors).union([400, 421])
        if body != nil { codes.formUnion([415, 503]) }
        if !options.tokens.isEmpty { codes.formUnion([401, 403]) }
        let given = Set(answers.map(\.0))
        var responses = answers
        for code in codes.sorted() where !given.contains(String(code)) {
            let isError = code >= 400
            responses.append(
                (
                    String(code),
                    Self.response(
                        isError ? "Why not" : summary, isError ? nil : Self.reference("Any"), type: "application/json")
                ))
        }
        var members: [(String, JSONValue)] = [("summary", .string(summary)), ("responses", .object(responses))]
        var all = parameters.map { name in
            let schema: [(String, JSONValue)] =
                name == "model" ? [("enum", .array([.string(options.modelName)]))] : []
            return Self.parameter(name, "path", .object([("type", "string")] + schema), isRequired: true)
        }
        if let query { all.append(query) }
        if !all.isEmpty { members.append(("parameters", .array(all))) }
        if let body { members.append(("requestBody", .object([("required", true), ("content", body)]))) }
        return .object(members)
    }
}

extension OpenAPIDocument {
    // MARK: Pieces

    private static func reference(_ name: String) -> JSONValue {
        .object([("$ref", .string("#/components/schemas/" + name))])
    }

    private static func response(
        _ summary: String, _ schema: JSONValue?, type: String = "application/json"
    ) -> JSONValue {
        // Errors may come from where bodies are not made.
        let content = JSONValue.object([(type, .object([("schema", schema ?? reference("Error"))]))])
        return .object([("description", .string(summary)), ("content", content)])
    }

    private static func parameter(_ name: String, _ place: String, _ schema: JSONValue, isRequired: Bool) -> JSONValue {
        .object([
            ("name", .string(name)), ("in", .string(place)), ("required", .boolean(isRequired)), ("schema", schema),
        ])
    }

    private static var ack: JSONValue {
        parameter(
            "ack", "query", .object([("type", "string"), ("enum", ["accepted", "applied", "durable"])]),
            isRequired: false)
    }

    /// The bodies that hold records.
    private static var records: JSONValue {
        let lines = JSONValue.object([("schema", .object([("type", "string")]))])
        return .object([
            ("application/json", .object([("schema", reference("Records"))])), ("application/x-ndjson", lines),
            ("application/jsonl", lines), ("text/plain", lines),
        ])
    }

    private static func object(_ properties: [(String, JSONValue)], required: [String] = []) -> JSONValue {
        .object([
            ("type", "object"), ("properties", .object(properties)),
            ("required", .array(required.map { .string($0) })),
        ])
    }

    private static func list(_ items: JSONValue) -> JSONValue { .object([("type", "array"), ("items", items)]) }

    private var components: [(String, JSONValue)] {
        var parts: [(String, JSONValue)] = [("schemas", .object(schemas))]
        if !options.tokens.isEmpty {
            let bearer = JSONValue.object([("type", "http"), ("scheme", "bearer")])
            parts.append(("securitySchemes", .object([("bearer", bearer)])))
        }
        return parts
    }

    private var schemas: [(String, JSONValue)] {
        let text = JSONValue.object([("type", "string")])
        let whole = JSONValue.object([("type", "integer")])
        let any = JSONValue.object([])
        let record = JSONValue.object([("type", "object")])
        // Of several targets each of these is an object with a member an output.
        let prediction = Self.object(
            [
                ("id", any), ("prediction", any), ("value", any), ("probabilities", record), ("lower", any),
                ("upper", any), ("quantiles", record), ("version", whole),
            ], required: ["prediction", "version"])
        let tensor = Self.object(
            [("name", text), ("shape", Self.list(whole)), ("datatype", text), ("data", Self.list(any))],
            required: ["name", "shape", "datatype", "data"])
        let snapshot = Self.object(
            [
                ("name", text), ("records", whole), ("version", whole), ("bytes", whole),
                ("time", .object([("type", "number")])),
            ],
            required: ["name", "records", "version", "bytes", "time"])
        let split = Self.object(
            [("columns", Self.list(text)), ("data", Self.list(Self.list(any)))], required: ["columns", "data"])
        return [
            ("Any", .object([("type", "object")])),
            ("Snapshot", snapshot),
            ("Snapshots", Self.object([("snapshots", Self.list(snapshot))], required: ["snapshots"])),
            (
                "Taken",
                Self.object(
                    [("snapshot", text), ("records", whole), ("version", whole), ("bytes", whole)],
                    required: ["snapshot", "records", "version", "bytes"])
            ),
            ("Error", Self.object([("error", text), ("record", whole)], required: ["error"])),
            ("Ready", Self.object([("ready", .object([("type", "boolean")]))], required: ["ready"])),
            ("Records", .object([("anyOf", .array([record, Self.list(record)]))])),
            ("Prediction", .object([("anyOf", .array([prediction, Self.list(prediction)]))])),
            (
                "Accepted",
                Self.object(
                    [("accepted", whole), ("offset", whole), ("version", whole)],
                    required: ["accepted", "offset", "version"])
            ), ("Model", Self.object([("name", text), ("version", whole)], required: ["name", "version"])),
            ("Tensors", Self.object([("id", text), ("inputs", Self.list(tensor))], required: ["inputs"])),
            (
                "Outputs",
                Self.object(
                    [("model_name", text), ("model_version", text), ("outputs", Self.list(tensor))],
                    required: ["model_name", "outputs"])
            ),
            (
                "Invocations",
                Self.object([
                    ("dataframe_split", split), ("dataframe_records", Self.list(record)), ("instances", Self.list(any)),
                    ("inputs", any),
                ])
            ), ("Predictions", Self.object([("predictions", Self.list(any))], required: ["predictions"])),
        ]
    }
}
