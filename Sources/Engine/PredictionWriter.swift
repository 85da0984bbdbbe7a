import Connectors
import Records

/// Writes predictions as JSON Lines, or one by one to a sink of messages.
///
/// The bytes depend on the record and what was learned before it alone, so a replay writes the same ones.
struct PredictionWriter {
    private let sink: any Sink
    /// The sink, when it takes predictions one by one.
    private let messages: (any PredictionSink)?
    private var text: PredictionText
    private var lines: [Line] = []
    private var keys: [UInt8] = []

    /// One prediction of those not sent yet: where its bytes and its key end, and the model's version.
    private struct Line {
        let end: Int
        let keyEnd: Int
        let version: Int
    }

    init(sink: any Sink, _ pipeline: Pipeline) {
        self.sink = sink
        messages = sink as? any PredictionSink
        text = PredictionText(pipeline.schema, pipeline.configuration.wrappers.layout)
        text.writer.bytes.reserveCapacity(1 << 16)
    }

    /// Call when the classes may have changed.
    mutating func setClasses(of pipeline: Pipeline) { text.setClasses(of: pipeline) }

    /// Whether the names in use for the classes of a row's further targets are those of now.
    func namesFurther(_ row: Int, _ features: FeatureBatch, _ pipeline: Pipeline) -> Bool {
        pipeline.further == nil || text.namesFurther(row, features, pipeline.outputClassNames)
    }

    /// The name in use for a class; nil: none.
    func name(of index: Int32) -> String? { text.name(of: index) }

    /// - Parameter known: classes that could be told apart when the row was predicted.
    mutating func add(
        _ row: Int, _ batch: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch,
        known: Int, partName: String, version: Int
    ) {
        text.add(row, batch, features, predictions, known: known, partName: partName, version: version)
        text.writer.raw("\n")
        if messages != nil { addKey(batch.ids[row].buffer, partName, batch.positions[row].offset, version) }
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
        lines.append(Line(end: text.writer.bytes.count, keyEnd: keys.count, version: version))
    }

    /// Hands what was added to the sink. What the sink does not take stays.
    mutating func send() throws(ConnectorError) {
        guard let messages else {
            try sink.write(text.writer.bytes)
            text.writer.bytes.removeAll(keepingCapacity: true)
            return
        }
        var sent = 0
        defer { forget(sent) }
        for (index, line) in lines.enumerated() {
            let start = index > 0 ? lines[index - 1].end : 0
            let keyStart = index > 0 ? lines[index - 1].keyEnd : 0
            try Self.send(
                text.writer.bytes[start..<line.end - 1], key: keys[keyStart..<line.keyEnd], line.version, to: messages)
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
            text.writer.bytes.removeAll(keepingCapacity: true)
            lines.removeAll(keepingCapacity: true)
            keys.removeAll(keepingCapacity: true)
            return
        }
        let last = lines[count - 1]
        text.writer.bytes.removeFirst(last.end)
        keys.removeFirst(last.keyEnd)
        lines = lines.dropFirst(count).map {
            Line(end: $0.end - last.end, keyEnd: $0.keyEnd - last.keyEnd, version: $0.version)
        }
    }

    var unsent: String { String(decoding: text.writer.bytes, as: UTF8.self) }
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
