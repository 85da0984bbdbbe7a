import ArgumentParser
import Connectors
import Engine
import Glibc
import Kafka

struct BrokerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "Run a small Kafka-compatible server on this machine, for demos and tests.",
        discussion: """
            thalweg broker --topics in:4,out:4 --port 9092

            The first line on stdout is bootstrap.servers=127.0.0.1:PORT; it runs until stopped (SIGINT, SIGTERM).
            It is the cluster built into librdkafka, and no place for data: everything is in memory; a partition keeps
            5 MiB or 100,000 messages and silently drops older ones; topics that are not named come into being with 4
            partitions; joining a group takes 3 seconds; there is no compaction, no topic administration and no
            look-up by time; transactions are accepted and have no effect. It listens on the loopback interface only.
            """)

    @Option(help: "NAME:PARTITIONS, separated by commas.") var topics: String = ""
    @Option(help: "Port that clients bootstrap from; any free one unless given.") var port: UInt16 = 0
    @Option(help: "How many brokers the cluster has.") var brokers: Int = 1

    func run() throws {
        guard (1...16).contains(brokers) else { throw UsageError("--brokers is '\(brokers)'; it takes 1 to 16") }
        installSignalHandlers()
        let cluster: EmbeddedCluster
        var forwarder: PortForwarder?
        var servers: String
        do throws(ConnectorError) {
            cluster = try EmbeddedCluster(brokers: brokers, topics: try parsedTopics())
            servers = cluster.bootstrapServers
            if port > 0 {
                forwarder = try PortForwarder(port: port, to: servers)
                servers = "127.0.0.1:\(port)"
            }
        } catch { throw EngineError(error.description) }
        try printData("bootstrap.servers=\(servers)")
        // Being stopped is how a server ends.
        while stopRequest.signal == 0 { usleep(50_000) }
        withExtendedLifetime((cluster, forwarder)) {}
    }

    private func parsedTopics() throws(ConnectorError) -> [(name: String, partitions: Int)] {
        var parsed: [(name: String, partitions: Int)] = []
        for topic in topics.split(separator: ",") {
            let pair = topic.split(separator: ":", omittingEmptySubsequences: false)
            guard pair.count <= 2, let count = pair.count == 2 ? Int(pair[1]) : 1, (1...10_000).contains(count) else {
                throw ConnectorError("--topics \(topic): it takes NAME:PARTITIONS")
            }
            parsed.append((String(pair[0]), count))
        }
        return parsed
    }
}
