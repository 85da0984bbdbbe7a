import Connectors
import Formats
import Records

/// Turns a source into batches of records: `RecordReader` cuts bytes, `MessageReader` takes whole messages.
///
/// The learning thread opens, samples and makes the decoder; then `run` belongs to the decoding thread.
protocol BatchReader: AnyObject, Sendable {
    /// Opens the source where a snapshot left it and reads its beginning; on a source already open, goes back there.
    /// - Returns: false when there is nothing to read.
    func open(at positions: [PartPosition], format name: String?) throws -> Bool

    /// The format found by `open`.
    var format: FormatDescriptor? { get }

    /// The file, stream or partition being read, for messages.
    var currentPartName: String { get }

    /// Looks at the first records, which stay to be decoded.
    func sample() throws -> Sample

    /// - Throws: when a source's units do not fit the schema.
    func makeDecoder(schema: Schema, options: DecoderOptions) throws

    /// Fills batches until the stream ends.
    func run(_ ring: BatchRing)

    func close()
}
