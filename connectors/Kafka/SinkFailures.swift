import CRdkafka
import Connectors

/// What a failed delivery asks of a person.
extension KafkaSink {
    func failure(_ code: rd_kafka_resp_err_t) -> ConnectorError {
        Self.failure(code, topic: options.topic, brokers: options.brokers)
    }

    func timedOut() -> ConnectorError { failure(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) }

    static func failure(_ code: rd_kafka_resp_err_t, topic: String, brokers: String) -> ConnectorError {
        let advice =
            switch code {
            case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
                "Raise message.max.bytes here (-X) and max.message.bytes of the topic"
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
                "Create the topic, or correct its name in the kafka:// URL"
            case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
                RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
                "Look whether the brokers \(brokers) are there; message.timeout.ms is how long they may be gone"
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
                "Grant the user the right to write, or change sasl.username"
            default: "Look at the brokers \(brokers)"
            }
        return ConnectorError("a message for the topic '\(topic)' was not delivered: \(meaning(code)). \(advice)")
    }
}
