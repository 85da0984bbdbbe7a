import Connectors
import Testing

@testable import Kafka

@Suite(.ownThreads) struct FieldTests {
    @Test func whatAMessageBringsBecomesFields() throws {
        let cluster = try cluster()
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        let odd: [UInt8] = Array("a\"\\\u{1}ü".utf8) + [0xFF, 0xC3]
        producer.send(
            Array("{\"a\":1}".utf8), key: odd, headers: [("h", [1]), ("x", Array("y".utf8)), ("h", Array("é".utf8))])
        producer.send("{}", key: "k")
        producer.send(" { } ")
        producer.send("1,2", key: "k")
        producer.send("{\n\"a\":2}")
        producer.flush()
        let reader = try open(try options(cluster, "until=end&fields=headers,offset,key,partition"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        let first =
            "{\"kafka.key\":\"a\\\"\\\\\\u0001ü\u{FFFD}\u{FFFD}\",\"kafka.partition\":0,\"kafka.offset\":0,"
            + "\"kafka.header.x\":\"y\",\"kafka.header.h\":\"é\","
        #expect(
            reader.all.map(\.line) == [
                first + "\"a\":1}", "{\"kafka.key\":\"k\",\"kafka.partition\":0,\"kafka.offset\":1}",
                "{\"kafka.partition\":0,\"kafka.offset\":2 } ", "1,2",
                "{\"kafka.partition\":0,\"kafka.offset\":4, \"a\":2}",
            ])
        #expect(reader.all.first?.prefixCount == first.utf8.count)
        #expect(reader.all[3].prefixCount == 0)
        let second = reader.all[1]
        #expect(second.prefixCount == second.line.utf8.count - 1)
    }

    @Test func timestamps() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<1)
        let reader = try open(try options(cluster, "until=end&fields=timestamp"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        let line = reader.all.first?.line ?? ""
        let digits = line.drop { !$0.isNumber }.prefix { $0.isNumber }
        #expect(line.hasPrefix("{\"kafka.timestamp\":") && line.hasSuffix(",\"n\":0}") && digits.count == 13)
    }
}
