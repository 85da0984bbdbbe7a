import Connectors
import Records
import Testing

@testable import Kafka

@Suite(.ownThreads) struct ConsumeTests {
    @Test func everyMessageOfEveryPartitionComesOnceAndInOrder() throws {
        let cluster = try cluster(partitions: 3)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition in 0..<3 { producer.sendNumbers(0..<5000, partition: Int32(partition)) }
        let reader = try open(try options(cluster, "until=end"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        for partition in 0..<3 {
            #expect(reader.offsets(of: "t/\(partition)") == Array(0..<5000))
        }
        #expect(reader.all.allSatisfy { $0.line == "{\"n\":\($0.offset)}" })
        #expect(reader.count("gaps") == 0 && reader.count("duplicates") == 0)
        #expect(reader.source.status.lags.map(\.records) == [0, 0, 0])
    }

    @Test func kindsOfPayloads() throws {
        let cluster = try cluster()
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        producer.send("{\"a\":1}", key: "k")
        producer.send(nil, key: Array("gone".utf8))
        producer.send([])
        producer.send("{\n \"a\": 2\n}\n")
        producer.send("1,2\n")
        producer.send("1,2\r\n")
        producer.send("1,2\n3,4\n")
        producer.send([0, 0, 0, 1, 2, 9, 9])
        producer.send(" \n\t")
        producer.send("\n")
        producer.send("last")
        producer.flush()
        let reader = try open(try options(cluster, "until=end"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        let framed =
            "a payload framed for a schema registry (schema id 258): Avro is decoded with --format avro and "
            + "--schema-registry URL; Protobuf and JSON Schema cannot be decoded"
        #expect(
            reader.all.map(\.kind) == [
                "record", "empty", "empty", "record", "record", "record",
                "a message is one record; this one has 2 lines", framed, "empty", "empty", "record",
            ])
        #expect(reader.all.map(\.key) == ["k", "gone"] + Array(repeating: "", count: 9))
        #expect(
            reader.all.filter { $0.kind == "record" }.map(\.line) == [
                "{\"a\":1}", "{  \"a\": 2 }", "1,2", "1,2", "last",
            ])
        #expect(reader.count("empty") == 4)
    }

    /// Binary payloads come byte for byte, whatever is in them.
    @Test func framedPayloads() throws {
        let cluster = try cluster()
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        let payloads: [[UInt8]?] = [
            [0, 0, 0, 1, 2, 10, 13, 10], nil, [], Array("text\n".utf8), [0], Array(repeating: 10, count: 300_000),
        ]
        for payload in payloads { producer.send(payload) }
        producer.flush()
        var options = try options(cluster, "until=end")
        options.framesPayloads = true
        let source = try KafkaSource(options)
        try source.open(FakeLedger())
        defer { source.close() }
        var found: [[UInt8]?] = []
        let deadline = monotonicSeconds() + 15
        reading: while monotonicSeconds() < deadline {
            switch try source.next(waiting: 0.05, recycling: nil) {
            case .messages(let block):
                for mark in block.marks {
                    let payload = MessageFrame.payload(in: block.chunk, at: mark.start)
                    if case .record = mark.kind { found.append(payload.map(Array.init)) } else { found.append(nil) }
                }
            case .end: break reading
            default: break
            }
        }
        #expect(found == payloads.map { $0 == [] ? nil : $0 })
        options.fields = [.key]
        #expect(throws: ConnectorError.self) { try KafkaSource(options) }
    }
}
