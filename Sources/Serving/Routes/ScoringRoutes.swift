import Engine
import Hummingbird
import JSON
import Records

extension PredictedOutput {
    /// The value, or the class's name.
    var json: JSONValue { className.map { .string($0) } ?? JSONValue(Optional(value)) }
}

/// MLflow's scoring protocol: `POST /invocations` with one of four bodies.
extension ServiceState {
    func addScoringRoutes(to table: RouteTable) {
        table.post("/invocations") { [self] request, _ in
            let type = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased() ?? "application/json"
            guard type == "application/json" else {
                throw Failure(.unsupportedMediaType, "want application/json")
            }
            let status = try requireStatus()
            let start = monotonicNanoseconds()
            let document = try await document(of: request)
            let features = status.features.map(\.name)
            let records = try Self.records(document, features)
            guard records.count <= Predictor.heldRows else {
                throw Failure(
                    .contentTooLarge, "\(records.count) records; a request takes \(Predictor.heldRows)")
            }
            let answer = try rows(RecordLines(records: records))
            registry.countPredictions(records.count, seconds(since: start))
            let predictions = answer.rows.map { row -> JSONValue in
                guard row.outputs.isEmpty else { return .object(row.outputs.map { ($0.name, $0.json) }) }
                if !row.bounds.isEmpty {
                    let bounds = zip(status.bounds, row.bounds).map { ($0, JSONValue(Optional($1))) }
                    return .object([("prediction", JSONValue(Optional(row.value)))] + bounds)
                }
                return status.task.answersNumber
                    ? JSONValue(Optional(row.value)) : row.className.map { .string($0) } ?? .null
            }
            return .json(
                .object([
                    ("predictions", .array(predictions)), ("model_version", .string(String(answer.version.version))),
                ]))
        }
    }

    private static func records(_ document: JSONValue, _ features: [String]) throws(Failure) -> [JSONValue] {
        let forms = ["dataframe_split", "dataframe_records", "instances", "inputs"]
        let given = (document.members ?? []).filter { forms.contains($0.0) }
        guard given.count == 1, let form = given.first else {
            throw .badRequest("want exactly one of \(forms.joined(separator: ", "))")
        }
        switch form.0 {
        case "dataframe_split": return try split(form.1)
        case "dataframe_records": return try objects(form.1, form.0)
        case "instances": return try instances(form.1, features)
        default:
            if form.1.members != nil { return try columns(form.1) }
            return try instances(form.1, features)
        }
    }

    private static func split(_ frame: JSONValue) throws(Failure) -> [JSONValue] {
        guard let columns = frame["columns"]?.array, let data = frame["data"]?.array else {
            throw .badRequest("dataframe_split: want 'columns' and 'data'")
        }
        var names: [String] = []
        for column in columns {
            guard let name = column.string else { throw .badRequest("dataframe_split: a column's name is no string") }
            names.append(name)
        }
        return try rows(data, names)
    }

    private static func rows(_ data: [JSONValue], _ names: [String]) throws(Failure) -> [JSONValue] {
        var records: [JSONValue] = []
        for (index, row) in data.enumerated() {
            guard let values = row.array, values.count == names.count else {
                throw .badRequest("record \(index): want an array of \(names.count) values", record: index)
            }
            records.append(.object(Array(zip(names, values))))
        }
        return records
    }

    private static func objects(_ list: JSONValue, _ form: String) throws(Failure) -> [JSONValue] {
        guard let items = list.array else { throw .badRequest("\(form): want an array of objects") }
        for (index, item) in items.enumerated() where item.members == nil {
            throw .badRequest("record \(index) is no object", record: index)
        }
        return items
    }

    /// Objects, or rows with the model's features in their order.
    private static func instances(_ list: JSONValue, _ features: [String]) throws(Failure) -> [JSONValue] {
        if let first = list.array?.first, first.array != nil { return try rows(list.array ?? [], features) }
        return try objects(list, "instances")
    }

    private static func columns(_ inputs: JSONValue) throws(Failure) -> [JSONValue] {
        var columns: [(name: String, values: [JSONValue])] = []
        for (name, value) in inputs.members ?? [] {
            let values = value.array ?? [value]
            guard columns.first?.values.count ?? values.count == values.count else {
                throw .badRequest("inputs: '\(name)' has \(values.count) values, the ones before it another number")
            }
            columns.append((name, values.map { $0.array?.count == 1 ? $0.array?[0] ?? .null : $0 }))
        }
        return (0..<(columns.first?.values.count ?? 0)).map { row in
            .object(columns.map { ($0.name, $0.values[row]) })
        }
    }
}
