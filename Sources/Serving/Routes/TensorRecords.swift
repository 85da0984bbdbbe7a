import Engine
import JSON
import Records

/// Tensors of an Open Inference request as records: one tensor a field, one row a record.
struct TensorRecords {
    private struct Column {
        let name: String
        let values: [JSONValue]
    }

    let records: [JSONValue]
    /// The records as JSON lines.
    var lines: RecordLines { RecordLines(records: records) }
    private static let numberTypes: Set<String> = [
        "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64",
    ]

    /// - Parameters:
    ///   - fields: the model's, which tensors are named after.
    ///   - maximumRows: rows of one request.
    init(_ request: JSONValue, fields: [Field], maximumRows: Int) throws(Failure) {
        guard request.members != nil else { throw .badRequest("the body is no JSON object") }
        guard let inputs = request["inputs"]?.array, !inputs.isEmpty else {
            throw .badRequest("'inputs' is missing: want an array of tensors {name, shape, datatype, data}")
        }
        let known = Set(fields.map(\.name))
        var columns: [Column] = []
        var rows: Int?
        for (index, input) in inputs.enumerated() {
            let tensor = try Tensor(input, index)
            let features = fields.filter { $0.role.isFeature }.map(\.name)
            let names = try Self.names(of: tensor, known, features, isAlone: inputs.count == 1)
            guard tensor.rows <= maximumRows else {
                throw Failure(
                    .contentTooLarge, "'\(tensor.name)' has \(tensor.rows) rows; a request takes \(maximumRows)")
            }
            guard rows ?? tensor.rows == tensor.rows else {
                throw .badRequest("'\(tensor.name)' has \(tensor.rows) rows, the tensors before it \(rows ?? 0)")
            }
            rows = tensor.rows
            for (at, name) in names.enumerated() {
                guard !columns.contains(where: { $0.name == name }) else {
                    throw .badRequest("'\(name)' is given twice")
                }
                let values = (0..<tensor.rows).map { tensor.values[$0 * names.count + at] }
                columns.append(Column(name: name, values: values))
            }
        }
        records = (0..<(rows ?? 0)).map { row in .object(columns.map { ($0.name, $0.values[row]) }) }
    }

    /// The fields of a tensor: the one it is named after, or all features of the model for a lone matrix.
    private static func names(
        of tensor: Tensor, _ known: Set<String>, _ features: [String], isAlone: Bool
    ) throws(Failure) -> [String] {
        if known.contains(tensor.name) {
            guard tensor.columns == 1 else {
                throw .badRequest("'\(tensor.name)' has \(tensor.columns) columns; a field has one")
            }
            return [tensor.name]
        }
        if isAlone, tensor.columns == features.count, tensor.isMatrix { return features }
        let some = known.sorted().prefix(12).joined(separator: ", ")
        throw .badRequest("there is no field '\(tensor.name)': name tensors after the model's fields (\(some))")
    }

    /// One tensor, its data flat and checked.
    private struct Tensor {
        let name: String
        let values: [JSONValue]
        let rows: Int
        let columns: Int
        let isMatrix: Bool

        init(_ json: JSONValue, _ index: Int) throws(Failure) {
            guard let name = json["name"]?.string else { throw .badRequest("inputs[\(index)] has no 'name'") }
            guard let type = json["datatype"]?.string else { throw .badRequest("'\(name)' has no 'datatype'") }
            guard TensorRecords.numberTypes.contains(type) || type == "BYTES" || type == "BOOL" else {
                throw .badRequest("'\(name)': there is no datatype '\(type)'")
            }
            let shape = (json["shape"]?.array ?? []).map { $0.integer ?? -1 }
            guard (1...2).contains(shape.count), shape.allSatisfy({ $0 >= 0 && $0 <= 1 << 24 }) else {
                throw .badRequest("'\(name)': want a 'shape' of rows, or of rows and columns")
            }
            guard let data = json["data"]?.array else {
                throw .badRequest("'\(name)' has no 'data': binary tensors are not taken, send them as JSON")
            }
            self.name = name
            rows = shape[0]
            columns = shape.count == 2 ? shape[1] : 1
            isMatrix = shape.count == 2
            var flat: [JSONValue] = []
            TensorRecords.flatten(data, depth: 0, into: &flat)
            guard flat.count == rows * columns else {
                throw .badRequest("'\(name)' has \(flat.count) values; its shape wants \(rows * columns)")
            }
            for (at, value) in flat.enumerated() where !TensorRecords.fits(value, type) {
                throw .badRequest("'\(name)': value \(at) is no \(type)", record: columns > 0 ? at / columns : nil)
            }
            values = flat
        }
    }

    private static func flatten(_ items: [JSONValue], depth: Int, into flat: inout [JSONValue]) {
        for item in items {
            if case .array(let inner) = item, depth < 4 {
                flatten(inner, depth: depth + 1, into: &flat)
            } else {
                flat.append(item)
            }
        }
    }

    /// Null is a missing value in every type.
    private static func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch (type, value) {
        case (_, .null), ("BYTES", .string), ("BOOL", .boolean): true
        case ("BYTES", _), ("BOOL", _): false
        case (_, .integer(let number)): type.hasPrefix("U") ? number >= 0 : true
        case (_, .number(let number)):
            type.hasPrefix("FP") || number == number.rounded() && (number >= 0 || type.hasPrefix("I"))
        default: false
        }
    }
}

extension FieldRole {
    /// Whether the learner sees it.
    var isFeature: Bool {
        switch self {
        case .numeric, .categorical, .both, .text, .raw: true
        case .ignored, .target, .id, .weight, .time: false
        }
    }
}

extension RecordLines {
    /// Records that are in memory already.
    init(records: [JSONValue]) {
        self.init(maximumFields: .max)
        var writer = JSONWriter()
        for record in records {
            writer.bytes.removeAll(keepingCapacity: true)
            writer.write(record)
            writer.raw("\n")
            _ = writer.bytes.withUnsafeBytes { addLines($0, isEnd: true) }
        }
    }
}
