import Connectors
import Glibc

/// Standard output. What was written cannot be taken back: after a crash, lines since the last snapshot come again,
/// with the same bytes.
public final class StandardOutput: Sink {
    public private(set) var position = 0

    public init() {}

    public func resume(at position: Int) { self.position = position }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(ConnectorError) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(1, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { throw ConnectorError("standard output was closed by its reader", .closed) }
                throw ConnectorError("cannot write to standard output: \(String(cString: strerror(errno)))")
            }
            done += count
        }
        position += bytes.count
    }

    public func flush() {}

    public func close() {}
}
