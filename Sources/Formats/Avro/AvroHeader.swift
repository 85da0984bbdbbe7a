import Compression
import Records

/// The beginning of an Avro object container file (Avro 1.11, "Object Container Files").
struct AvroHeader {
    static let magic: [UInt8] = [0x4f, 0x62, 0x6a, 0x01]
    static let markCount = 16
    private static let maximumBytes = 16 << 20

    let schemaText: String
    let schema: AvroSchema
    let codec: BlockCodec
    /// Stands behind every block.
    let mark: [UInt8]

    init(schemaText: String, codec name: String, mark: [UInt8]) throws(FormatError) {
        guard let codec = BlockCodec(rawValue: name) else {
            throw FormatError(
                "the Avro file's blocks are compressed with '\(name)'; known are "
                    + BlockCodec.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.schemaText = schemaText
        self.codec = codec
        self.mark = mark
        schema = try AvroSchema([schemaText])
    }

    /// Reads the header at the beginning of a text behind which 64 bytes are readable.
    ///
    /// - Returns: the header and its length; nil: it has not arrived whole.
    static func read(_ text: UnsafeBufferPointer<UInt8>) throws(FormatError) -> (header: AvroHeader, count: Int)? {
        guard let base = text.baseAddress, text.count > 0 else { return nil }
        guard text.prefix(4).elementsEqual(magic.prefix(text.count)) else {
            throw FormatError("this is no Avro object container file: it does not begin with 'Obj' and the byte 1")
        }
        guard text.count > 4 else { return nil }
        var bytes = AvroBytes(base + 4, text.count - 4)
        var schemaText: String?
        var codec = "null"
        while let count = bytes.nextItems() {
            for _ in 0..<count {
                let key = string(&bytes)
                let value = string(&bytes)
                guard !bytes.isBroken else { break }
                if key == "avro.schema" { schemaText = value }
                if key == "avro.codec" { codec = value }
            }
        }
        let mark = bytes.take(markCount)
        guard !bytes.isBroken else {
            guard text.count <= maximumBytes else { throw FormatError("the Avro file's header is damaged or too long") }
            return nil
        }
        guard let schemaText else { throw FormatError("the Avro file's header has no schema") }
        let header = try AvroHeader(
            schemaText: schemaText, codec: codec.isEmpty ? "null" : codec,
            mark: Array(UnsafeBufferPointer(start: mark, count: markCount)))
        return (header, text.count - bytes.left)
    }

    private static func string(_ bytes: inout AvroBytes) -> String {
        let count = bytes.length()
        let start = bytes.take(count)
        return bytes.isBroken ? "" : String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

/// A block of a container file, as far as its head tells.
struct AvroBlock {
    /// Records in it.
    let count: Int
    /// Bytes of the two numbers before the data.
    let headCount: Int
    /// Bytes of the data as they are in the file.
    let dataCount: Int

    /// With the mark behind it.
    var totalCount: Int { headCount + dataCount + AvroHeader.markCount }

    enum Reading {
        case block(AvroBlock)
        /// More bytes are needed to tell.
        case incomplete
        /// No block can begin so; the bytes that say it.
        case damaged(String, count: Int)
    }

    /// Reads a block's head at the beginning of a text behind which 64 bytes are readable. How much stands behind the
    /// head does not change the answer.
    static func read(_ text: UnsafeBufferPointer<UInt8>, maximumBytes: Int) -> Reading {
        guard let base = text.baseAddress else { return .incomplete }
        // Two numbers of at most ten bytes; what ends one is a byte below 128.
        var ends = 0
        var length = 0
        for byte in text.prefix(20) where ends < 2 {
            length += 1
            if byte < 0x80 { ends += 1 }
            if length == 10, ends == 0 { return .damaged("its number of records is none", count: 10) }
        }
        guard ends == 2 else {
            return text.count >= 20 ? .damaged("its length is no number", count: 20) : .incomplete
        }
        var bytes = AvroBytes(base, length)
        let count = bytes.integer()
        let size = bytes.integer()
        guard !bytes.isBroken, count >= 0, size >= 0 else {
            return .damaged("its head is damaged", count: length)
        }
        guard size <= Int64(maximumBytes) else {
            return .damaged("it is longer than \(maximumBytes) bytes (--max-record-bytes)", count: length)
        }
        return .block(AvroBlock(count: Int(count), headCount: length, dataCount: Int(size)))
    }
}
