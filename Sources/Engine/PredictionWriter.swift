import Connectors
import JSON
import Records

/// Writes predictions as JSON Lines: id, prediction, probabilities or value, target if known, position, version.
///
/// The bytes depend on the record and what was learned before it alone, so a replay writes the same ones.
struct PredictionWriter {
    private let sink: any Sink
    /// The sink, when it takes predictions one by one.
    private let messages: (any PredictionSink)?
    private let task: Task
    private var writer = JSONWriter()
    private var classes: [String] = []
    private var names: [[UInt8]] = []
    private var lines: [Line] = []
    private var keys: [UInt8] = []

    /// One prediction of those not sent yet: where its bytes and its key end, and the model's version.
    private struct Line {
        let end: Int
        let keyEnd: Int
        let version: Int
    }

    init(sink: any Sink, task: Task) {
        self.sink = sink
        messages = sink as? any PredictionSink
        self.task = task
        writer.bytes.reserveCapacity(1 << 16)
    }

    /// Call when the classes may have changed.
    mutating func setClasses(_ classes: [String]) {
        guard classes != self.classes else { return }
        self.classes = classes
        names = classes.map { name in
            var quoted = JSONWriter()
            quoted.write(name)
            return quoted.bytes
        }
    }

    /// The name in use for a class; nil: none.
    func name(of index: Int32) -> String? { classes.indices.contains(Int(index)) ? classes[Int(index)] : nil }

    /// - Parameter known: classes that could be told apart when the row was predicted.
    mutating func add(
        _ row: Int, _ batch: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch,
        known: Int, partName: String, version: Int
    ) {
        let position = batch.positions[row]
        writer.raw("{\"id\":")
        if batch.ids[row].count > 0 {
            writer.write(batch.ids[row].buffer)
        } else {
            writer.write("\(partName):\(position.offset)")
        }
        writer.raw(",\"prediction\":")
        let outputs = predictions.outputs + row * predictions.stride
        if task == .regression {
            writer.write(outputs[0])
            writer.raw(",\"value\":")
            writer.write(outputs[0])
        } else {
            if known > 0 { writeClass(Int(predictions.classes[row])) } else { writer.raw("null") }
            writeProbabilities(outputs, min(predictions.width, known))
        }
        writeTarget(row, features)
        writer.raw(",\"position\":")
        writer.write("\(partName):\(position.offset)")
        writer.raw(",\"version\":")
        writer.write(version)
        writer.raw("}\n")
        if messages != nil { addKey(batch.ids[row].buffer, partName, position.offset, version) }
    }

    private mutating func addKey(
        _ id: UnsafeBufferPointer<UInt8>, _ partName: String, _ offset: Int, _ version: Int
    ) {
        if id.isEmpty {
            keys.append(contentsOf: partName.utf8)
            keys.append(UInt8(ascii: "/"))
            keys.append(contentsOf: String(offset).utf8)
        } else {
            keys.append(contentsOf: id)
        }
        lines.append(Line(end: writer.bytes.count, keyEnd: keys.count, version: version))
    }

    private mutating func writeClass(_ index: Int) {
        if names.indices.contains(index) { writer.bytes.append(contentsOf: names[index]) } else { writer.raw("null") }
    }

    private mutating func writeProbabilities(_ outputs: UnsafePointer<Double>, _ width: Int) {
        writer.raw(",\"probabilities\":{")
        if task == .binary {
            writeClass(0)
            writer.raw(":")
            writer.write(1 - outputs[0])
            writer.raw(",")
            writeClass(1)
            writer.raw(":")
            writer.write(outputs[0])
        } else {
            for index in 0..<min(width, names.count) {
                if index > 0 { writer.raw(",") }
                writeClass(index)
                writer.raw(":")
                writer.write(outputs[index])
            }
        }
        writer.raw("}")
    }

    private mutating func writeTarget(_ row: Int, _ features: FeatureBatch) {
        if task == .regression {
            guard !features.targets[row].isNaN else { return }
            writer.raw(",\"target\":")
            writer.write(features.targets[row])
        } else if features.classes[row] >= 0 {
            writer.raw(",\"target\":")
            writeClass(Int(features.classes[row]))
        }
    }

    /// Hands what was added to the sink. What the sink does not take stays.
    mutating func send() throws(ConnectorError) {
        guard let messages else {
            try sink.write(writer.bytes)
            writer.bytes.removeAll(keepingCapacity: true)
            return
        }
        var sent = 0
        defer { forget(sent) }
        for (index, line) in lines.enumerated() {
            let start = index > 0 ? lines[index - 1].end : 0
            let keyStart = index > 0 ? lines[index - 1].keyEnd : 0
            try Self.send(
                writer.bytes[start..<line.end - 1], key: keys[keyStart..<line.keyEnd], line.version, to: messages)
            sent += 1
        }
    }

    private static func send(
        _ prediction: ArraySlice<UInt8>, key: ArraySlice<UInt8>, _ version: Int, to sink: any PredictionSink
    ) throws(ConnectorError) {
        let result: Result<Void, ConnectorError> = prediction.withUnsafeBytes { prediction in
            key.withUnsafeBytes { key in
                do throws(ConnectorError) {
                    return .success(try sink.send(prediction: prediction, key: key, version: version))
                } catch { return .failure(error) }
            }
        }
        try result.get()
    }

    /// Drops the first predictions, which are sent.
    private mutating func forget(_ count: Int) {
        guard count > 0 else { return }
        if count == lines.count {
            writer.bytes.removeAll(keepingCapacity: true)
            lines.removeAll(keepingCapacity: true)
            keys.removeAll(keepingCapacity: true)
            return
        }
        let last = lines[count - 1]
        writer.bytes.removeFirst(last.end)
        keys.removeFirst(last.keyEnd)
        lines = lines.dropFirst(count).map {
            Line(end: $0.end - last.end, keyEnd: $0.keyEnd - last.keyEnd, version: $0.version)
        }
    }

    var unsent: String { String(decoding: writer.bytes, as: UTF8.self) }
}

extension Sink {
    func write(_ bytes: [UInt8]) throws(ConnectorError) {
        guard !bytes.isEmpty else { return }
        let result: Result<Void, ConnectorError> = bytes.withUnsafeBytes { bytes in
            do throws(ConnectorError) { return .success(try write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
