import Foundation
import Glibc

/// A connection over which a test says exactly what it wants, as slowly as it wants.
final class RawConnection {
    struct Answer {
        let status: Int
        /// Status line and headers.
        let head: String
        let body: String
    }

    private let descriptor: Int32
    private var received: [UInt8] = []
    /// The other side has ended it.
    private(set) var isEnded = false

    /// - Returns: nil when nobody listens.
    init?(port: UInt16, seconds: Int = 20) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// False: the other side is gone.
    @discardableResult func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Sends a whole request. Nil: the connection ended without an answer.
    func ask(_ method: String, _ path: String, _ body: String = "", headers: String = "") -> Answer? {
        let head =
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n"
        guard send(head + body) else { return nil }
        return answer()
    }

    /// Reads until the end of what the other side sends, or until it says nothing for the time-out.
    func rest() -> String {
        while receive() {}
        return text
    }

    /// Reads until the text has come. False: it did not.
    func waits(for text: String) -> Bool {
        while !String(decoding: received, as: UTF8.self).contains(text) { guard receive() else { return false } }
        return true
    }

    /// What has come and was not taken as an answer.
    var text: String { String(decoding: received, as: UTF8.self) }

    /// The next answer, which must have a content length.
    func answer() -> Answer? {
        while true {
            let text = String(decoding: received, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = String(text[..<end.lowerBound])
                let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                let count = length.flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
                let start = text.utf8.distance(from: text.startIndex, to: end.upperBound)
                if received.count >= start + count {
                    let body = String(decoding: received[start..<start + count], as: UTF8.self)
                    received.removeFirst(start + count)
                    let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                    if status != 100 { return Answer(status: status, head: head, body: body) }
                    continue
                }
            }
            guard receive() else { return nil }
        }
    }

    private func receive() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count == 0 || count < 0 && errno == ECONNRESET { isEnded = true }
        guard count > 0 else { return false }
        received.append(contentsOf: buffer[..<count])
        return true
    }
}
