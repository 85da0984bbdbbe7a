import Connectors
import Testing

@testable import Kafka

@Suite(.ownThreads) struct EmbeddedClusterTests {
    @Test func aKnownPortLeadsToTheCluster() throws {
        let cluster = try cluster()
        let forwarder = try PortForwarder(port: 0, to: cluster.bootstrapServers)
        try TestProducer("127.0.0.1:\(forwarder.port)", topic: "t").sendNumbers(0..<1000)
        let reader = try open(try KafkaSourceOptions(parsing: "kafka://127.0.0.1:\(forwarder.port)/t?until=end"))
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets == Array(0..<1000))
        reader.source.close()
        let said = complaint { _ = try PortForwarder(port: forwarder.port, to: cluster.bootstrapServers) }
        #expect(said.contains("Choose another port"))
        #expect(complaint { _ = try PortForwarder(port: 0, to: "nowhere") }.contains("no address"))
    }

    @Test func wrongTopicsAreRefused() {
        #expect(complaint { _ = try EmbeddedCluster(topics: [("a b", 1)]) }.contains("no topic's name"))
        #expect(complaint { _ = try EmbeddedCluster(topics: [("a", 0)]) }.contains("from 1 to"))
    }

    @Test func theLibraryNamesItsVersion() { #expect(libraryVersion.contains(".")) }
}
