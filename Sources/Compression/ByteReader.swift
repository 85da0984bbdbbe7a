import Glibc

/// Reads a file descriptor, decompressing what is compressed. Owns the descriptor.
public final class ByteReader {
    public enum Outcome {
        case bytes(Int)
        case idle
        case end
    }

    private let descriptor: Int32
    private var decompressor: (any Decompressor)?
    private var compressed: UnsafeMutableRawBufferPointer?
    private var compressedStart = 0
    private var compressedEnd = 0
    /// Bytes read before it was known how they are compressed.
    private var head: [UInt8] = []
    private var knowsCompression = false
    /// How long to wait for a descriptor that has nothing, in milliseconds.
    private let waitMilliseconds: Int32

    public init(descriptor: Int32, waitMilliseconds: Int32 = 50) {
        self.descriptor = descriptor
        self.waitMilliseconds = waitMilliseconds
    }

    deinit {
        compressed?.deallocate()
        if descriptor > 2 { Glibc.close(descriptor) }
    }

    public var isCompressed: Bool { decompressor != nil }

    /// Fills at most `output`; waits a short while for a pipe.
    public func read(into output: UnsafeMutableRawBufferPointer) throws(CompressionError) -> Outcome {
        if !knowsCompression { if let early = try detect() { return early } }
        if !head.isEmpty, decompressor == nil {
            let count = min(head.count, output.count)
            output.copyBytes(from: head.prefix(count))
            head.removeFirst(count)
            return .bytes(count)
        }
        guard let decompressor else { return try readRaw(into: output) }
        return try decompress(decompressor, into: output)
    }

    /// Reads the first four bytes; returns an outcome when they have not all come yet.
    private func detect() throws(CompressionError) -> Outcome? {
        while head.count < 4 {
            var bytes: [UInt8] = [0, 0, 0, 0]
            let wanted = 4 - head.count
            let result: Result<Outcome, CompressionError> = bytes.withUnsafeMutableBytes { buffer in
                do throws(CompressionError) {
                    return .success(try readRaw(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])))
                } catch { return .failure(error) }
            }
            switch try result.get() {
            case .bytes(let count): head.append(contentsOf: bytes[..<count])
            case .idle:
                // A live stream's first bytes are shown as soon as they cannot be a compressed file's.
                guard !head.isEmpty, head[0] != 0x1f, head[0] != 0x28 else { return .idle }
                knowsCompression = true
                return nil
            case .end:
                if head.isEmpty { return .end }
                knowsCompression = true
                return nil
            }
        }
        knowsCompression = true
        switch head.withUnsafeBytes({ Compression(magic: $0) }) {
        case .none: return nil
        case .gzip: decompressor = try GzipDecompressor()
        case .zstd: decompressor = try ZstdDecompressor()
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
        buffer.copyBytes(from: head)
        compressedEnd = head.count
        compressed = buffer
        head = []
        return nil
    }

    private func decompress(
        _ decompressor: any Decompressor, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Outcome {
        guard let compressed else { return .end }
        while true {
            if compressedStart < compressedEnd {
                let input = UnsafeRawBufferPointer(rebasing: compressed[compressedStart..<compressedEnd])
                let step = try decompressor.step(input, into: output)
                compressedStart += step.consumed
                if step.produced > 0 { return .bytes(step.produced) }
                if step.consumed > 0 { continue }
            }
            compressedStart = 0
            compressedEnd = 0
            switch try readRaw(into: compressed) {
            case .bytes(let count): compressedEnd = count
            case .idle: return .idle
            case .end:
                if decompressor.isInsideFrame { throw CompressionError(description: "compressed data ends too early") }
                return .end
            }
        }
    }

    private func readRaw(into output: UnsafeMutableRawBufferPointer) throws(CompressionError) -> Outcome {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let ready = Glibc.poll(&poll, 1, waitMilliseconds)
        if ready == 0 { return .idle }
        if ready < 0 {
            if errno == EINTR { return .idle }
            throw CompressionError(description: "cannot wait for input: \(String(cString: strerror(errno)))")
        }
        let count = Glibc.read(descriptor, output.baseAddress, output.count)
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        if errno == EINTR || errno == EAGAIN { return .idle }
        throw CompressionError(description: "cannot read: \(String(cString: strerror(errno)))")
    }
}
