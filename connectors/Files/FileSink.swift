import Connectors
import Glibc

/// A file that predictions or rejected records are appended to. Resuming cuts it back to the snapshot's position, so
/// that no line is lost or doubled.
public final class FileSink: Sink {
    public private(set) var position = 0
    private let path: String
    private let descriptor: Int32

    /// Opens or creates the file, keeping what is in it until `resume` says where to continue.
    public init(path: String) throws(ConnectorError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw ConnectorError("cannot write '\(path)': \(String(cString: strerror(errno)))")
        }
    }

    deinit { Glibc.close(descriptor) }

    public func resume(at position: Int) throws(ConnectorError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot look at") }
        // Devices and pipes have no length to cut.
        if status.st_mode & S_IFMT == S_IFREG {
            guard Int(status.st_size) >= position else {
                throw ConnectorError(
                    "'\(path)' has \(status.st_size) bytes but the snapshot had written \(position): it was changed or "
                        + "removed. Start with a new --snapshots directory, or restore the file")
            }
            guard ftruncate(descriptor, off_t(position)) == 0, lseek(descriptor, off_t(position), SEEK_SET) >= 0
            else { throw failure("cannot cut") }
        }
        self.position = position
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(ConnectorError) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("cannot write")
            }
            done += count
        }
        position += bytes.count
    }

    public func flush() throws(ConnectorError) {
        guard fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw failure("cannot flush") }
    }

    public func close() throws(ConnectorError) {}

    private func failure(_ what: String) -> ConnectorError {
        ConnectorError("\(what) '\(path)': \(String(cString: strerror(errno)))")
    }
}
