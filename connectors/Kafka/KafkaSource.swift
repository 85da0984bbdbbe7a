import CRdkafka
import Connectors
import Synchronization

/// Messages of Kafka topics: of all partitions, of fixed ones, or of those a consumer group shares out.
///
/// Positions are the ledger's; what is committed to Kafka is a display of what is durable. See the folder's README for
/// what is guaranteed.
public final class KafkaSource: MessageSource {
    public let isReplayable = true
    private let options: KafkaSourceOptions
    private let warn: @Sendable (String) -> Void
    private let configuration: ClientConfiguration
    private let handOver = HandOver()
    private let counters = SourceCounters()
    private let hooks = Mutex<ClientHooks?>(nil)
    private var isOpen = false
    private var isClosed = false

    /// - Parameter warn: what a person should know and the source heals by itself; at most once a minute of each kind,
    ///   secrets taken out; from any thread.
    /// - Throws: properties or options that are wrong.
    public init(
        _ options: KafkaSourceOptions, warn: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ConnectorError) {
        try options.check()
        self.options = options
        self.warn = warn
        configuration = try Self.configuration(options)
    }

    deinit { close() }

    private static func configuration(_ options: KafkaSourceOptions) throws(ConnectorError) -> ClientConfiguration {
        let wait = min(100, max(5, (options.batchWait * 500).rounded()))
        let configuration = try ClientConfiguration(
            defaults: [
                // Bounds what librdkafka reads ahead, and how soon it reads on after it did.
                ("queued.max.messages.kbytes", "16384"), ("fetch.message.max.bytes", "1048576"),
                ("fetch.max.bytes", "8388608"), ("fetch.queue.backoff.ms", "10"), ("fetch.error.backoff.ms", "100"),
                ("fetch.wait.max.ms", String(Int(wait.isFinite ? wait : 100))),
                ("client.id", "thalweg"), ("reconnect.backoff.max.ms", "2000"),
            ], properties: options.properties,
            owned: [
                "enable.auto.commit": "only what is in a durable snapshot is committed",
                "auto.commit.enable": "only what is in a durable snapshot is committed",
                "enable.auto.offset.store": "only what is in a durable snapshot is committed",
                "enable.partition.eof": "until=end says it",
                "auto.offset.reset": "start= and on-out-of-range= in the kafka:// URL say it",
                "test.mock.num.brokers": "it would replace the brokers; use the embedded cluster",
                "transactional.id": "a source has no transactions",
                "group.id": "group= in the kafka:// URL names the group",
                "bootstrap.servers": "the kafka:// URL names the brokers",
                "metadata.broker.list": "the kafka:// URL names the brokers",
            ], allowsUnverifiedTLS: options.allowsUnverifiedTLS)
        for (name, value) in [
            ("bootstrap.servers", options.brokers), ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
            ("enable.partition.eof", options.untilEnd ? "true" : "false"),
            // A consumer without a group needs a name of one all the same, and never joins it.
            ("group.id", options.group ?? "thalweg-unused"),
        ] { try configuration.set(name, value) }
        return configuration
    }

    public var framesPayloads: Bool { options.framesPayloads }

    public var group: String? { options.group.map { "\(options.brokers) \($0)" } }

    public func open(_ ledger: any PartLedger) throws(ConnectorError) {
        guard !isOpen, !isClosed else { throw ConnectorError("the Kafka source is open already") }
        let redactor = Redactor(options.properties)
        let isCooperative = configuration["partition.assignment.strategy"]?.contains("cooperative") ?? false
        let hooks = ClientHooks(Warner(redactor, warn), forwardsDebug: options.properties["debug"] != nil)
        let client = try Client(RD_KAFKA_CONSUMER, configuration, hooks, redactor)
        self.hooks.withLock { $0 = hooks }
        let partitions: [(topic: String, partition: Int32)]
        do throws(ConnectorError) { partitions = try self.partitions(client) } catch {
            if isCooperative { client.abandonIfFragile() }
            throw ConnectorError(redactor(error.description))
        }
        // Only now: until here the client is polled for callbacks alone.
        rd_kafka_poll_set_consumer(client.handle)
        let poller = Poller(options, client, ledger, handOver, counters)
        poller.isFragile = isCooperative
        try startThread { poller.run(assigning: partitions) }
        isOpen = true
    }

    /// The partitions to assign; none in a group.
    private func partitions(_ client: Client) throws(ConnectorError) -> [(topic: String, partition: Int32)] {
        let lookup = TopicLookup(
            client: client, brokers: options.brokers, seconds: options.connectSeconds, mayBeCreated: false)
        let counts = try lookup.partitionCounts(options.topics)
        guard options.group == nil else { return [] }
        var partitions: [(topic: String, partition: Int32)] = []
        for (topic, count) in zip(options.topics, counts) {
            for partition in options.partitions ?? Array(0..<count) {
                guard partition < count else {
                    throw ConnectorError(
                        "the topic '\(topic)' has no partition \(partition): it has \(count), from 0 to \(count - 1)")
                }
                partitions.append((topic, Int32(clamping: partition)))
            }
        }
        return partitions
    }

    public func next(waiting seconds: Double, recycling recycled: MessageBlock?) throws(ConnectorError) -> MessageEvent
    { try handOver.next(waiting: seconds, recycling: recycled) }

    public func completeRelease() { handOver.completeRelease() }

    public func rewind() throws(ConnectorError) { handOver.rewind() }

    public func acknowledge(_ positions: [PartPosition]) { handOver.acknowledge(positions) }

    public var status: SourceStatus {
        let hooks = hooks.withLock { $0 }
        var status = counters.status(handOver, hooks)
        if hooks == nil {
            status.disconnection = "\(options.brokers): not connected yet"
        } else if hooks?.isDown.load(ordering: .relaxed) ?? false {
            status.disconnection = "\(options.brokers): no broker answers"
        } else if let group = options.group, counters.rebalances.load(ordering: .relaxed) == 0 {
            status.disconnection = "\(options.brokers): joining the group '\(group)'"
        }
        return status
    }

    /// Commits what was acknowledged, lets go of every part and leaves the group; takes at most 20 s, brokers or not.
    public func close() {
        guard isOpen, !isClosed else { return }
        isClosed = true
        guard handOver.close(seconds: 20) else {
            return warn("kafka: the consumer does not finish; it is left behind")
        }
    }
}
