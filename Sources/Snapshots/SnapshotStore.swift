import Glibc
import JSON
import State

/// A directory of snapshots: written atomically, verified on load, the newest few kept.
///
/// A snapshot is written to a temporary file, flushed, renamed, and the directory flushed; whatever happens in
/// between, the older ones stay intact. A failed flush is never retried on the same file (its pages may be marked
/// clean): the next snapshot is a new file.
public final class SnapshotStore: @unchecked Sendable {
    public let directory: String
    private let keep: Int

    /// - Parameter keep: snapshots to keep, at least 1.
    public init(directory: String, keep: Int) throws(SnapshotError) {
        self.directory = directory
        self.keep = max(keep, 1)
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
            throw SnapshotError("cannot create '\(directory)': \(String(cString: strerror(errno)))")
        }
        guard access(directory, W_OK | X_OK) == 0 else {
            throw SnapshotError("cannot write to '\(directory)': \(String(cString: strerror(errno)))")
        }
        removeTemporaries()
    }

    /// Paths of the snapshots in a directory, oldest first.
    public static func paths(in directory: String) throws(SnapshotError) -> [String] {
        guard let stream = opendir(directory) else {
            throw SnapshotError("cannot open '\(directory)': \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("snapshot-"), name.hasSuffix(".safetensors") { names.append(name) }
        }
        return names.sorted().map { "\(directory)/\($0)" }
    }

    /// Writes a snapshot; `sequence` orders snapshots (the number of records consumed).
    /// - Returns: the path and its bytes.
    public func write(
        _ entries: [StateEntry], metadata: JSONValue, sequence: Int
    ) throws(SnapshotError) -> (path: String, bytes: Int) {
        let digits = String(sequence)
        let name = "snapshot-\(String(repeating: "0", count: max(0, 16 - digits.count)))\(digits).safetensors"
        let path = "\(directory)/\(name)"
        let temporary = "\(directory)/.\(name).\(getpid()).tmp"
        let header = SnapshotFile.header(entries, metadata: metadata)
        guard header.count - 8 <= SnapshotFile.maximumHeader else {
            throw SnapshotError("'\(path)': a header of \(header.count) bytes could not be read again")
        }
        do throws(SnapshotError) {
            try writeFile(temporary, header, entries)
            guard rename(temporary, path) == 0 else { throw failure("cannot rename", temporary) }
            try flushDirectory()
        } catch {
            unlink(temporary)
            throw error
        }
        removeOld()
        return (path, header.count + entries.reduce(0) { $0 + $1.array.byteCount })
    }

    private func writeFile(_ path: String, _ header: [UInt8], _ entries: [StateEntry]) throws(SnapshotError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("cannot create", path) }
        var isOpen = true
        defer { if isOpen { Glibc.close(descriptor) } }
        let written: Result<Void, SnapshotError> = header.withUnsafeBytes { bytes in
            do throws(SnapshotError) { return .success(try writeAll(descriptor, bytes, path)) } catch {
                return .failure(error)
            }
        }
        try written.get()
        for entry in entries {
            try writeAll(
                descriptor, UnsafeRawBufferPointer(start: entry.array.bytes, count: entry.array.byteCount), path)
        }
        guard fsync(descriptor) == 0 else { throw failure("cannot flush", path) }
        isOpen = false
        guard Glibc.close(descriptor) == 0 else { throw failure("cannot close", path) }
    }

    private func writeAll(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ path: String
    ) throws(SnapshotError) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("cannot write", path)
            }
            done += count
        }
    }

    private func flushDirectory() throws(SnapshotError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open", directory) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("cannot flush", directory) }
    }

    private func failure(_ what: String, _ path: String) -> SnapshotError {
        SnapshotError("\(what) '\(path)': \(String(cString: strerror(errno)))")
    }

    private func removeOld() {
        guard let paths = try? Self.paths(in: directory) else { return }
        for path in paths.dropLast(keep) { unlink(path) }
    }

    /// Temporary files of a process that died.
    private func removeTemporaries() {
        guard let stream = opendir(directory) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".snapshot-"), name.hasSuffix(".tmp") { unlink("\(directory)/\(name)") }
        }
    }

    /// The newest snapshot whose every byte is as it was written. Damaged ones are set aside as `.corrupt`.
    ///
    /// - Parameter report: told of each damaged one.
    public func newest(_ report: (String) -> Void) throws(SnapshotError) -> Snapshot? {
        for path in try Self.paths(in: directory).reversed() {
            do throws(SnapshotError) {
                let snapshot = try Snapshot(path: path)
                try snapshot.verify()
                return snapshot
            } catch {
                guard error.isDamage else { throw error }
                report("\(error.description); set aside as '\(path).corrupt', using the one before it")
                rename(path, "\(path).corrupt")
            }
        }
        return nil
    }
}
