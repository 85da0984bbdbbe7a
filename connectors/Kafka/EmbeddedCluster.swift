import CRdkafka
import Connectors
import Glibc
import Synchronization

/// A small Kafka cluster on loopback, in this process: the one built into librdkafka for tests.
///
/// It keeps the last 5 MiB or 100,000 messages of a partition and nothing on disk, knows no time look-up, compaction or
/// administration, and fakes transactions. May be used from any thread: librdkafka locks.
public final class EmbeddedCluster: @unchecked Sendable {
    /// Kinds of requests, for injected errors.
    public enum Request: Int16, Sendable {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case offsetFetch = 9
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case leaveGroup = 13
        case syncGroup = 14
        case initProducerID = 22
    }

    private let client: OpaquePointer
    private let cluster: OpaquePointer
    /// `HOST:PORT[,HOST:PORT]`.
    public let bootstrapServers: String
    /// Of brokers that are down, by place: a connection of somebody else that took a port meanwhile would keep the broker from
    /// coming back, which ends the process.
    private let holds: Mutex<[PortHold?]>

    public init(brokers: Int = 1, topics: [(name: String, partitions: Int)]) throws(ConnectorError) {
        let configuration = rd_kafka_conf_new()
        // What it logs is of its own connections.
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        var reason = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &reason, reason.count) else {
            rd_kafka_conf_destroy(configuration)
            throw ConnectorError("cannot start the embedded cluster: \(text(reason))")
        }
        guard let cluster = rd_kafka_mock_cluster_new(client, Int32(clamping: max(1, brokers))),
            let servers = rd_kafka_mock_cluster_bootstraps(cluster)
        else {
            rd_kafka_destroy(client)
            throw ConnectorError("cannot start the embedded cluster: librdkafka could not make its brokers")
        }
        self.client = client
        self.cluster = cluster
        bootstrapServers = String(cString: servers)
        holds = Mutex(Array(repeating: nil, count: max(1, brokers)))
        for topic in topics {
            try create(topic.name, partitions: topic.partitions, replicas: max(1, min(brokers, 3)))
        }
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(client)
    }

    public func create(_ topic: String, partitions: Int, replicas: Int = 1) throws(ConnectorError) {
        try KafkaURL.check(topic: topic)
        guard (1...100_000).contains(partitions) else {
            throw ConnectorError("the topic '\(topic)' needs from 1 to 100000 partitions, not \(partitions)")
        }
        let code = rd_kafka_mock_topic_create(cluster, topic, Int32(partitions), Int32(clamping: replicas))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw ConnectorError("the topic '\(topic)' cannot be created: \(meaning(code))")
        }
    }

    /// The next requests of a kind fail with these errors, in this order; 0 lets one pass.
    public func inject(_ errors: [Int32], into request: Request) {
        let codes = errors.map { rd_kafka_resp_err_t(rawValue: $0) }
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, codes.count, codes)
    }

    /// What metadata requests say of a topic; 0 = nothing wrong.
    public func setError(_ code: Int32, of topic: String) {
        rd_kafka_mock_topic_set_error(cluster, topic, rd_kafka_resp_err_t(rawValue: code))
    }

    /// - Parameter id: from 1; nil: all of them.
    public func setDown(_ isDown: Bool, broker id: Int32? = nil) {
        _ = isDown ? rd_kafka_mock_broker_set_down(cluster, id ?? -1) : rd_kafka_mock_broker_set_up(cluster, id ?? -1)
        let ports = bootstrapServers.split(separator: ",").map { $0.split(separator: ":").last.flatMap { UInt16($0) } }
        holds.withLock { holds in
            for (place, port) in ports.enumerated() where holds.indices.contains(place) {
                guard id == nil || Int32(place + 1) == id else { continue }
                holds[place] = isDown ? holds[place] ?? port.flatMap(PortHold.init) : nil
            }
        }
    }

    public func setRoundTrip(milliseconds: Int, broker id: Int32? = nil) {
        rd_kafka_mock_broker_set_rtt(cluster, id ?? -1, Int32(clamping: milliseconds))
    }

    public func setLeader(of topic: String, partition: Int, broker id: Int32) {
        rd_kafka_mock_partition_set_leader(cluster, topic, Int32(clamping: partition), id)
    }
}
