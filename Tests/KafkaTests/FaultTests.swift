import CRdkafka
import Connectors
import Glibc
import Testing

@testable import Kafka

@Suite(.ownThreads) struct FaultTests {
    @Test func fetchErrorsLoseAndDoubleNothing() throws {
        let cluster = try cluster(partitions: 2)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition: Int32 in 0..<2 { producer.sendNumbers(0..<3000, partition: partition) }
        cluster.inject(
            [
                RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION.rawValue, 0, RD_KAFKA_RESP_ERR__TRANSPORT.rawValue,
                RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT.rawValue, 0, RD_KAFKA_RESP_ERR__TRANSPORT.rawValue,
                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue,
            ], into: .fetch)
        let reader = try open(try options(cluster, "until=end"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        for partition in 0..<2 { #expect(reader.offsets(of: "t/\(partition)") == Array(0..<3000)) }
        #expect(reader.count("gaps") == 0)
    }

    @Test func lookUpsAreAskedAgain() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<10)
        cluster.inject(
            [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION.rawValue, RD_KAFKA_RESP_ERR__TRANSPORT.rawValue],
            into: .listOffsets)
        let reader = try open(try options(cluster, "until=end"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets == Array(0..<10))
    }

    @Test func aBrokerMayGoAndComeBack() throws {
        let cluster = try cluster()
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        producer.sendNumbers(0..<100)
        let warnings = Warnings()
        let reader = try open(try options(cluster), FakeLedger(), warnings)
        defer { reader.source.close() }
        #expect(try reader.read { $0.all.count == 100 })
        cluster.setDown(true)
        #expect(try reader.read { $0.count("disconnects") > 0 })
        cluster.setDown(false)
        producer.sendNumbers(100..<200)
        #expect(try reader.read { $0.all.count >= 200 })
        #expect(reader.offsets == Array(0..<200))
        #expect(reader.count("errors") > 0)
        #expect(!warnings.text.isEmpty)
    }

    /// A connection of somebody else must not get the port of a broker that is down: it could not come back.
    @Test func aBrokerThatIsDownKeepsItsPort() throws {
        let cluster = try cluster()
        let port = try #require(cluster.bootstrapServers.split(separator: ":").last.flatMap { UInt16($0) })
        for _ in 0..<3 {
            cluster.setDown(true)
            #expect(!Self.isFree(port))
            cluster.setDown(false)
            #expect(!Self.isFree(port))
        }
    }

    /// Whether a socket gets the port for itself.
    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    @Test func latencyIsBorne() throws {
        let cluster = try cluster(partitions: 2)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition: Int32 in 0..<2 { producer.sendNumbers(0..<1000, partition: partition) }
        cluster.setRoundTrip(milliseconds: 200)
        let reader = try open(try options(cluster, "until=end"))
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.all.count == 2000)
        cluster.setRoundTrip(milliseconds: 0)
        reader.source.close()
    }

    @Test func theLeaderMayChange() throws {
        let cluster = try cluster(brokers: 2)
        cluster.setLeader(of: "t", partition: 0, broker: 1)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        producer.sendNumbers(0..<500)
        let reader = try open(try options(cluster))
        defer { reader.source.close() }
        #expect(try reader.read { $0.all.count == 500 })
        for turn in 1...3 {
            cluster.setLeader(of: "t", partition: 0, broker: Int32(1 + turn % 2))
            producer.sendNumbers((turn * 500)..<(turn * 500 + 500))
            #expect(try reader.read { $0.all.count >= turn * 500 + 500 })
        }
        #expect(reader.offsets == Array(0..<2000))
    }

    @Test func closingIsBoundedWithoutBrokers() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<10)
        let reader = try open(try options(cluster))
        #expect(try reader.read { $0.all.count == 10 })
        cluster.setDown(true)
        let start = monotonicSeconds()
        reader.source.close()
        #expect(monotonicSeconds() - start < 10)
    }

    @Test func unknownTopicsAndUnreachableBrokersAreNamed() throws {
        let cluster = try cluster()
        cluster.setError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue, of: "nope")
        let unknown = complaint { _ = try open(try options(cluster, topic: "nope")) }
        #expect(unknown.contains("'nope' does not exist on \(cluster.bootstrapServers)"), "\(unknown)")
        var nobody = KafkaSourceOptions(brokers: "127.0.0.1:1", topics: ["t"])
        nobody.connectSeconds = 0.5
        let unreached = complaint { _ = try open(nobody) }
        #expect(unreached.contains("no broker answers at 127.0.0.1:1"), "\(unreached)")
        cluster.setError(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED.rawValue, of: "t")
        #expect(complaint { _ = try open(try options(cluster)) }.contains("Grant the user access"))
    }

    @Test(arguments: ["partitions=0", "group=g"])
    func aDeletedTopicEndsTheSource(_ query: String) throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<10)
        var options = try options(cluster, query)
        options.silentSeconds = 1
        let reader = try open(options)
        defer { reader.source.close() }
        #expect(try reader.read { $0.all.count == 10 })
        cluster.setError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue, of: "t")
        cluster.inject(
            Array(repeating: RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART.rawValue, count: 1000), into: .fetch)
        let said = complaint { try reader.read { _ in false } }
        #expect(said.contains("'t' does not exist on \(cluster.bootstrapServers) any more"), "\(said)")
    }

    @Test func aSlowReaderLosesNothingAndIsNotOverrun() throws {
        let cluster = try cluster(partitions: 2)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition: Int32 in 0..<2 { producer.sendNumbers(0..<8000, partition: partition, padding: 500) }
        let reader = try open(try options(cluster))
        defer { reader.source.close() }
        // Nothing is taken until the source has paused.
        #expect(eventually { reader.count("pauses") >= 1 })
        for partition: Int32 in 0..<2 { producer.sendNumbers(8000..<9000, partition: partition, padding: 500) }
        #expect(try reader.read(seconds: 20) { $0.all.count >= 18000 })
        for partition in 0..<2 { #expect(reader.offsets(of: "t/\(partition)") == Array(0..<9000)) }
        #expect(reader.count("gaps") == 0)
    }

    @Test func rewindWhilePaused() throws {
        let cluster = try cluster(partitions: 2)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition: Int32 in 0..<2 { producer.sendNumbers(0..<8000, partition: partition, padding: 500) }
        let ledger = FakeLedger()
        let reader = try open(try options(cluster, "until=end"), ledger)
        defer { reader.source.close() }
        #expect(eventually { reader.count("pauses") >= 1 })
        ledger.set("t/0", next: 10)
        try reader.source.rewind()
        #expect(try reader.read(seconds: 20) { $0.hasEnded })
        #expect(reader.offsets(of: "t/0") == Array(10..<8000))
        #expect(reader.offsets(of: "t/1") == Array(0..<8000))
    }

    @Test func largePayloads() throws {
        let cluster = try cluster(partitions: 2)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        // Compressible: the cluster keeps 5 MiB.
        let large = Array("{\"a\":\"".utf8) + [UInt8](repeating: 120, count: 10 << 20) + Array("\"}".utf8)
        producer.send("{\"n\":0}")
        producer.send(large)
        producer.send("{\"n\":2}")
        producer.flush()
        let reader = try open(try options(cluster, "until=end"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.all.map(\.line.utf8.count) == [7, large.count, 7])
        #expect(reader.all.count > 1 && reader.all[1].line == String(decoding: large, as: UTF8.self))
    }
}
