import Formats
import JSON
import Records

/// A record of a request that cannot be predicted.
public struct RecordError: Error, Sendable, CustomStringConvertible {
    /// Which one of the request, from 0.
    public let index: Int
    public let description: String
}

/// Predicts records that somebody brings, with the versions a live model publishes. Used by one thread at a time; keep
/// one for each and use it again, its buffers stay.
public final class Predictor {
    private let model: LiveModel
    private let decoder: any RecordDecoder
    private let batch: RecordBatch
    private let features: FeatureBatch
    private let predictions: PredictionBatch
    private let chunk = Chunk(capacity: 1 << 16)
    private var text: PredictionText

    /// - Returns: nil before the first version.
    /// - Parameter format: of the records; nil: JSON Lines, or the run's own where records bring features (VW text).
    public init?(_ model: LiveModel, format: String? = nil) {
        guard let decoding = model.decoding, let schema = model.read({ pipeline, _ in pipeline.schema }) else {
            return nil
        }
        let name = format ?? (schema.isFeatureNative ? decoding.format : "jsonl")
        guard let found = FormatRegistry.find(name) else { return nil }
        self.model = model
        decoder = found.makeDecoder(schema, decoding.configuration.decoderOptions)
        decoder.beginPart()
        // The pipeline's own buffers are made for its mini-batches.
        let capacity = min(256, decoding.configuration.batchSize)
        features = FeatureBatch(capacity: capacity)
        predictions = PredictionBatch(capacity: capacity)
        batch = RecordBatch(
            capacity: capacity, numericCount: schema.fields(.numeric, .both).count,
            categoricalCount: schema.fields(.categorical, .both).count, isFeatureNative: schema.isFeatureNative)
        text = PredictionText(task: schema.task)
    }

    /// Predicts records, one a line.
    ///
    /// - Parameters:
    ///   - lines: complete records, each with its line end or the last one without.
    ///   - output: appended to: one JSON object a line and record, without position.
    /// - Returns: the version that predicted them; that of the last ones when they are more than a mini-batch.
    /// - Throws: the first record that cannot be read; nothing is appended then.
    public func predict(
        _ lines: UnsafeRawBufferPointer, into output: inout [UInt8]
    ) throws(RecordError) -> VersionInfo? {
        chunk.count = 0
        chunk.append(ByteRange(lines.baseAddress?.assumingMemoryBound(to: UInt8.self), lines.count))
        if let last = lines.last, last != UInt8(ascii: "\n") {
            let end: [UInt8] = [UInt8(ascii: "\n")]
            end.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, 1)) }
        }
        chunk.sealPadding()
        text.writer.bytes.removeAll(keepingCapacity: true)
        var offset = 0
        var done = 0
        var version: VersionInfo?
        while offset < chunk.count {
            batch.recycle()
            batch.endPosition = RecordPosition(part: 0, offset: offset, line: done + 1)
            do throws(FormatError) { offset = try decoder.decode(chunk, from: offset, isEnd: true, into: batch) } catch
            {
                throw RecordError(index: done, description: error.description)
            }
            if let bad = batch.rejected.first {
                throw RecordError(index: bad.position.line - 1, description: bad.reason)
            }
            guard batch.rows > 0 else { break }
            version = predictBatch()
            done += batch.rows
        }
        output.append(contentsOf: text.writer.bytes)
        return version
    }

    private func predictBatch() -> VersionInfo? {
        model.read { pipeline, info in
            text.setClasses(pipeline.classNames)
            pipeline.process(batch, features, predictions, learning: false) { row, features, _, known in
                text.add(
                    row, batch, features, predictions, known: known, partName: nil, version: info.version)
                text.writer.raw("\n")
            }
            return info
        }
    }
}
