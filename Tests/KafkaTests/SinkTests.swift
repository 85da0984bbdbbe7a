import CRdkafka
import Connectors
import Glibc
import Records
import Testing

@testable import Kafka

/// A message with its headers, read by librdkafka alone.
private struct Delivered {
    var key: String?
    var value: String
    var headers: [String: String]
}

private func consume(_ cluster: EmbeddedCluster, _ topic: String, count: Int) -> [Delivered] {
    let configuration = rd_kafka_conf_new()
    for (name, value) in [
        ("bootstrap.servers", cluster.bootstrapServers), ("group.id", "reader"), ("auto.offset.reset", "earliest"),
        ("fetch.wait.max.ms", "10"),
    ] { rd_kafka_conf_set(configuration, name, value, nil, 0) }
    guard let client = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, nil, 0) else { return [] }
    defer { rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE) }
    let list = TopicPartitions(capacity: 1)
    list.add(topic, 0, offset: 0)
    rd_kafka_assign(client, list.list)
    var result: [Delivered] = []
    let deadline = monotonicSeconds() + 10
    while result.count < count, monotonicSeconds() < deadline {
        guard let message = rd_kafka_consumer_poll(client, 100) else { continue }
        defer { rd_kafka_message_destroy(message) }
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
        func text(_ start: UnsafeRawPointer?, _ count: Int) -> String? {
            start.map { String(decoding: UnsafeRawBufferPointer(start: $0, count: count), as: UTF8.self) }
        }
        var one = Delivered(
            key: text(message.pointee.key, message.pointee.key_len),
            value: text(message.pointee.payload, message.pointee.len) ?? "null", headers: [:])
        var headers: OpaquePointer?
        if rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, let headers {
            for index in 0..<rd_kafka_header_cnt(headers) {
                var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
                rd_kafka_header_get_all(headers, index, &name, &value, &size)
                if let name { one.headers[String(cString: name)] = text(value, size) }
            }
        }
        result.append(one)
    }
    return result
}

private func bytes(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try Array(text.utf8).withUnsafeBytes { try body($0) }
}

private func sink(
    _ cluster: EmbeddedCluster, _ query: String = "", properties: [String] = [], warnings: Warnings = Warnings()
) throws -> KafkaSink {
    var options = try KafkaSinkOptions(parsing: "kafka://\(cluster.bootstrapServers)/t\(query)")
    options.properties = try KafkaProperties(parsing: properties)
    return try KafkaSink(options, warn: warnings.receive)
}

extension KafkaSink {
    fileprivate func send(_ prediction: String, key: String, version: Int) throws {
        try bytes(prediction) { prediction in
            try bytes(key) { try send(prediction: prediction, key: $0, version: version) }
        }
    }
}

@Suite(.ownThreads) struct SinkTests {
    @Test func predictionsHaveKeysAndVersions() throws {
        let cluster = try cluster()
        let sink = try sink(cluster)
        try sink.send("{\"p\":1}", key: "in/0:17", version: 1_234_567)
        try sink.send("{\"p\":2}", key: "", version: 0)
        try bytes("line one\nli") { try sink.write($0) }
        try bytes("ne two\n\nrest") { try sink.write($0) }
        try sink.flush()
        try sink.close()
        let found = consume(cluster, "t", count: 6)
        #expect(found.map(\.value) == ["{\"p\":1}", "{\"p\":2}", "line one", "line two", "", "rest"])
        #expect(found.map(\.key) == ["in/0:17", "", nil, nil, nil, nil])
        #expect(found.first?.headers == ["thalweg.version": "1234567", "content-type": "application/json"])
        #expect(sink.position == 0)
    }

    @Test func rejectedRecordsFollowConnectsConventions() throws {
        let cluster = try cluster()
        let sink = try sink(cluster)
        var record = RejectedRecord(
            reason: "no number: 'ü'", position: RecordPosition(part: 1, offset: 42, line: 1), bytes: [0xFF, 0x31])
        record.key = [0x6B]
        try sink.send(record, part: "in/3")
        record.key = nil
        try sink.send(record, part: "/data/x.csv")
        try sink.close()
        let found = consume(cluster, "t", count: 2)
        #expect(
            found.first?.headers == [
                "__connect.errors.topic": "in", "__connect.errors.partition": "3", "__connect.errors.offset": "42",
                "__connect.errors.connector.name": "thalweg", "__connect.errors.stage": "VALUE_CONVERTER",
                "__connect.errors.exception.class.name": "thalweg.RejectedRecord",
                "__connect.errors.exception.message": "no number: 'ü'", "thalweg.reason": "no number: 'ü'",
                "thalweg.position": "in/3:42",
            ])
        #expect(found.map(\.key) == ["k", nil])
        #expect(found.first?.value == "\u{FFFD}1")
        #expect(found.last?.headers["__connect.errors.topic"] == "x.csv")
        #expect(found.last?.headers["__connect.errors.partition"] == "-1")
        #expect(found.last?.headers["thalweg.position"] == "/data/x.csv:42")
    }

    @Test(arguments: [
        (RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "message.max.bytes"),
        (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "Create the topic"),
        (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "right to write"),
    ])
    func aFailedDeliverySurfaces(_ code: rd_kafka_resp_err_t, _ advice: String) throws {
        let cluster = try cluster()
        let sink = try sink(cluster, properties: ["message.timeout.ms=1500", "retry.backoff.ms=20"])
        cluster.inject(Array(repeating: code.rawValue, count: 200), into: .produce)
        try sink.send("{}", key: "k", version: 1)
        let said = complaint { try sink.flush() }
        #expect(said.contains("'t' was not delivered"), "\(said)")
        #expect(said.contains(advice) || said.contains("message.timeout.ms"), "\(said)")
        // And from then on.
        #expect(complaint { try sink.send("{}", key: "k", version: 1) } == said)
        #expect(complaint { try sink.close() } == said)
    }

    @Test func tooLargeIsSaidAtOnce() throws {
        let cluster = try cluster()
        let sink = try sink(cluster)
        let said = complaint { try sink.send(String(repeating: "x", count: 2_000_000), key: "k", version: 1) }
        #expect(said.contains("Raise message.max.bytes"), "\(said)")
    }

    @Test func brokersThatStayAwaySurface() throws {
        let cluster = try cluster()
        let warnings = Warnings()
        let sink = try sink(cluster, properties: ["message.timeout.ms=1000"], warnings: warnings)
        cluster.setDown(true)
        try sink.send("{}", key: "k", version: 1)
        let said = complaint { try sink.flush() }
        #expect(said.contains(cluster.bootstrapServers) && said.contains("message.timeout.ms"), "\(said)")
    }

    @Test func aBrokerMayGoAndComeBack() throws {
        let cluster = try cluster()
        let sink = try sink(cluster)
        for number in 0..<100 { try sink.send("\(number)", key: "k", version: 1) }
        cluster.setDown(true)
        for number in 100..<200 { try sink.send("\(number)", key: "k", version: 1) }
        cluster.setDown(false)
        try sink.close()
        #expect(consume(cluster, "t", count: 200).map(\.value) == (0..<200).map { "\($0)" })
    }

    @Test func aFullQueueIsWaitedFor() throws {
        let cluster = try cluster()
        let sink = try sink(cluster, properties: ["queue.buffering.max.messages=10"])
        for number in 0..<2000 { try sink.send("\(number)", key: "k", version: 1) }
        try sink.close()
        #expect(consume(cluster, "t", count: 2000).map(\.value) == (0..<2000).map { "\($0)" })
    }

    @Test(arguments: ["", "?transactional-id=x"])
    func flushingEndsWhileAnotherThreadSends(_ query: String) throws {
        let cluster = try cluster()
        let sink = try sink(cluster, query)
        let done = Warnings()
        try startThread {
            for number in 0..<20_000 { try? sink.send("\(number)", key: "k", version: 1) }
            done.receive("sent")
        }
        var flushes = 0
        while done.text.isEmpty {
            try sink.flush()
            flushes += 1
        }
        try sink.close()
        #expect(flushes > 1)
        #expect(consume(cluster, "t", count: 20_000).count == 20_000)
    }

    @Test func wrongOptionsAreRefused() throws {
        let cluster = try cluster()
        #expect(complaint { _ = try sink(cluster, properties: ["acks=1"]) }.contains("connector's own"))
        #expect(
            complaint { _ = try sink(cluster, properties: ["enable.idempotence=false"]) }.contains("connector's own"))
        #expect(complaint { _ = try sink(cluster, properties: ["lingerms=1"]) }.contains("did you mean 'linger.ms'?"))
        var nobody = KafkaSinkOptions(brokers: "127.0.0.1:1", topic: "t")
        nobody.connectSeconds = 0.5
        #expect(complaint { _ = try KafkaSink(nobody) }.contains("no broker answers at 127.0.0.1:1"))
    }

    @Test func partsAsOrigins() {
        #expect(KafkaSink.Origin(part: "in/3") == .init(topicNamed: "in", 3))
        #expect(KafkaSink.Origin(part: "a/b/3") == .init(topicNamed: "3", -1))
        #expect(KafkaSink.Origin(part: "file.csv") == .init(topicNamed: "file.csv", -1))
        #expect(KafkaSink.Origin(part: "/3") == .init(topicNamed: "3", -1))
        #expect(KafkaSink.Origin(part: "") == .init(topicNamed: "", -1))
    }
}

extension KafkaSink.Origin {
    fileprivate init(topicNamed name: String, _ number: Int) {
        self.init(part: "")
        (topic, partition) = (name, number)
    }
}
