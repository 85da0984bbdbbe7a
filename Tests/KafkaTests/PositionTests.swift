import CRdkafka
import Connectors
import Testing

@testable import Kafka

@Suite(.ownThreads) struct PositionTests {
    private func filled(_ count: Int = 100, partitions: Int = 1) throws -> EmbeddedCluster {
        let cluster = try cluster(partitions: partitions)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition in 0..<partitions { producer.sendNumbers(0..<count, partition: Int32(partition)) }
        return cluster
    }

    @Test(arguments: [("start=earliest", 0), ("start=40", 40), ("start=-10", 90), ("start=-1000", 0), ("", 0)])
    func starts(_ query: String, _ first: Int) throws {
        let cluster = try filled()
        let reader = try open(try options(cluster, "until=end" + (query.isEmpty ? "" : "&\(query)")))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets == Array(first..<100))
    }

    @Test func latestBeginsWithWhatComes() throws {
        let cluster = try filled()
        let reader = try open(try options(cluster, "start=latest"))
        defer { reader.source.close() }
        #expect(eventually { reader.source.status.lags.first?.records == 0 })
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(100..<105)
        #expect(try reader.read { $0.all.count >= 5 })
        #expect(reader.offsets == Array(100..<105))
    }

    @Test func theLedgerIsAuthoritative() throws {
        let cluster = try filled(partitions: 2)
        let ledger = FakeLedger()
        ledger.set("t/0", next: 37)
        ledger.set("t/1", next: 100)
        let reader = try open(try options(cluster, "until=end&start=latest"), ledger)
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets(of: "t/0") == Array(37..<100))
        #expect(reader.offsets(of: "t/1") == [])
        #expect(reader.count("duplicates") == 0 && reader.count("gaps") == 0)
    }

    @Test func fixedPartitionsAreReadAndNoOthers() throws {
        let cluster = try filled(partitions: 3)
        let reader = try open(try options(cluster, "until=end&partitions=2,0"))
        defer { reader.source.close() }
        #expect(try reader.read { $0.hasEnded })
        #expect(Set(reader.all.map(\.part)) == ["t/0", "t/2"])
        let said = complaint { _ = try open(try options(cluster, "partitions=7")) }
        #expect(said.contains("no partition 7") && said.contains("0 to 2"))
    }

    @Test func rewindGoesToTheLedger() throws {
        let cluster = try filled(5000, partitions: 2)
        let ledger = FakeLedger()
        let reader = try open(try options(cluster, "until=end"), ledger)
        defer { reader.source.close() }
        #expect(try reader.read { $0.all.count > 100 })
        ledger.set("t/0", next: 50)
        try reader.source.rewind()
        reader.all = []
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets(of: "t/0") == Array(50..<5000))
        #expect(reader.offsets(of: "t/1") == Array(0..<5000))
        // After the end as well.
        try reader.source.rewind()
        (reader.all, reader.hasEnded) = ([], false)
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets(of: "t/0") == Array(50..<5000))
        #expect(reader.offsets(of: "t/1") == Array(0..<5000))
        #expect(reader.count("gaps") == 0)
    }

    @Test func aHeldPartIsWaitedFor() throws {
        let cluster = try filled(partitions: 2)
        let (mine, others) = (SharedParts(), FakeLedger(worker: "w2"))
        _ = others
        let ledger = FakeLedger(shared: mine)
        mine.state.withLock { $0.holders["t/1"] = "w2" }
        let warnings = Warnings()
        let reader = try open(try options(cluster, "until=end"), ledger, warnings)
        defer { reader.source.close() }
        #expect(try reader.read { $0.all.count == 100 })
        #expect(!reader.hasEnded)
        ledger.set("t/1", next: 60)
        mine.state.withLock { $0.holders["t/1"] = nil }
        #expect(try reader.read { $0.hasEnded })
        #expect(reader.offsets(of: "t/1") == Array(60..<100))
        #expect(warnings.text.contains("t/1 is still held by w2"))
    }

    @Test(arguments: ["earliest", "latest", "stop"])
    func outOfRange(_ policy: String) throws {
        let cluster = try filled()
        let ledger = FakeLedger()
        ledger.set("t/0", next: 5000)
        let reader = try open(try options(cluster, "on-out-of-range=\(policy)"), ledger)
        defer { reader.source.close() }
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        switch policy {
        case "earliest":
            #expect(try reader.read { $0.all.count >= 100 })
            #expect(reader.offsets == Array(0..<100))
        case "latest":
            #expect(eventually { reader.source.status.lags.first?.records == 0 && reader.count("errors") >= 0 })
            var sent = 100
            // Until the source has found the end, what is sent may lie before it.
            #expect(
                try reader.read { reader in
                    producer.sendNumbers(sent..<(sent + 1))
                    sent += 1
                    return reader.all.count >= 3
                })
            #expect((reader.offsets.first ?? 0) >= 100)
        default:
            let said = complaint { _ = try reader.read { _ in false } }
            #expect(said.contains("t/0 has no offset 5000") && said.contains("on-out-of-range"), "\(said)")
        }
    }

    @Test func closedSourcesLetGoOfTheirParts() throws {
        let cluster = try filled(partitions: 2)
        let ledger = FakeLedger()
        let reader = try open(try options(cluster, "until=end"), ledger)
        #expect(try reader.read { $0.hasEnded })
        reader.source.close()
        #expect(ledger.releases.sorted() == ["t/0", "t/1"])
    }
}
