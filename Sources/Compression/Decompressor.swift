import CZlib
import CZstd
import Glibc

/// Why compressed bytes cannot be read.
public struct CompressionError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// How a stream of bytes is compressed, told by its first bytes.
public enum Compression: Sendable {
    case none
    case gzip
    case zstd

    public init(magic: UnsafeRawBufferPointer) {
        if magic.count >= 2, magic[0] == 0x1f, magic[1] == 0x8b {
            self = .gzip
        } else if magic.count >= 4, magic[0] == 0x28, magic[1] == 0xb5, magic[2] == 0x2f, magic[3] == 0xfd {
            self = .zstd
        } else {
            self = .none
        }
    }
}

/// What one step of decompression used and made.
public struct DecompressionStep {
    public let consumed: Int
    public let produced: Int
}

/// A streaming decompressor: feeds on bytes, produces bytes, remembers whether it stands inside a frame.
public protocol Decompressor: AnyObject {
    func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> DecompressionStep
    /// True: ending here would cut a frame short.
    var isInsideFrame: Bool { get }
}

/// gzip, also several members one after the other; or deflate without a header.
public final class GzipDecompressor: Decompressor {
    public enum Format: Int32, Sendable {
        /// gzip or zlib, told by its header: 15 window bits plus 32.
        case automatic = 47
        /// RFC 1951.
        case raw = -15
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let format: Format
    public private(set) var isInsideFrame = false

    public init(format: Format = .automatic) throws(CompressionError) {
        self.format = format
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, format.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw CompressionError(description: "zlib cannot start")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    public func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> DecompressionStep {
        if !isInsideFrame {
            inflateReset(stream)
            isInsideFrame = true
        }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(clamping: input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(clamping: output.count)
        let code = inflate(stream, Z_NO_FLUSH)
        guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
            throw CompressionError(description: "damaged \(format == .raw ? "deflate" : "gzip") data")
        }
        if code == Z_STREAM_END { isInsideFrame = false }
        return DecompressionStep(
            consumed: input.count - Int(stream.pointee.avail_in),
            produced: output.count - Int(stream.pointee.avail_out))
    }
}

/// Zstandard, also several frames one after the other.
public final class ZstdDecompressor: Decompressor {
    private let context: OpaquePointer
    public private(set) var isInsideFrame = false

    public init() throws(CompressionError) {
        guard let context = ZSTD_createDStream() else { throw CompressionError(description: "zstd cannot start") }
        self.context = context
    }

    deinit { ZSTD_freeDStream(context) }

    public func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> DecompressionStep {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let code = ZSTD_decompressStream(context, &target, &source)
        guard ZSTD_isError(code) == 0 else {
            throw CompressionError(
                description: "damaged zstd data: \(String(cString: ZSTD_getErrorName(code)))")
        }
        isInsideFrame = code != 0
        return DecompressionStep(consumed: source.pos, produced: target.pos)
    }
}
