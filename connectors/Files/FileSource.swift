import Compression
import Connectors
import Glibc
import Records
import State

/// Files, read one after the other in the given order; compressed ones (gzip, zstd) are recognised by their content.
///
/// A position is a file's name and the bytes consumed of it, after decompression. With `follow` the last file is read
/// on as it grows.
public final class FileSource: ByteSource {
    public let isReplayable = true
    private let paths: [String]
    private let follows: Bool
    private var known: [PartPosition] = []
    private var next = 0
    private var reader: ByteReader?
    private var currentPath = ""
    private var currentIsLast = false

    /// - Parameter paths: in reading order; expand patterns with `expand`.
    public init(paths: [String], follows: Bool = false) {
        self.paths = paths
        self.follows = follows
    }

    /// The files a shell pattern names, sorted; a path without pattern stands for itself.
    public static func expand(_ pattern: String) throws(ConnectorError) -> [String] {
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, let list = found.gl_pathv else {
            throw ConnectorError("no file matches '\(pattern)'")
        }
        return (0..<Int(found.gl_pathc)).compactMap { list[$0].map { String(cString: $0) } }
    }

    public func open(at positions: [PartPosition]) throws(ConnectorError) { known = positions }

    public func advance() throws(ConnectorError) -> PartPosition? {
        while next < paths.count {
            let path = paths[next]
            next += 1
            let position = known.first { $0.name == path } ?? PartPosition(name: path)
            currentPath = path
            currentIsLast = next == paths.count
            try openFile(path)
            if position.offset > 0 || position.isDone { try verify(position) }
            if position.isDone, !hasGrown(beyond: position.offset), !(follows && currentIsLast) { continue }
            try skip(to: position)
            return position
        }
        reader = nil
        return nil
    }

    private func openFile(_ path: String) throws(ConnectorError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ConnectorError("cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            Glibc.close(descriptor)
            throw ConnectorError("'\(path)' is a directory; name its files, e.g. '\(path)/*.jsonl'")
        }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        reader = ByteReader(descriptor: descriptor)
    }

    /// Whether a plain file has more bytes than were consumed of it.
    private func hasGrown(beyond offset: Int) -> Bool {
        var status = stat()
        return stat(currentPath, &status) == 0 && Int(status.st_size) > offset && fileIsPlain()
    }

    private func fileIsPlain() -> Bool {
        let descriptor = Glibc.open(currentPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { Glibc.close(descriptor) }
        var magic: [UInt8] = [0, 0, 0, 0]
        let count = max(pread(descriptor, &magic, 4, 0), 0)
        if case .none = magic[..<count].withUnsafeBytes({ Compression(magic: $0) }) { return true }
        return false
    }

    /// Checks that the file is still the one the position was taken in.
    private func verify(_ position: PartPosition) throws(ConnectorError) {
        let found = fingerprint(limit: position.fingerprintBytes)
        guard found.digest == position.fingerprint, found.bytes == position.fingerprintBytes else {
            throw ConnectorError(
                "'\(position.name)' is not the file that the snapshot was taken from: its first bytes differ. "
                    + "Start with a new --snapshots directory, or give the original file")
        }
        var status = stat()
        guard position.isDone, stat(currentPath, &status) == 0, fileIsPlain() else { return }
        guard Int(status.st_size) >= position.offset else { throw tooShort(position) }
    }

    private func tooShort(_ position: PartPosition) -> ConnectorError {
        ConnectorError(
            "'\(position.name)' is shorter than the snapshot's position (\(position.offset) bytes): it was changed. "
                + "Start with a new --snapshots directory, or give the original file")
    }

    /// Passes over what was consumed.
    private func skip(to position: PartPosition) throws(ConnectorError) {
        let scratch = Chunk(capacity: 1 << 18)
        var left = position.offset
        while left > 0 {
            scratch.count = 0
            let limited = UnsafeMutableRawBufferPointer(start: scratch.base, count: min(left, scratch.capacity))
            guard case .bytes(let count) = try readBytes(limited) else { throw tooShort(position) }
            left -= count
        }
    }

    public func fingerprint(limit: Int) -> (digest: String, bytes: Int) {
        let descriptor = Glibc.open(currentPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return ("", 0) }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = max(pread(descriptor, &bytes, limit, 0), 0)
        return (bytes[..<count].withUnsafeBytes { Digest.of($0) }, count)
    }

    public func read(into chunk: Chunk) throws(ConnectorError) -> ReadOutcome {
        let room = UnsafeMutableRawBufferPointer(
            start: chunk.base + chunk.count, count: chunk.capacity - chunk.count)
        switch try readBytes(room) {
        case .bytes(let count):
            chunk.count += count
            return .bytes
        case .idle: return .idle
        case .end:
            guard follows, currentIsLast else { return .endOfPart }
            usleep(50_000)
            return .idle
        }
    }

    private func readBytes(_ room: UnsafeMutableRawBufferPointer) throws(ConnectorError) -> ByteReader.Outcome {
        guard let reader else { return .end }
        do throws(CompressionError) { return try reader.read(into: room) } catch {
            throw ConnectorError("'\(currentPath)': \(error.description)")
        }
    }

    public func lookAhead(at part: String) -> (any ByteSource)? { FileSource(paths: [part]) }

    public func close() { reader = nil }
}
