import Glibc

/// Holds a file or a directory locked (flock) while it lives: whoever dies lets go, however it dies.
public final class FileLock: @unchecked Sendable {
    private let descriptor: Int32

    /// Locks a directory itself.
    /// - Returns: nil when another process holds the lock.
    public init?(directory: String) throws(SnapshotError) {
        descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SnapshotError("cannot lock '\(directory)': \(String(cString: strerror(errno)))")
        }
        guard Self.lock(descriptor) else {
            close(descriptor)
            return nil
        }
    }

    /// Locks a file, which is made when there is none.
    /// - Parameter text: what the file says to others; nil: which process this is.
    /// - Returns: nil when another process holds the lock; `holder` is then what that one says.
    public init?(path: String, text: String? = nil, holder: inout String) throws(SnapshotError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw SnapshotError("cannot lock '\(path)': \(String(cString: strerror(errno)))")
        }
        guard Self.lock(descriptor) else {
            holder = Self.content(descriptor)
            close(descriptor)
            return nil
        }
        _ = ftruncate(descriptor, 0)
        var content = text ?? "process \(getpid())"
        content.withUTF8 { _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(descriptor) }

    private static func lock(_ descriptor: Int32) -> Bool {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EINTR else { return false }
        }
        return true
    }

    private static func content(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = max(pread(descriptor, &bytes, bytes.count, 0), 0)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : "another process"
    }
}
