import Foundation
import Glibc

/// A schema registry of fixed answers, one connection after the other, on a thread of its own.
final class StubRegistry: @unchecked Sendable {
    struct Request: Sendable {
        let path: String
        /// Lines of the head, as they came.
        let head: String
    }

    private let descriptor: Int32
    let port: UInt16
    private let answer: @Sendable (Request) -> (status: Int, body: String)?
    private let lock = NSLock()
    private var seen: [Request] = []

    /// - Parameter answer: nil: the connection is closed without one.
    init(_ answer: @escaping @Sendable (Request) -> (status: Int, body: String)?) {
        self.answer = answer
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = listen(descriptor, 16)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in serve() }
    }

    var url: String { "http://127.0.0.1:\(port)" }

    var requests: [Request] {
        lock.lock()
        defer { lock.unlock() }
        return seen
    }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func serve() {
        while true {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { break }
            serve(connection)
            close(connection)
        }
        close(descriptor)
    }

    private func serve(_ connection: Int32) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            bytes += buffer[..<count]
        }
        let head = String(decoding: bytes, as: UTF8.self)
        let request = Request(path: head.split(separator: " ").dropFirst().first.map(String.init) ?? "", head: head)
        lock.lock()
        seen.append(request)
        lock.unlock()
        guard let (status, body) = answer(request) else { return }
        let text = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        let answer = Array(text.utf8)
        _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
    }
}
