/// Where bytes go. Used by one thread.
public protocol Sink: AnyObject {
    /// Bytes written so far; what a snapshot remembers, so that a resumed run can cut off what came after.
    var position: Int { get }

    /// Continues at a position: what was written after it is cut off. Sinks that cannot take back ignore it.
    func resume(at position: Int) throws(ConnectorError)

    func write(_ bytes: UnsafeRawBufferPointer) throws(ConnectorError)

    /// Makes everything written durable, as far as the sink can.
    func flush() throws(ConnectorError)

    func close() throws(ConnectorError)
}
