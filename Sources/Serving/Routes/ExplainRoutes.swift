import Engine
import Glibc
import Hummingbird
import JSON
import Records

/// What each field contributes to a prediction: how far the output moves when the record comes without it, all else
/// equal and all from one version. For a linear learner that is weight times value, and the contributions add up; where
/// fields work together, `interactions` is what they do beyond that.
extension ServiceState {
    /// Records of one request: each costs as many predictions as it has fields.
    private static var maximumExplained: Int { 64 }

    func addExplainRoutes(to table: RouteTable) {
        table.post("/explain") { [self] request, _ in
            let document = try await document(of: request)
            let status = try requireStatus()
            let isSingle = document.members != nil
            guard let records = isSingle ? [document] : document.array else {
                throw Failure.badRequest("the body is no record: want a JSON object, or an array of objects")
            }
            let explained = try await explain(records, status)
            return .json(isSingle ? explained.first ?? .null : .array(explained))
        }
        table.post("/v2/models/:model/explain") { [self] request, context in
            try checkModel(context)
            let status = try requireStatus()
            let document = try await document(of: request)
            let tensors = try TensorRecords(document, fields: status.fields, maximumRows: Self.maximumExplained)
            var members: [(String, JSONValue)] = [("model_name", .string(options.modelName))]
            if let id = document["id"]?.string { members.append(("id", .string(id))) }
            members.append(("explanations", .array(try await explain(tensors.records, status))))
            return .json(.object(members))
        }
    }

    private func explain(_ records: [JSONValue], _ status: ModelStatus) async throws -> [JSONValue] {
        guard status.outputs.isEmpty else {
            throw Failure(
                .notImplemented,
                "this model has several outputs (\(status.outputs.joined(separator: ", "))), and what is explained is one"
            )
        }
        guard records.count <= Self.maximumExplained else {
            throw Failure(
                .contentTooLarge, "\(records.count) records; a request takes \(Self.maximumExplained) to explain")
        }
        var explained: [JSONValue] = []
        for (index, record) in records.enumerated() {
            guard record.members != nil else {
                throw Failure.badRequest("record \(index) is no JSON object", record: index)
            }
            explained.append(try explain(record, index, status))
            await pause()
        }
        return explained
    }

    private func explain(_ record: JSONValue, _ index: Int, _ status: ModelStatus) throws -> JSONValue {
        let present = status.features.compactMap { field in
            record.value(at: field.name).map { (name: field.name, value: $0) }
        }
        guard present.count + 2 <= Predictor.heldRows else {
            throw Failure(.contentTooLarge, "record \(index) has too many fields to explain", record: index)
        }
        let empty = present.reduce(record) { $0.removing($1.name) }
        let variants = [record, empty] + present.map { record.removing($0.name) }
        let answer: (rows: [PredictedRow], classes: [String], version: VersionInfo)
        do { answer = try rows(RecordLines(records: variants)) } catch let failure as Failure {
            // Every variant is the same record to whoever asked.
            guard failure.record != nil else { throw failure }
            throw Failure(failure.status, failure.message, record: index)
        }
        guard answer.rows.count == variants.count else { throw Failure.badRequest("no record", record: index) }
        let output = Output(answer.rows[0], answer.classes, status.task)
        let outputs = answer.rows.map(output.value)
        let contributions = present.indices.map { outputs[0] - outputs[$0 + 2] }
        let order = present.indices.sorted { abs(contributions[$0]) > abs(contributions[$1]) }
        let interactions = outputs[0] - outputs[1] - contributions.reduce(0, +)
        return .object([
            ("prediction", output.prediction), ("version", JSONValue(answer.version.version)),
            ("unit", .string(output.unit)), ("output", JSONValue(Optional(outputs[0]))),
            ("base", JSONValue(Optional(outputs[1]))), ("interactions", JSONValue(Optional(interactions))),
            (
                "contributions",
                .array(
                    order.map { at in
                        .object([
                            ("field", .string(present[at].name)), ("value", present[at].value),
                            ("contribution", JSONValue(Optional(contributions[at]))),
                        ])
                    })
            ),
        ])
    }

    /// The number that is explained, on a scale on which a linear model is linear.
    private struct Output {
        let prediction: JSONValue
        let unit: String
        private let task: Task
        private let classIndex: Int

        init(_ row: PredictedRow, _ classes: [String], _ task: Task) {
            self.task = task
            prediction =
                task.answersNumber ? JSONValue(Optional(row.value)) : row.className.map { .string($0) } ?? .null
            unit = task.answersNumber ? "value" : task == .binary ? "log_odds" : "log_probability"
            // Of two classes the second one's: its sign says which way a field pulls.
            classIndex = task == .binary ? 1 : row.className.flatMap { classes.firstIndex(of: $0) } ?? 0
        }

        func value(_ row: PredictedRow) -> Double {
            guard !task.answersNumber else { return row.value }
            guard row.probabilities.indices.contains(classIndex) else { return 0 }
            let share = min(max(row.probabilities[classIndex], 1e-15), 1 - 1e-15)
            return task == .binary ? log(share / (1 - share)) : log(share)
        }
    }
}

extension JSONValue {
    /// The value of a field by its flat name, `a.b` for `b` in `a`; nil when it is missing.
    func value(at path: String) -> JSONValue? {
        if let found = self[path] { return found == .null ? nil : found }
        guard let dot = path.firstIndex(of: ".") else {
            guard let index = Int(path), let items = array, items.indices.contains(index) else { return nil }
            return items[index] == .null ? nil : items[index]
        }
        let rest = String(path[path.index(after: dot)...])
        return value(at: String(path[..<dot]))?.value(at: rest)
    }

    /// This value without a field of that flat name.
    func removing(_ path: String) -> JSONValue {
        switch self {
        case .object(let members):
            if self[path] != nil { return .object(members.filter { $0.0 != path }) }
            guard let dot = path.firstIndex(of: ".") else { return self }
            let (first, rest) = (String(path[..<dot]), String(path[path.index(after: dot)...]))
            return .object(members.map { $0.0 == first ? ($0.0, $0.1.removing(rest)) : $0 })
        case .array(var items):
            let head = path.prefix { $0 != "." }
            guard let index = Int(head), items.indices.contains(index) else { return self }
            items[index] =
                head.count == path.count ? .null : items[index].removing(String(path.dropFirst(head.count + 1)))
            return .array(items)
        default: return self
        }
    }
}
