import CSnappy
import CZlib

/// How the blocks of an Avro object container file are compressed (Avro 1.11, "Required Codecs", "Optional Codecs").
public enum BlockCodec: String, Sendable, CaseIterable {
    case null
    /// RFC 1951, without zlib's header.
    case deflate
    case zstandard
    /// A snappy block and the CRC-32 of what it holds, big-endian.
    case snappy
}

/// Decompresses whole blocks.
public final class BlockDecompressor {
    private let codec: BlockCodec
    private var stream: (any Decompressor)?

    public init(_ codec: BlockCodec) { self.codec = codec }

    /// - Parameters:
    ///   - limit: a block that holds more bytes is refused.
    ///   - room: gives a buffer of at least that many bytes, with what is in the last one at its beginning.
    /// - Returns: how many bytes were written.
    public func decompress(
        _ input: UnsafeRawBufferPointer, limit: Int,
        room: (_ needed: Int, _ filled: Int) -> UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        do throws(CompressionError) {
            switch codec {
            case .null:
                guard input.count <= limit else { throw Self.tooLong(limit) }
                room(input.count, 0).copyMemory(from: input)
                return input.count
            case .snappy: return try decompressSnappy(input, limit, room)
            case .deflate, .zstandard: return try decompressStream(input, limit, room)
            }
        } catch {
            stream = nil
            throw error
        }
    }

    private static func tooLong(_ limit: Int) -> CompressionError {
        CompressionError(description: "it holds more than \(limit) bytes")
    }

    private func decompressStream(
        _ input: UnsafeRawBufferPointer, _ limit: Int,
        _ room: (_ needed: Int, _ filled: Int) -> UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        let stream: any Decompressor
        if let known = self.stream {
            stream = known
        } else {
            stream = codec == .deflate ? try GzipDecompressor(format: .raw) : try ZstdDecompressor()
            self.stream = stream
        }
        var consumed = 0
        var filled = 0
        var output = room(min(max(input.count * 4, 1024), limit + 1), 0)
        repeat {
            if filled == output.count {
                guard filled <= limit else { throw Self.tooLong(limit) }
                output = room(min(filled * 2, limit + 1), filled)
            }
            let step = try stream.step(
                UnsafeRawBufferPointer(rebasing: input[consumed...]),
                into: UnsafeMutableRawBufferPointer(rebasing: output[filled...]))
            consumed += step.consumed
            filled += step.produced
            let isStuck = step.consumed == 0 && step.produced == 0
            guard !isStuck else { throw CompressionError(description: "the compressed data ends too early") }
            // Some writers leave a part of zlib's checksum behind deflate's end (fastavro does).
        } while stream.isInsideFrame || codec == .zstandard && consumed < input.count
        guard filled <= limit else { throw Self.tooLong(limit) }
        return filled
    }

    private func decompressSnappy(
        _ input: UnsafeRawBufferPointer, _ limit: Int,
        _ room: (_ needed: Int, _ filled: Int) -> UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        guard input.count > 4, let start = input.baseAddress?.assumingMemoryBound(to: CChar.self) else {
            throw CompressionError(description: "damaged snappy data")
        }
        let count = input.count - 4
        var length = 0
        guard snappy_uncompressed_length(start, count, &length) == SNAPPY_OK else {
            throw CompressionError(description: "damaged snappy data")
        }
        guard length <= limit else { throw Self.tooLong(limit) }
        let output = room(max(length, 1), 0)
        guard let target = output.baseAddress?.assumingMemoryBound(to: CChar.self),
            snappy_uncompress(start, count, target, &length) == SNAPPY_OK
        else { throw CompressionError(description: "damaged snappy data") }
        let sum = output.baseAddress.map {
            crc32_z(0, $0.assumingMemoryBound(to: UInt8.self), length)
        }
        let told = input[count...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard sum.map({ UInt32(truncatingIfNeeded: $0) }) == told else {
            throw CompressionError(description: "damaged snappy data: its checksum differs")
        }
        return length
    }
}
