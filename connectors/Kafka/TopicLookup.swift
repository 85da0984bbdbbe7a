import CRdkafka
import Connectors
import Glibc

/// What a cluster knows of the topics, asked before anything is consumed or produced.
struct TopicLookup {
    let client: Client
    let brokers: String
    let seconds: Double
    /// Whether asking for a topic may bring it about.
    let mayBeCreated: Bool

    /// The number of partitions of each topic.
    ///
    /// - Throws: what a person must change: nobody listens, credentials are wrong, a topic is unknown.
    func partitionCounts(_ topics: [String]) throws(ConnectorError) -> [Int] {
        let deadline = monotonicSeconds() + seconds
        var counts: [Int] = []
        for topic in topics { counts.append(try partitionCount(topic, deadline)) }
        return counts
    }

    /// Whether the brokers answer that there is no such topic.
    func isMissing(_ topic: String) -> Bool {
        guard let handle = rd_kafka_topic_new(client.handle, topic, nil) else { return false }
        defer { rd_kafka_topic_destroy(handle) }
        if case .refused(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) = ask(handle, topic, seconds: seconds) { return true }
        return false
    }

    /// Whether any broker answers.
    func isAnswered(_ topic: String) -> Bool {
        guard let handle = rd_kafka_topic_new(client.handle, topic, nil) else { return false }
        defer { rd_kafka_topic_destroy(handle) }
        if case .unreached = ask(handle, topic, seconds: seconds) { return false }
        return true
    }

    private enum Answer {
        case partitions(Int)
        case refused(rd_kafka_resp_err_t)
        case unreached(rd_kafka_resp_err_t)
    }

    private func partitionCount(_ topic: String, _ deadline: Double) throws(ConnectorError) -> Int {
        guard let handle = rd_kafka_topic_new(client.handle, topic, nil) else {
            throw ConnectorError("the topic '\(topic)' cannot be used: \(meaning(rd_kafka_last_error()))")
        }
        defer { rd_kafka_topic_destroy(handle) }
        while true {
            let answer = ask(handle, topic, seconds: min(1, max(0.05, deadline - monotonicSeconds())))
            // Serves the error callback, which knows why.
            rd_kafka_poll(client.handle, 0)
            let isLate = monotonicSeconds() >= deadline
            switch answer {
            case .partitions(let count): return count
            case .refused(let code):
                if code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, !mayBeCreated || isLate { throw unknown(topic) }
                if code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || isLate { throw refused(topic, code) }
                usleep(50_000)
            case .unreached(let code): if isLate || isHopeless { throw unreached(code) }
            }
        }
    }

    private func ask(_ handle: OpaquePointer, _ topic: String, seconds: Double) -> Answer {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(client.handle, 0, handle, &metadata, Int32(seconds * 1000))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { return .unreached(code) }
        defer { rd_kafka_metadata_destroy(metadata) }
        let found = UnsafeBufferPointer(start: metadata.pointee.topics, count: Int(metadata.pointee.topic_cnt))
        guard let first = found.first(where: { $0.topic.map { String(cString: $0) } == topic }) else {
            return .refused(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        }
        guard first.err == RD_KAFKA_RESP_ERR_NO_ERROR else { return .refused(first.err) }
        return first.partition_cnt > 0
            ? .partitions(Int(first.partition_cnt)) : .refused(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    }

    /// Waiting longer does not make these right.
    private var isHopeless: Bool {
        client.hooks.troubles.withLock { $0.contains { Self.needsPerson($0.code) } }
    }

    private static func needsPerson(_ code: rd_kafka_resp_err_t) -> Bool {
        code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL
            || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED
    }

    private func unknown(_ topic: String) -> ConnectorError {
        ConnectorError(
            "the topic '\(topic)' does not exist on \(brokers). Create it, or correct its name in the kafka:// URL")
    }

    private func refused(_ topic: String, _ code: rd_kafka_resp_err_t) -> ConnectorError {
        let advice =
            code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            ? "Grant the user access to it, or change sasl.username" : "Look at the brokers, or try again"
        return ConnectorError("the topic '\(topic)' cannot be used on \(brokers): \(meaning(code)). \(advice)")
    }

    private func unreached(_ code: rd_kafka_resp_err_t) -> ConnectorError {
        let troubles = client.hooks.troubles.withLock { $0 }
        if let trouble = troubles.last(where: { Self.needsPerson($0.code) }) {
            return ConnectorError(
                "\(brokers) cannot be used: \(trouble.reason). Correct security.protocol and the sasl.* and ssl.* "
                    + "properties")
        }
        let trouble = troubles.last { $0.code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN } ?? troubles.last
        let reason = trouble?.reason ?? meaning(code)
        return ConnectorError(
            "no broker answers at \(brokers): \(reason). Start one, or correct the brokers in the kafka:// URL and "
                + "security.protocol")
    }
}
