import CRdkafka
import Connectors

/// What the consumer says besides messages.
extension Poller {
    func serve(event: UnsafeMutablePointer<rd_kafka_message_t>) {
        switch event.pointee.err {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF: if let number = parts.find(event) { reachedEnd(number) }
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            if let number = parts.find(event) { outOfRange(number) }
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            count(event)
            nextTopicCheck = min(nextTopicCheck, monotonicSeconds() + 1)
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
            fail(
                ConnectorError(
                    "the brokers refuse access: \(reason(event)). Grant the user access to "
                        + "\(options.topics.joined(separator: ", ")), or change sasl.username"))
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            // Without a group its name is made up, and never joined.
            guard let group = options.group else { return }
            fail(
                ConnectorError(
                    "the brokers refuse the group '\(group)': \(reason(event)). Grant the user access to it, or choose "
                        + "another with group=NAME"))
        case RD_KAFKA_RESP_ERR__FATAL: fail(ConnectorError("kafka: \(client?.fatalReason ?? reason(event))"))
        default: count(event)
        }
    }

    private func reason(_ event: UnsafeMutablePointer<rd_kafka_message_t>) -> String {
        rd_kafka_message_errstr(event).map { String(cString: $0) } ?? meaning(event.pointee.err)
    }

    private func count(_ event: UnsafeMutablePointer<rd_kafka_message_t>) {
        counters.errors.add(1, ordering: .relaxed)
        warner.warn("errors", "kafka: \(reason(event))")
    }

    private func outOfRange(_ number: Int) {
        guard parts[number].phase == .running else { return }
        let part = parts[number]
        guard options.onOutOfRange != .stop || part.isAtEarliest else {
            return fail(
                ConnectorError(
                    "\(part.name) has no offset \(part.next) (any more): what stood there was deleted, or the topic is "
                        + "another one. Start with a new --snapshots directory, or say where to go on with "
                        + "on-out-of-range=earliest or latest"))
        }
        parts[number].phase = .unsettled(.reset)
    }

    /// Ends when a topic is gone: librdkafka says so of some, and waits in silence for others. Brokers say it for a
    /// moment of topics that are there, so it takes two answers.
    func checkTopics() {
        guard let client else { return }
        let lookup = TopicLookup(client: client, brokers: options.brokers, seconds: 1, mayBeCreated: false)
        guard let topic = options.topics.first(where: lookup.isMissing) else { return isTopicMissing = false }
        guard isTopicMissing else {
            isTopicMissing = true
            return nextTopicCheck = monotonicSeconds() + 1
        }
        fail(
            ConnectorError(
                "the topic '\(topic)' does not exist on \(options.brokers) any more. Create it again, or correct the "
                    + "kafka:// URL"))
    }
}
