import Connectors
public final class PortForwarder {
    public init(port: Int, to: String) throws(ConnectorError) {}
}
