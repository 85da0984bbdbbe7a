import Compression
import Connectors
import Glibc
import Records
import State

/// Standard input. Redirected from a file it resumes like one; a pipe's bytes are new whenever they come.
public final class StandardInput: ByteSource {
    public let isReplayable: Bool
    private var reader: ByteReader?
    private var known: PartPosition?
    private var hasAdvanced = false
    public static let name = "-"

    public init() {
        var status = stat()
        isReplayable = fstat(0, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    public func open(at positions: [PartPosition]) throws(ConnectorError) {
        known = positions.first { $0.name == Self.name }
    }

    public func advance() throws(ConnectorError) -> PartPosition? {
        guard !hasAdvanced else { return nil }
        hasAdvanced = true
        reader = ByteReader(descriptor: 0)
        var position = known ?? PartPosition(name: Self.name)
        guard isReplayable, position.offset > 0 else {
            // What was read of an earlier pipe is gone; its header is not this one's.
            position.context = ""
            position.line = 1
            position.offset = 0
            return position
        }
        guard fingerprint(limit: position.fingerprintBytes).digest == position.fingerprint else {
            throw ConnectorError(
                "standard input is not the file that the snapshot was taken from: its first bytes differ. "
                    + "Start with a new --snapshots directory, or give the original file")
        }
        try skip(position.offset)
        return position
    }

    private func skip(_ count: Int) throws(ConnectorError) {
        let scratch = Chunk(capacity: 1 << 18)
        var left = count
        while left > 0 {
            let room = UnsafeMutableRawBufferPointer(start: scratch.base, count: min(left, scratch.capacity))
            guard case .bytes(let count) = try readBytes(room) else {
                throw ConnectorError("standard input is shorter than the snapshot's position (\(count) bytes)")
            }
            left -= count
        }
    }

    public func read(into chunk: Chunk) throws(ConnectorError) -> ReadOutcome {
        let room = UnsafeMutableRawBufferPointer(start: chunk.base + chunk.count, count: chunk.capacity - chunk.count)
        switch try readBytes(room) {
        case .bytes(let count):
            chunk.count += count
            return .bytes
        case .idle: return .idle
        case .end: return .endOfPart
        }
    }

    private func readBytes(_ room: UnsafeMutableRawBufferPointer) throws(ConnectorError) -> ByteReader.Outcome {
        guard let reader else { return .end }
        do throws(CompressionError) { return try reader.read(into: room) } catch {
            throw ConnectorError("standard input: \(error.description)")
        }
    }

    public func fingerprint(limit: Int) -> (digest: String, bytes: Int) {
        guard isReplayable else { return ("", 0) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = max(pread(0, &bytes, limit, 0), 0)
        return (bytes[..<count].withUnsafeBytes { Digest.of($0) }, count)
    }

    public func close() { reader = nil }
}
