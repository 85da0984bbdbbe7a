import CRdkafka
import Connectors
import Records

/// Rejected records as messages, by the conventions of Kafka Connect's dead letter queue: the original key and bytes,
/// and what was wrong with them in headers.
extension KafkaSink {
    public func send(_ rejected: RejectedRecord, part: String) throws(ConnectorError) {
        let origin = Origin(part: part)
        let texts: [(UnsafePointer<CChar>, String)] = [
            (HeaderName.topic, origin.topic), (HeaderName.partition, String(origin.partition)),
            (HeaderName.offset, String(rejected.position.offset)), (HeaderName.connector, "thalweg"),
            (HeaderName.stage, "VALUE_CONVERTER"), (HeaderName.exception, "thalweg.RejectedRecord"),
            (HeaderName.message, rejected.reason), (HeaderName.reason, rejected.reason),
            (HeaderName.position, "\(part):\(rejected.position.offset)"),
        ]
        // All headers' bytes in one array, because they must stay valid until the message is sent.
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for (_, text) in texts {
            bytes += text.utf8
            ends.append(bytes.count)
        }
        try enqueue { outgoing, tag in
            rejected.bytes.withUnsafeBytes { value in
                Self.withBytes(rejected.key) { key in
                    bytes.withUnsafeBytes { bytes in
                        outgoing.begin(key: key, value: value, tag: tag)
                        var start = 0
                        for ((name, _), end) in zip(texts, ends) {
                            outgoing.header(name, UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                            start = end
                        }
                        return outgoing.send()
                    }
                }
            }
        }
    }

    private static func withBytes<R>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
        guard let bytes else { return body(nil) }
        return bytes.withUnsafeBytes { body($0) }
    }

    /// What a part's name says: `TOPIC/PARTITION`, or a file.
    struct Origin: Equatable {
        var topic: String
        var partition: Int

        init(part: String) {
            (topic, partition) = (part, -1)
            guard let slash = part.lastIndex(of: "/") else { return }
            let tail = String(part[part.index(after: slash)...])
            // A topic's name has no slash; a path that ends like a partition usually begins with more.
            if let number = Int32(tail), number >= 0, !part[..<slash].contains("/"), !part[..<slash].isEmpty {
                (topic, partition) = (String(part[..<slash]), Int(number))
            } else if !tail.isEmpty {
                topic = tail
            }
        }
    }
}
