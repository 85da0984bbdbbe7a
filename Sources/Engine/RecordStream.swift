import Connectors
import Formats
import Records

/// A source read without a model: decoded on a thread of its own, handed batch by batch to the caller's.
///
/// Order of calls: `open`, `sample`, `start`, `forEach`, `close`.
public final class RecordStream {
    /// Batches between the decoding thread and the caller.
    private static let depth = 4

    private let configuration: Configuration
    private let stop: StopRequest
    private let lane: Lane
    private var rings: BatchRings?
    private var batch = BatchShape()

    private struct BatchShape {
        var numbers = 0
        var raws = 0
        var isFeatureNative = false
    }

    public init(
        _ configuration: Configuration, source: any Source, stop: StopRequest,
        warn: @escaping (String) -> Void
    ) throws {
        self.configuration = configuration
        self.stop = stop
        var options = RunOptions()
        options.stop = stop
        options.warn = warn
        lane = try Lane(source, .input, configuration, options, nil)
    }

    /// Opens the source and finds its format. False: there is nothing to read.
    public func open() throws -> Bool { try lane.reader.open(at: [], format: configuration.format) }

    public var format: FormatDescriptor? { lane.reader.format }

    /// The first records, which stay to be read.
    public func sample() throws -> Sample {
        do { return try lane.reader.sample() } catch let error as FormatError {
            throw EngineError("\(lane.reader.currentPartName): \(error.description)")
        }
    }

    /// What the sample's fields are, as a run would take them; a target need not be named.
    public func inferSchema(_ sample: Sample) throws -> Schema {
        var options = configuration.schema
        let isFeatureNative = format?.isFeatureNative ?? false
        if isFeatureNative { options.target = "label" }
        do throws(FormatError) {
            try configuration.schema.checkNames(sample)
            var schema = try SchemaInference.infer(sample, options)
            schema.isFeatureNative = isFeatureNative
            return schema
        } catch { throw EngineError("\(lane.reader.currentPartName): \(error.description)", .usage) }
    }

    /// Starts reading.
    /// - Parameter schema: of numeric, raw and ignored fields.
    public func start(_ schema: Schema) throws {
        try lane.reader.makeDecoder(schema: schema, options: configuration.decoderOptions)
        batch.numbers = schema.fields(.numeric).count
        batch.raws = schema.keptFields.count
        batch.isFeatureNative = schema.isFeatureNative
        let shape = batch
        let size = configuration.batchSize
        let rings = BatchRings(lanes: 1, depth: Self.depth) { _ in
            RecordBatch(
                capacity: size, numericCount: shape.numbers, categoricalCount: 0,
                isFeatureNative: shape.isFeatureNative,
                rawCount: shape.raws)
        }
        self.rings = rings
        lane.start(rings.rings[0])
    }

    /// Hands every batch to `body`, in order, until the input ends or a stop is asked for.
    /// - Parameter idle: called now and then while nothing comes.
    /// - Throws: what `body` throws, and what ends reading.
    public func forEach(
        _ body: (RecordBatch, _ parts: [PartPosition]) throws -> Void, idle: () -> Void = {}
    ) throws {
        guard let rings else { return }
        var failure: (any Error)?
        reading: while true {
            switch rings.next(waiting: 0.5) {
            case .nothing: idle()
            case .batch(let batch, _):
                if failure == nil {
                    do { try body(batch.records, batch.positions) } catch {
                        failure = error
                        if stop.signal == 0 { stop.request(-1) }
                    }
                }
                batch.barrier?.signal()
                rings.rings[0].giveBack()
            case .ended, .pair: break
            case .end: break reading
            }
        }
        lane.join()
        if let failure { throw failure }
        if case .failed(let error) = rings.outcome { throw error }
    }

    public func close() { lane.reader.close() }
}
