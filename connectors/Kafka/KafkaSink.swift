import CRdkafka
import Connectors
import Glibc
import Records
import Synchronization

/// A Kafka topic that predictions or rejected records are written to, by an idempotent producer: nothing is dropped,
/// doubled or reordered while the producer lives. After a crash the engine repeats what is not in a snapshot, with the
/// same bytes and keys.
///
/// With a transactional id everything between two flushes is one transaction. Readers with `read_committed` see
/// predictions only up to the last snapshot's flush, and none of an aborted batch. That is all it gives: transaction
/// and snapshot are not one, so after a crash between a commit and the snapshot behind it the records between them
/// are predicted and written again, with identical bytes.
///
/// `flush` may be called from another thread than the others.
public final class KafkaSink: PredictionSink, QuarantineSink, @unchecked Sendable {
    /// What is written cannot be taken back, so there is nothing to continue at.
    public let position = 0
    let options: KafkaSinkOptions
    private let client: Client
    private let redactor: Redactor
    private let deliveries = Deliveries()
    /// Held while a message is put into the queue, and by a transactional flush until the next transaction is begun.
    private let queue = Mutex(())
    private let flushing = Mutex(())
    /// Guarded by `queue`.
    private let outgoing: Outgoing
    /// An incomplete line of `write`.
    private var line: [UInt8] = []
    private var sincePoll = 0
    private var isClosed = false
    private let isStopping = Atomic<Bool>(false)

    /// Connects.
    ///
    /// - Parameter warn: what a person should know and the producer heals by itself; from any thread.
    /// - Throws: what a person must change: options, properties, an unreachable broker, a topic nobody may write to.
    public init(
        _ options: KafkaSinkOptions, warn: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ConnectorError) {
        try KafkaURL.check(topic: options.topic)
        self.options = options
        redactor = Redactor(options.properties)
        let hooks = ClientHooks(Warner(redactor, warn), forwardsDebug: options.properties["debug"] != nil)
        client = try Client(RD_KAFKA_PRODUCER, Self.configuration(options), hooks, redactor)
        guard let outgoing = Outgoing(client.handle, topic: options.topic) else {
            throw ConnectorError("the topic '\(options.topic)' cannot be used: \(meaning(rd_kafka_last_error()))")
        }
        self.outgoing = outgoing
        let (deliveries, topic, brokers) = (deliveries, options.topic, options.brokers)
        hooks.onDelivery = { message in
            let code = message.pointee.err
            let failure =
                code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : Self.failure(code, topic: topic, brokers: brokers)
            deliveries.delivered(Int(bitPattern: message.pointee._private), failure)
        }
        do throws(ConnectorError) {
            let lookup = TopicLookup(
                client: client, brokers: options.brokers, seconds: options.connectSeconds, mayBeCreated: true)
            _ = try lookup.partitionCounts([options.topic])
        } catch { throw ConnectorError(redactor(error.description)) }
        if options.transactionalID != nil { try beginTransactions() }
    }

    private static func configuration(_ options: KafkaSinkOptions) throws(ConnectorError) -> ClientConfiguration {
        let idempotence = "what is written must be neither doubled nor reordered"
        let configuration = try ClientConfiguration(
            defaults: [
                ("compression.codec", "lz4"), ("linger.ms", "5"), ("client.id", "thalweg"),
                ("queue.buffering.max.kbytes", "32768"), ("reconnect.backoff.max.ms", "2000"),
            ], properties: options.properties,
            owned: [
                "enable.idempotence": idempotence, "acks": idempotence, "request.required.acks": idempotence,
                "transactional.id": "transactional-id= in the kafka:// URL names it",
                "delivery.report.only.error": "flush waits for the reports of what was delivered",
                "test.mock.num.brokers": "it would replace the brokers; use the embedded cluster",
                "bootstrap.servers": "the kafka:// URL names the brokers",
                "metadata.broker.list": "the kafka:// URL names the brokers",
            ], allowsUnverifiedTLS: options.allowsUnverifiedTLS)
        try configuration.set("bootstrap.servers", options.brokers)
        try configuration.set("enable.idempotence", "true")
        try configuration.set("acks", "all")
        if let id = options.transactionalID { try configuration.set("transactional.id", id) }
        return configuration
    }

    public func resume(at position: Int) throws(ConnectorError) {}

    public func send(
        prediction: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, version: Int
    ) throws(ConnectorError) {
        var digits = DecimalText(version)
        try enqueue { outgoing, tag in
            outgoing.begin(key: key, value: prediction, tag: tag)
            return digits.withBytes { version in
                outgoing.header(HeaderName.version, version)
                outgoing.header(HeaderName.contentType, HeaderName.json)
                return outgoing.send()
            }
        }
    }

    /// Sends each line as a message without key.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ConnectorError) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let part = UnsafeRawBufferPointer(rebasing: rest[..<end])
            rest = rest[(end + 1)...]
            if line.isEmpty {
                try send(line: part)
            } else {
                line += part
                let whole = line
                line.removeAll(keepingCapacity: true)
                try sendCopy(whole)
            }
        }
        line += rest
    }

    private func sendCopy(_ bytes: [UInt8]) throws(ConnectorError) {
        let result: Result<Void, ConnectorError> = bytes.withUnsafeBytes { bytes in
            do throws(ConnectorError) { return .success(try send(line: bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }

    private func send(line: UnsafeRawBufferPointer) throws(ConnectorError) {
        try enqueue { outgoing, tag in
            outgoing.begin(key: nil, value: line, tag: tag)
            return outgoing.send()
        }
    }

    /// Puts a message into the queue, waiting while it is full.
    func enqueue(_ put: (Outgoing, Int) -> rd_kafka_resp_err_t) throws(ConnectorError) {
        while true {
            try deliveries.check()
            let code = queue.withLock { _ in
                let tag = deliveries.begin()
                let code = put(outgoing, tag)
                if code != RD_KAFKA_RESP_ERR_NO_ERROR { deliveries.cancel(tag) }
                return code
            }
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                sincePoll += 1
                // Reports are served in passing, so that they neither pile up nor cost a call a message.
                if sincePoll >= 64 {
                    sincePoll = 0
                    rd_kafka_poll(client.handle, 0)
                }
                return
            case RD_KAFKA_RESP_ERR__QUEUE_FULL:
                rd_kafka_poll(client.handle, 20)
                if isStopping.load(ordering: .relaxed) { throw timedOut() }
            default:
                let failure = failure(code)
                deliveries.fail(failure)
                throw failure
            }
        }
    }

    /// Returns when everything sent before is delivered; with a transactional id also committed.
    public func flush() throws(ConnectorError) { try flush(seconds: .infinity) }

    private func flush(seconds: Double) throws(ConnectorError) {
        try flushing.withLock { _ throws(ConnectorError) in
            guard options.transactionalID != nil else { return try deliver(seconds: seconds) }
            try queue.withLock { _ throws(ConnectorError) in
                try deliver(seconds: seconds)
                try commitTransaction()
            }
        }
    }

    private func deliver(seconds: Double) throws(ConnectorError) {
        let epoch = deliveries.nextEpoch()
        let deadline = monotonicSeconds() + min(seconds, 1e9)
        while !deliveries.isSettled(upTo: epoch) {
            // Serves the reports, and sends without lingering.
            rd_kafka_flush(client.handle, 50)
            if monotonicSeconds() > deadline { throw timedOut() }
        }
        try deliveries.check()
    }

    /// Flushes, for at most 30 s.
    public func close() throws(ConnectorError) {
        guard !isClosed else { return }
        isClosed = true
        isStopping.store(true, ordering: .relaxed)
        if !line.isEmpty {
            let rest = line
            line = []
            try sendCopy(rest)
        }
        try flush(seconds: 30)
    }

    // MARK: transactions

    private func beginTransactions() throws(ConnectorError) {
        try check(rd_kafka_init_transactions(client.handle, 30_000), "cannot be begun")
        try check(rd_kafka_begin_transaction(client.handle), "cannot be begun")
    }

    private func commitTransaction() throws(ConnectorError) {
        for attempt in 1...5 {
            guard let error = rd_kafka_commit_transaction(client.handle, 60_000) else { break }
            if rd_kafka_error_is_retriable(error) != 0, attempt < 5 {
                rd_kafka_error_destroy(error)
                continue
            }
            if rd_kafka_error_txn_requires_abort(error) != 0 {
                let aborting = rd_kafka_abort_transaction(client.handle, 10_000)
                if let aborting { rd_kafka_error_destroy(aborting) }
            }
            try check(error, "cannot be committed")
        }
        try check(rd_kafka_begin_transaction(client.handle), "cannot be begun")
    }

    /// - Parameter error: destroyed here.
    private func check(_ error: OpaquePointer?, _ what: String) throws(ConnectorError) {
        guard let error else { return }
        let reason = rd_kafka_error_string(error).map { String(cString: $0) } ?? ""
        rd_kafka_error_destroy(error)
        let failure = ConnectorError(
            redactor(
                "a transaction of '\(options.transactionalID ?? "")' \(what) on \(options.brokers): \(reason). Give "
                    + "every worker a transactional-id of its own, and the user access to it"))
        deliveries.fail(failure)
        throw failure
    }
}
