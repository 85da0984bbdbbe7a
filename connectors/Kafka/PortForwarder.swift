import Connectors
import Glibc
import Synchronization

/// Listens on a port of loopback and passes bytes on to another address and back: gives the embedded cluster, which
/// chooses its own ports, one that is known beforehand. Clients only ask there for the brokers' addresses.
public final class PortForwarder: Sendable {
    /// Where it listens; chosen by the system when 0 was asked for.
    public let port: UInt16
    private let listener: Int32
    private let isClosed = Atomic<Bool>(false)

    /// - Parameter target: `HOST:PORT`, the host an IPv4 address or `localhost`; of several the first counts.
    public init(port: UInt16, to target: String) throws(ConnectorError) {
        let first = target.split(separator: ",").first ?? ""
        let parts = first.split(separator: ":")
        var destination = Self.address(0)
        guard parts.count == 2, let targetPort = UInt16(parts[1]),
            parts[0] == "localhost" || inet_pton(AF_INET, String(parts[0]), &destination.sin_addr) == 1
        else { throw ConnectorError("'\(target)' is no address to forward to; it takes 127.0.0.1:PORT") }
        destination.sin_port = targetPort.bigEndian
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw ConnectorError("cannot listen: \(String(cString: strerror(errno)))") }
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = Self.address(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        guard status else {
            let reason = String(cString: strerror(errno))
            Glibc.close(listener)
            throw ConnectorError("cannot listen on 127.0.0.1:\(port): \(reason). Choose another port")
        }
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
        // Ends when the listener is shut down; it must not keep this object alive.
        let target = destination
        try startThread { Self.accept(listener, target) }
    }

    deinit { close() }

    /// Stops listening; connections that stand go on until one side ends them.
    public func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func accept(_ listener: Int32, _ target: sockaddr_in) {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            if client < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            connect(client, target)
        }
        Glibc.close(listener)
    }

    private static func connect(_ client: Int32, _ target: sockaddr_in) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var target = target
        let status = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                Glibc.connect(server, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard server >= 0, status == 0 else {
            Glibc.close(client)
            if server >= 0 { Glibc.close(server) }
            return
        }
        let pair = Pair(client, server)
        do throws(ConnectorError) {
            try startThread { pair.copy(from: client, to: server) }
            try startThread { pair.copy(from: server, to: client) }
        } catch { pair.end() }
    }
}

/// Two connected sockets; closed when neither direction uses them any more.
private final class Pair: Sendable {
    private let first: Int32
    private let second: Int32

    init(_ first: Int32, _ second: Int32) { (self.first, self.second) = (first, second) }

    deinit {
        close(first)
        close(second)
    }

    func end() {
        shutdown(first, Int32(SHUT_RDWR))
        shutdown(second, Int32(SHUT_RDWR))
    }

    func copy(from source: Int32, to target: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0, sendAll(buffer.prefix(count), to: target) else { return end() }
        }
    }

    private func sendAll(_ bytes: ArraySlice<UInt8>, to target: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                // A peer that is gone is no reason for a signal.
                let count = send(
                    target, bytes.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}
