import Engine
import Hummingbird
import JSON
import Records

/// The Open Inference Protocol, version 2, over REST. Learning and explaining are extensions.
extension ServiceState {
    private static var extensions: JSONValue { ["learn", "explain"] }

    func addOpenInferenceRoutes(to table: RouteTable) {
        table.get("/v2") { _, _ in
            .json(
                .object([
                    ("name", "thalweg"), ("version", .string(engineVersion)), ("extensions", Self.extensions),
                ]))
        }
        for path in ["/v2/models/:model", "/v2/models/:model/versions/:version"] {
            table.get(path) { [self] _, context in try metadata(context) }
            table.get(path + "/ready") { [self] _, context in
                try checkModel(context)
                let isReady = unreadiness == nil
                return .json(
                    .object([("name", .string(options.modelName)), ("ready", .boolean(isReady))]),
                    status: isReady ? .ok : .serviceUnavailable)
            }
            table.post(path + "/infer") { [self] request, context in try await infer(request, context) }
        }
        table.post("/v2/models/:model/learn", role: .learn) { [self] request, context in
            try await learnTensors(request, context)
        }
    }

    /// Refuses other models than ours, and other versions than the current one: no other can be had.
    func checkModel(_ context: ServingContext) throws(Failure) {
        guard let name = context.parameters.get("model"), name == options.modelName else {
            throw Failure(.notFound, "there is no such model; there is '\(options.modelName)'")
        }
        guard let version = context.parameters.get("version") else { return }
        guard let current = live.info?.version, version == String(current) else {
            throw Failure(.notFound, "there is no such version: only the current one can be asked")
        }
    }

    func requireStatus() throws(Failure) -> ModelStatus {
        guard let status = live.status else { throw .unavailable(unreadiness ?? "there is no model yet") }
        return status
    }

    private func metadata(_ context: ServingContext) throws -> Response {
        try checkModel(context)
        let status = try requireStatus()
        let inputs = status.features.map { field in
            Self.tensor(field.name, field.role == .numeric ? "FP64" : "BYTES", [-1])
        }
        let isRegression = status.task.answersNumber
        let type = isRegression ? "FP64" : "BYTES"
        var outputs = status.outputs.map { Self.tensor($0, type, [-1]) }
        if outputs.isEmpty {
            outputs = [Self.tensor("prediction", type, [-1])] + status.bounds.map { Self.tensor($0, type, [-1]) }
        }
        if !isRegression, status.outputs.isEmpty {
            outputs.append(Self.tensor("probabilities", "FP64", [-1, status.classes.count]))
        }
        return .json(
            .object([
                ("name", .string(options.modelName)), ("versions", .array([.string(String(status.info.version))])),
                ("platform", "thalweg"), ("inputs", .array(inputs)), ("outputs", .array(outputs)),
            ]))
    }

    private static func tensor(_ name: String, _ type: String, _ shape: [Int]) -> JSONValue {
        .object([
            ("name", .string(name)), ("datatype", .string(type)), ("shape", .array(shape.map { JSONValue($0) })),
        ])
    }

    // MARK: Infer

    private func infer(_ request: Request, _ context: ServingContext) async throws -> Response {
        try checkModel(context)
        let status = try requireStatus()
        let start = monotonicNanoseconds()
        let document = try await document(of: request)
        let fields = status.fields.filter { !status.outputs.contains($0.name) }
        let records = try TensorRecords(document, fields: fields, maximumRows: Predictor.heldRows)
        let answer = try rows(records.lines)
        registry.countPredictions(records.records.count, seconds(since: start))
        var members: [(String, JSONValue)] = [
            ("model_name", .string(options.modelName)), ("model_version", .string(String(answer.version.version))),
        ]
        if let id = document["id"] {
            guard id.string != nil else { throw Failure.badRequest("'id' is no string") }
            members.append(("id", id))
        }
        let outputs = Self.outputs(answer.rows, answer.classes, status)
        members.append(("outputs", .array(try Self.wanted(document, outputs))))
        return .json(.object(members))
    }

    /// Predicts records, all from one version.
    func rows(_ lines: RecordLines) throws -> (rows: [PredictedRow], classes: [String], version: VersionInfo) {
        do {
            return try pool.use { predictor in
                guard !predictor.takesFeatures else {
                    throw Failure(.notImplemented, "this model learns from text lines: use POST /predict")
                }
                return try lines.bytes.withUnsafeBytes { try predictor.rows($0) }
            }
        } catch let error as RecordError {
            registry.countRefused(1)
            throw Failure.badRequest("record \(error.index): \(error.description)", record: error.index)
        }
    }

    private static func outputs(
        _ rows: [PredictedRow], _ classes: [String], _ status: ModelStatus
    ) -> [(name: String, tensor: JSONValue)] {
        func output(_ name: String, _ type: String, _ shape: [Int], _ data: [JSONValue]) -> JSONValue {
            .object([
                ("name", .string(name)), ("datatype", .string(type)),
                ("shape", .array(shape.map { JSONValue($0) })), ("data", .array(data)),
            ])
        }
        let isRegression = status.task.answersNumber
        if let first = rows.first, !first.outputs.isEmpty {
            return first.outputs.enumerated().map { index, one in
                let type = isRegression ? "FP64" : "BYTES"
                return (one.name, output(one.name, type, [rows.count], rows.map { $0.outputs[index].json }))
            }
        }
        if isRegression {
            let values = rows.map { JSONValue(Optional($0.value)) }
            return [("prediction", output("prediction", "FP64", [rows.count], values))]
                + status.bounds.enumerated().map { index, name in
                    let ends = rows.map { JSONValue($0.bounds.indices.contains(index) ? $0.bounds[index] : nil) }
                    return (name, output(name, "FP64", [rows.count], ends))
                }
        }
        let names = rows.map { JSONValue.string($0.className ?? "") }
        let shares = rows.flatMap { row in row.probabilities.map { JSONValue(Optional($0)) } }
        var probabilities = output("probabilities", "FP64", [rows.count, classes.count], shares)
        if case .object(let members) = probabilities {
            let labels = JSONValue.object([("classes", .array(classes.map { .string($0) }))])
            probabilities = .object(members + [("parameters", labels)])
        }
        return [
            ("prediction", output("prediction", "BYTES", [rows.count], names)), ("probabilities", probabilities),
        ]
    }

    /// The outputs that the request names; all when it names none.
    private static func wanted(
        _ document: JSONValue, _ outputs: [(name: String, tensor: JSONValue)]
    ) throws(Failure) -> [JSONValue] {
        guard let asked = document["outputs"], asked != .null else { return outputs.map(\.tensor) }
        guard let asked = asked.array else { throw .badRequest("'outputs' is no array") }
        guard !asked.isEmpty else { return outputs.map(\.tensor) }
        var wanted: [JSONValue] = []
        for output in asked {
            guard let name = output["name"]?.string, let found = outputs.first(where: { $0.name == name }) else {
                let known = outputs.map { "'\($0.name)'" }.joined(separator: " and ")
                throw .badRequest("'outputs' asks for what there is not; there is \(known)")
            }
            wanted.append(found.tensor)
        }
        return wanted
    }

    // MARK: Learn

    private func learnTensors(_ request: Request, _ context: ServingContext) async throws -> Response {
        try checkModel(context)
        let acknowledgement = try Acknowledgement(request)
        guard inbox != nil else { throw readOnly }
        let status = try requireStatus()
        guard !status.isFeatureNative else {
            throw Failure(.notImplemented, "this model learns from text lines: use POST /learn")
        }
        let document = try await document(of: request)
        let records = try TensorRecords(document, fields: status.fields, maximumRows: .max)
        let accepted = try await learn(records.lines, .json, acknowledgement)
        var members: [(String, JSONValue)] = [
            ("model_name", .string(options.modelName)), ("model_version", .string(String(accepted.version))),
        ]
        if let id = document["id"]?.string { members.append(("id", .string(id))) }
        members += [("accepted", JSONValue(accepted.records)), ("offset", JSONValue(accepted.offset))]
        return .json(.object(members), status: accepted.isApplied ? .ok : .accepted)
    }
}
