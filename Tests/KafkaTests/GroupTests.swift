import CRdkafka
import Connectors
import Synchronization
import Testing

@testable import Kafka

/// A member of a group as the engine is one: what it learned is durable when it lets go.
private final class Member {
    let reader: Reader
    let ledger: FakeLedger

    init(
        _ cluster: EmbeddedCluster, _ name: String, _ shared: SharedParts, strategy: String, query: String = "group=g",
        warnings: Warnings = Warnings()
    ) throws {
        ledger = FakeLedger(worker: name, shared: shared)
        var options = try options(cluster, query)
        options.properties = try KafkaProperties(parsing: [
            "partition.assignment.strategy=\(strategy)", "session.timeout.ms=3000", "heartbeat.interval.ms=100",
        ])
        reader = try open(options, ledger, warnings)
        reader.onRelease = { [unowned self] _ in makeDurable() }
        reader.onLost = { [unowned self] _ in
            reader.all.removeAll { $0.offset >= (ledger.next($0.part) ?? 0) }
            try reader.source.rewind()
        }
    }

    /// What a snapshot does.
    func makeDurable() {
        var positions: [PartPosition] = []
        for (part, next) in learned {
            ledger.set(part, next: next)
            var position = PartPosition(name: part)
            position.offset = next
            positions.append(position)
        }
        reader.source.acknowledge(positions)
    }

    var learned: [String: Int] {
        var next: [String: Int] = [:]
        for one in reader.all { next[one.part] = one.offset + 1 }
        return next
    }
}

/// The committed offset and its metadata.
private func committed(_ cluster: EmbeddedCluster, group: String = "g", partition: Int32 = 0) -> (Int, String) {
    let configuration = rd_kafka_conf_new()
    for (name, value) in [("bootstrap.servers", cluster.bootstrapServers), ("group.id", group)] {
        rd_kafka_conf_set(configuration, name, value, nil, 0)
    }
    guard let client = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, nil, 0) else { return (-1, "") }
    defer { rd_kafka_destroy(client) }
    let list = TopicPartitions(capacity: 1)
    list.add("t", partition)
    guard rd_kafka_committed(client, list.list, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR else { return (-1, "") }
    return (Int(list.elements.first?.offset ?? -1), list.elements.first?.metadata ?? "")
}

@Suite(.ownThreads) struct GroupTests {
    @Test(arguments: ["range", "roundrobin", "cooperative-sticky"])
    func twoMembersApplyEveryMessageOnce(_ strategy: String) throws {
        let cluster = try cluster(partitions: 4)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition: Int32 in 0..<4 { producer.sendNumbers(0..<500, partition: partition) }
        let shared = SharedParts()
        let first = try Member(cluster, "w1", shared, strategy: strategy)
        defer { first.reader.source.close() }
        #expect(try first.reader.read { $0.all.count == 2000 })
        let second = try Member(cluster, "w2", shared, strategy: strategy)
        // Both are read, as two processes would.
        func both(_ isDone: () -> Bool) throws -> Bool {
            let deadline = monotonicSeconds() + 20
            while !isDone() {
                if monotonicSeconds() > deadline { return false }
                try first.reader.step(0.01)
                try second.reader.step(0.01)
            }
            return true
        }
        #expect(try both { second.reader.source.status.lags.count == 2 && first.reader.source.status.lags.count == 2 })
        for partition: Int32 in 0..<4 { producer.sendNumbers(500..<1000, partition: partition) }
        #expect(try both { first.reader.all.count + second.reader.all.count >= 4000 })
        #expect(!first.reader.released.isEmpty && !second.reader.all.isEmpty)
        // The second leaves as a stopping engine does, the first takes over.
        second.makeDurable()
        let leaving = Atomic<Bool>(true)
        nonisolated(unsafe) let source = second.reader.source
        try startThread {
            source.close()
            leaving.store(false, ordering: .releasing)
        }
        #expect(try first.reader.read { _ in !leaving.load(ordering: .acquiring) })
        for partition: Int32 in 0..<4 { producer.sendNumbers(1000..<1200, partition: partition) }
        #expect(try first.reader.read(seconds: 20) { $0.all.count + second.reader.all.count >= 4800 })
        for partition in 0..<4 {
            let union = first.reader.offsets(of: "t/\(partition)") + second.reader.offsets(of: "t/\(partition)")
            #expect(union.sorted() == Array(0..<1200))
        }
        #expect(first.reader.count("gaps") + second.reader.count("gaps") == 0)
        // A cooperative member that commits while the generation changes loses what it has, and learns it again.
        if strategy != "cooperative-sticky" { #expect(first.reader.lost.isEmpty && second.reader.lost.isEmpty) }
    }

    @Test(arguments: ["range", "cooperative-sticky"])
    func aLostAssignmentIsForgotten(_ strategy: String) throws {
        let cluster = try cluster(partitions: 2)
        let producer = try TestProducer(cluster.bootstrapServers, topic: "t")
        for partition: Int32 in 0..<2 { producer.sendNumbers(0..<300, partition: partition) }
        let member = try Member(cluster, "w1", SharedParts(), strategy: strategy)
        defer { member.reader.source.close() }
        #expect(try member.reader.read { $0.all.count == 600 })
        member.ledger.set("t/0", next: 100)
        member.ledger.set("t/1", next: 200)
        cluster.inject([RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID.rawValue], into: .heartbeat)
        #expect(try member.reader.read { !$0.lost.isEmpty })
        #expect(member.reader.lost.sorted() == ["t/0", "t/1"])
        #expect(member.reader.released.isEmpty)
        #expect(member.reader.all.count == 300)
        #expect(try member.reader.read { $0.all.count >= 600 })
        for part in ["t/0", "t/1"] { #expect(member.reader.offsets(of: part) == Array(0..<300)) }
    }

    @Test func whatIsDurableIsCommittedWithTheWorkersName() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<100)
        cluster.inject(
            [RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT.rawValue, RD_KAFKA_RESP_ERR__TRANSPORT.rawValue], into: .offsetCommit)
        let member = try Member(cluster, "w1", SharedParts(), strategy: "range")
        #expect(try member.reader.read { $0.all.count == 100 })
        #expect(committed(cluster).0 < 0)
        member.makeDurable()
        #expect(eventually { committed(cluster) == (100, "thalweg:w1") })
        member.reader.source.close()
        // Another worker, without this one's snapshots, starts where this one's end.
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(100..<120)
        let other = try Member(
            cluster, "w2", SharedParts(), strategy: "range", query: "group=g&start=earliest&until=end")
        #expect(try other.reader.read { $0.hasEnded })
        #expect(other.reader.offsets == Array(100..<120))
        other.reader.source.close()
        // The same worker without its snapshots starts where it is told to.
        let again = try Member(
            cluster, "w1", SharedParts(), strategy: "range", query: "group=g&start=earliest&until=end")
        #expect(try again.reader.read { $0.hasEnded })
        #expect(again.reader.offsets == Array(0..<120))
        again.reader.source.close()
    }

    @Test func withoutSnapshotsNothingIsCommitted() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<10)
        let ledger = FakeLedger(isDurable: false)
        let reader = try open(try options(cluster, "group=g"), ledger)
        #expect(try reader.read { $0.all.count == 10 })
        var position = PartPosition(name: "t/0")
        position.offset = 10
        reader.source.acknowledge([position])
        reader.source.close()
        #expect(committed(cluster).0 < 0)
    }

    @Test func errorsOfTheGroupAreHealed() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<100)
        cluster.inject([RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS.rawValue], into: .joinGroup)
        cluster.inject([RD_KAFKA_RESP_ERR_NOT_COORDINATOR.rawValue], into: .syncGroup)
        cluster.inject([RD_KAFKA_RESP_ERR__TRANSPORT.rawValue], into: .offsetFetch)
        cluster.inject(
            [0, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS.rawValue, RD_KAFKA_RESP_ERR__TRANSPORT.rawValue],
            into: .heartbeat)
        let member = try Member(cluster, "w1", SharedParts(), strategy: "range")
        defer { member.reader.source.close() }
        #expect(try member.reader.read { $0.count("rebalances") >= 3 && $0.all.count >= 100 })
        #expect(member.reader.offsets == Array(0..<100))
    }

    @Test func closingEndsAWaitForRelease() throws {
        let cluster = try cluster()
        try TestProducer(cluster.bootstrapServers, topic: "t").sendNumbers(0..<10)
        let member = try Member(cluster, "w1", SharedParts(), strategy: "range")
        #expect(try member.reader.read { $0.all.count == 10 })
        cluster.inject([RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS.rawValue], into: .heartbeat)
        var isAsked = false
        #expect(
            eventually {
                if case .release = try? member.reader.source.next(waiting: 0.05, recycling: nil) { isAsked = true }
                return isAsked
            })
        let start = monotonicSeconds()
        member.reader.source.close()
        #expect(monotonicSeconds() - start < 8)
    }

    @Test func closingBeforeAnythingWasAssigned() throws {
        let cluster = try cluster()
        let member = try Member(cluster, "w1", SharedParts(), strategy: "cooperative-sticky")
        member.reader.source.close()
    }
}
