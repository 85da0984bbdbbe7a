import Connectors

/// A sink in memory that takes a given number of bytes and then fails, as a full disk (which keeps a part of the last
/// write) or a pipe whose reader went away.
final class ScriptedSink: Sink {
    /// Everything that reached the other side.
    private(set) var bytes: [UInt8] = []
    private(set) var position = 0
    /// Bytes it takes; nil = as many as come.
    var limit: Int?
    let disposition: ConnectorError.Disposition

    init(limit: Int? = nil, _ disposition: ConnectorError.Disposition = .fatal) {
        self.limit = limit
        self.disposition = disposition
    }

    func resume(at position: Int) throws(ConnectorError) {
        // What a pipe has taken is gone.
        guard disposition == .fatal else { return }
        guard position <= bytes.count else { throw ConnectorError("shorter than the snapshot says") }
        bytes.removeLast(bytes.count - position)
        self.position = position
    }

    func write(_ written: UnsafeRawBufferPointer) throws(ConnectorError) {
        if let limit, bytes.count + written.count > limit {
            if disposition == .fatal { bytes += written.prefix(limit - bytes.count) }
            throw ConnectorError("the script takes no more", disposition)
        }
        bytes += written
        position += written.count
    }

    func flush() {}
    func close() {}
}
