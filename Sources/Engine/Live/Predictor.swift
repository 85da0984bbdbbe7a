import Connectors
import Formats
import Learners
import Records

/// A record of a request that cannot be predicted or learned.
public struct RecordError: Error, Sendable, CustomStringConvertible {
    /// Which one of the request, from 0.
    public let index: Int
    public let description: String
}

/// The prediction of one record.
public struct PredictedRow: Sendable {
    /// The class's name; nil: none is known yet, or this is a regression.
    public let className: String?
    /// The value of a regression.
    public let value: Double
    /// Of the classes, in their order; empty for a regression.
    public let probabilities: [Double]
    /// What stands behind a value: its interval's ends and its quantiles, in the layout's order.
    public var bounds: [Double] = []
    /// Of several targets: each one's value, or the name of its class; empty: there is one.
    public var outputs: [PredictedOutput] = []
}

/// One output of several.
public struct PredictedOutput: Sendable {
    public let name: String
    /// Nil: this is a regression.
    public let className: String?
    public let value: Double
}

/// Predicts records that somebody brings, with the versions a live model publishes. Used by one thread at a time; keep
/// one for each and use it again, its buffers stay.
public final class Predictor {
    /// Rows that may be predicted from one version, because that holds it for other readers.
    public static let heldRows = 4096
    private static let heldBytes = 1 << 20

    private let model: LiveModel
    private let publication: Publication
    private let decoder: any RecordDecoder
    private let batch: RecordBatch
    private let features: FeatureBatch
    private let predictions: PredictionBatch
    private var chunk = Chunk(capacity: 1 << 14)
    private var text: PredictionText
    private let target: String
    private let task: Task
    public let schema: Schema
    private let layout: NumberLayout
    /// Whether answers to records with an id are kept until their target comes.
    private let keepsAnswers: Bool
    /// Records of the last call whose answers are to be kept, with these, one a line: for `RecordInbox.submit`, before
    /// anybody is told of the answers.
    public private(set) var kept: [UInt8] = []

    /// - Returns: nil before the first version.
    /// - Parameter format: of the records; nil: JSON Lines, or the run's own where records bring features (VW text).
    public init?(_ model: LiveModel, format: String? = nil) {
        guard let published = model.published else { return nil }
        // The pipeline's own buffers are made for its mini-batches.
        let capacity = min(256, published.configuration.batchSize)
        let (schema, batch) = published.publication.read { pipeline, _ in
            (pipeline.schema, pipeline.makeRecordBatch(capacity: capacity))
        }
        let name = format ?? (schema.isFeatureNative ? published.format : "jsonl")
        guard let found = FormatRegistry.find(name) else { return nil }
        self.model = model
        self.schema = schema
        publication = published.publication
        keepsAnswers = published.configuration.delay.map { $0.withheld == nil } ?? false && name == "jsonl"
        decoder = found.makeDecoder(
            schema.forDecoding(published.configuration), published.configuration.decoderOptions)
        decoder.beginPart()
        features = FeatureBatch(capacity: capacity)
        predictions = PredictionBatch(capacity: capacity)
        self.batch = batch
        layout = published.configuration.wrappers.layout
        text = PredictionText(schema, layout)
        target = schema.fields(.target).first?.name ?? "target"
        task = schema.task
    }

    /// Records bring their own features, in the run's own format.
    public var takesFeatures: Bool { schema.isFeatureNative }

    /// Records are JSON objects: those with fields, and logged decisions.
    public var takesJSON: Bool { !schema.isFeatureNative || schema.task == .bandit }

    /// False: the run began again since this was made. Take a new one.
    public var isCurrent: Bool { model.isCurrent(publication) }

    // MARK: Predicting

    /// Predicts records, one a line, all from one version unless they are more than a megabyte.
    ///
    /// - Parameters:
    ///   - lines: complete records, each with its line end or the last one without, none blank.
    ///   - output: appended to: one JSON object a line and record, without position.
    /// - Returns: the version that predicted them, the last one's when there were several.
    /// - Throws: the first record that cannot be read; nothing is appended then.
    @discardableResult public func predict(
        _ lines: UnsafeRawBufferPointer, into output: inout [UInt8]
    ) throws(RecordError) -> VersionInfo? {
        load(lines)
        text.writer.bytes.removeAll(keepingCapacity: true)
        let version: VersionInfo?
        if lines.count <= Self.heldBytes {
            version = try publication.hold { held throws(RecordError) in
                try eachBatch { held.use { predict($0, held.info) } }
                return held.info
            }
        } else {
            var last: VersionInfo?
            try eachBatch {
                last = publication.read { pipeline, info in
                    predict(pipeline, info)
                    return info
                }
            }
            version = last
        }
        output.append(contentsOf: text.writer.bytes)
        return version
    }

    /// Like `predict`, with an object `{"error", "record"}` in the place of each record that cannot be read.
    ///
    /// - Parameter first: the number of the first record.
    /// - Returns: how many records there were, and how many of them could not be read.
    public func predictEach(
        _ lines: UnsafeRawBufferPointer, first: Int, into output: inout [UInt8]
    ) -> (records: Int, errors: Int) {
        load(lines)
        text.writer.bytes.removeAll(keepingCapacity: true)
        var done = 0
        var errors = 0
        var offset = 0
        while offset < chunk.count {
            do throws(RecordError) {
                guard let end = try decode(from: offset, done: done) else { break }
                offset = end
            } catch {
                writeError(error.description, first + error.index)
                return (done + 1, errors + 1)
            }
            let bad = batch.rejected
            var next = 0
            var row = 0
            publication.read { pipeline, info in
                process(pipeline) { index, features, known in
                    while next < bad.count, bad[next].position.line <= done + row + 1 {
                        writeError(bad[next].reason, first + done + row)
                        next += 1
                        row += 1
                    }
                    row += 1
                    write(index, features, known, info)
                }
            }
            while next < bad.count {
                writeError(bad[next].reason, first + done + row)
                next += 1
                row += 1
            }
            done += row
            errors += bad.count
        }
        output.append(contentsOf: text.writer.bytes)
        return (done, errors)
    }

    /// Predicts at most `heldRows` records from one version.
    ///
    /// - Returns: the predictions, the classes' names in the order of the probabilities, and the version.
    public func rows(
        _ lines: UnsafeRawBufferPointer
    ) throws(RecordError) -> (rows: [PredictedRow], classes: [String], version: VersionInfo) {
        load(lines)
        var rows: [PredictedRow] = []
        var names: [String] = []
        let version = try publication.hold { held throws(RecordError) in
            names = held.use { $0.classNames }
            try eachBatch {
                held.use { pipeline in
                    let several = pipeline.outputClassNames
                    process(pipeline) { row, _, known in
                        var made = predicted(row, names, known)
                        made.outputs = outputs(row, several)
                        rows.append(made)
                    }
                }
            }
            return held.info
        }
        return (rows, names, version)
    }

    // MARK: Checking

    /// Checks that records could be learned: that they can be read, and have a target that has a place.
    public func check(_ lines: UnsafeRawBufferPointer) throws(RecordError) {
        load(lines)
        var done = 0
        try eachBatch { () throws(RecordError) in
            if let several = try checkSeveral(done) {
                done += several
                return
            }
            for row in 0..<batch.rows where task == .regression && batch.targetNumbers[row].isNaN {
                let text = batch.targetTexts[row].text
                throw RecordError(
                    index: done + row,
                    description: text.isEmpty
                        ? "'\(target)' is missing: a record without its target teaches nothing"
                        : "'\(target)' is '\(text)', which is no number")
            }
            for row in 0..<batch.rows where !task.answersNumber && batch.targetTexts[row].count == 0 {
                throw RecordError(
                    index: done + row,
                    description: "'\(target)' is missing: a record without its target teaches nothing")
            }
            let refused = publication.read { pipeline, _ in pipeline.refusal(batch) }
            if let refused { throw RecordError(index: done + refused.row, description: refused.reason) }
            done += batch.rows
        }
    }

    /// Of several targets one is enough. Returns the rows that were checked; nil: there is one target.
    private func checkSeveral(_ done: Int) throws(RecordError) -> Int? {
        guard !schema.furtherOutputs.isEmpty else { return nil }
        let missing = publication.read { pipeline, _ in
            (0..<batch.rows).first { row in
                batch.targetTexts[row].count == 0 && batch.targetNumbers[row].isNaN
                    && pipeline.further?.hasOne(row, batch) == false
            }
        }
        if let missing {
            let names = schema.outputNames.map { "'\($0)'" }.joined(separator: ", ")
            throw RecordError(
                index: done + missing,
                description: "none of \(names) is there: a record without a target teaches nothing")
        }
        let refused = publication.read { pipeline, _ in pipeline.refusal(batch) }
        if let refused { throw RecordError(index: done + refused.row, description: refused.reason) }
        return batch.rows
    }

    // MARK: Batches

    private func load(_ lines: UnsafeRawBufferPointer) {
        // What one large request needed is not kept for ever.
        if chunk.capacity > Self.heldBytes * 2, lines.count < Self.heldBytes { chunk = Chunk(capacity: 1 << 14) }
        kept.removeAll(keepingCapacity: true)
        chunk.count = 0
        chunk.append(ByteRange(lines.baseAddress?.assumingMemoryBound(to: UInt8.self), lines.count))
        if let last = lines.last, last != UInt8(ascii: "\n") {
            let end: [UInt8] = [UInt8(ascii: "\n")]
            end.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, 1)) }
        }
        chunk.sealPadding()
    }

    /// Decodes one batch. Returns where the next begins; nil: there is none.
    private func decode(from offset: Int, done: Int) throws(RecordError) -> Int? {
        batch.recycle()
        batch.endPosition = RecordPosition(part: 0, offset: offset, line: done + 1)
        let end: Int
        do throws(FormatError) { end = try decoder.decode(chunk, from: offset, isEnd: true, into: batch) } catch {
            throw RecordError(index: done, description: error.description)
        }
        return end > offset ? end : nil
    }

    private func eachBatch(_ body: () throws(RecordError) -> Void) throws(RecordError) {
        var offset = 0
        var done = 0
        while offset < chunk.count, let end = try decode(from: offset, done: done) {
            offset = end
            if let bad = batch.rejected.first {
                throw RecordError(index: bad.position.line - 1, description: bad.reason)
            }
            if batch.rows > 0 { try body() }
            done += batch.rows
        }
    }

    private func process(_ pipeline: Pipeline, _ each: (_ row: Int, _ features: FeatureBatch, _ known: Int) -> Void) {
        guard batch.rows > 0 else { return }
        text.setClasses(of: pipeline)
        pipeline.process(batch, features, predictions, learning: false) { row, features, _, known in
            each(row, features, known)
        }
    }

    private func predict(_ pipeline: Pipeline, _ info: VersionInfo) {
        process(pipeline) { row, features, known in write(row, features, known, info) }
    }

    private func write(_ row: Int, _ features: FeatureBatch, _ known: Int, _ info: VersionInfo) {
        text.add(row, batch, features, predictions, known: known, partName: nil, version: info.version)
        text.writer.raw("\n")
        guard keepsAnswers, batch.ids[row].count > 0 else { return }
        let answer = ServedAnswer(row, features, predictions, known: known, version: info.version)
        answer.write(batch.raw[row].buffer, into: &kept)
        kept.append(0x0a)
    }

    private func writeError(_ reason: String, _ record: Int) {
        text.writer.raw("{\"error\":")
        text.writer.write(reason)
        text.writer.raw(",\"record\":")
        text.writer.write(record)
        text.writer.raw("}\n")
    }

    private func outputs(_ row: Int, _ classes: [[String]]) -> [PredictedOutput] {
        guard !schema.furtherOutputs.isEmpty else { return [] }
        let answers = predictions.outputs(of: row)
        return schema.outputNames.enumerated().map { output, name in
            let answer = answers + output * MultiOutputLearner.width
            guard task != .regression else {
                return PredictedOutput(name: name, className: nil, value: answer[0])
            }
            let index = Int(answer[1])
            let isNamed = classes.indices.contains(output) && classes[output].indices.contains(index)
            return PredictedOutput(
                name: name, className: isNamed ? classes[output][index] : "", value: .nan)
        }
    }

    private func predicted(_ row: Int, _ names: [String], _ known: Int) -> PredictedRow {
        let outputs = predictions.outputs(of: row)
        guard !task.answersNumber else {
            let bounds = (1..<max(min(layout.width, predictions.width), 1)).map { outputs[$0] }
            return PredictedRow(className: nil, value: outputs[0], probabilities: [], bounds: bounds)
        }
        let index = Int(predictions.classes[row])
        let name = known > 0 && names.indices.contains(index) ? names[index] : nil
        let probabilities =
            task == .binary
            ? [1 - outputs[0], outputs[0]]
            : (0..<names.count).map { $0 < min(predictions.width, known) ? outputs[$0] : 0 }
        return PredictedRow(className: name, value: .nan, probabilities: probabilities)
    }
}
