import Foundation
import Testing

/// Topics from the command line, on the embedded cluster.
@Suite struct KafkaTests {
    private static let records = 3000
    private static let common = " --predictions none --progress none --json "

    /// What a run over the same records in a file counts.
    private static func expected() throws -> [Double] {
        let workspace = Workspace()
        try workspace.write("in.jsonl", CountedRecords.lines(records).joined(separator: "\n") + "\n")
        let outcome = try workspace.thalweg(
            "run --input in.jsonl --snapshots whole " + CountedRecords.learner + common)
        #expect(try outcome.report().records == records, "\(outcome.stderr)")
        return try CountedRecords.counts(workspace.file("whole"))
    }

    @Test func fromTopicToTopic() throws {
        let workspace = Workspace()
        let broker = try Broker("in:4,out:2,bad:1", in: workspace)
        var lines = CountedRecords.lines(500)
        lines[77] = #"{"id": oops"#
        try broker.produce(lines, to: "in")
        let run = try workspace.thalweg(
            "run --input \(broker.url("in")) --until end --snapshots s --predictions \(broker.url("out")) "
                + "--quarantine \(broker.url("bad")) --progress none --json --id id " + CountedRecords.learner)
        #expect(run.status == 0, "\(run.stderr)")
        #expect(try run.report().records == 499)
        #expect(try run.report().rejected == 1)
        // The predictions are a stream like any other: their own targets are learned.
        let again = try workspace.thalweg(
            "evaluate --input \(broker.url("out")) --until end --target target --ignore position --progress none --json"
        )
        #expect(try again.report().records == 499, "\(again.stderr)")
        // Nothing is left to do, and nothing is done twice.
        let resumed = try workspace.thalweg(
            "run --input \(broker.url("in")) --until end --snapshots s --predictions none --progress none --json --id id "
                + CountedRecords.learner)
        #expect(try resumed.report().records == 499, "\(resumed.stderr)")
        #expect(try resumed.report().digest == run.report().digest)
        #expect(broker.stop().status == 0)
    }

    @Test func aConfigurationFileNamesTheTopic() throws {
        let workspace = Workspace()
        let broker = try Broker("in:2", in: workspace)
        try broker.produce(CountedRecords.lines(200), to: "in")
        try workspace.write(
            "thalweg.yaml",
            """
            input:
              until: end
              kafka:
                brokers: \(broker.servers)
                topics: in
                start: earliest
                fields: [partition, offset]
                properties: {client.id: tester, sasl.password: hidden-word}
            schema: {target: y, categorical: id}
            """)
        let outcome = try workspace.thalweg("evaluate --config thalweg.yaml --progress none --json")
        #expect(try outcome.report().records == 200, "\(outcome.stderr)")
        let shown = try workspace.thalweg("config show thalweg.yaml")
        #expect(shown.stdout.contains("client.id=tester"))
        #expect(!shown.stdout.contains("hidden-word"))
        try workspace.write("wrong.yaml", "input: {kafka: {broker: x}}")
        let wrong = try workspace.thalweg("config check wrong.yaml")
        #expect(wrong.status == 2)
        #expect(wrong.stderr.contains("input.kafka.brokers"), "\(wrong.stderr)")
    }

    @Test func exactlyOnceUnderKills() throws {
        let workspace = Workspace()
        let broker = try Broker("in:4", in: workspace)
        try broker.produce(CountedRecords.lines(Self.records), to: "in")
        let expected = try Self.expected()
        let line =
            "run --input \(broker.url("in")) --until end --batch-size 16 --snapshot-every-records 200 "
            + CountedRecords.learner + Self.common
        let start = Date()
        _ = try workspace.thalweg(line + "--snapshots timing")
        let duration = Date().timeIntervalSince(start)
        var numbers = SeededNumbers(SeededNumbers.seed("kills on a topic"))
        let wanted = ProcessInfo.processInfo.environment["THALWEG_KILLS"].flatMap(Int.init) ?? 4
        var kills = 0
        for round in 0... where kills < wanted {
            var ended = false
            // Each try has somewhat longer: what starts and ends slowly must come to its end, too.
            var longest = duration * 1.05
            while !ended {
                let command = try Command(
                    Command.thalweg, (line + "--snapshots s\(round)").split(separator: " ").map(String.init),
                    in: workspace)
                let outcome = command.wait(upTo: Double.random(in: 0.01...longest, using: &numbers))
                longest += duration * 0.2
                ended = outcome.status == 0
                kills += ended ? 0 : 1
            }
            let isExact = try CountedRecords.counts(workspace.file("s\(round)")) == expected
            #expect(isExact, "after \(kills) kills")
            if kills >= wanted { break }
        }
    }

    /// Two members of a group, one killed at random: the other goes on where its snapshot ends, whether they share a
    /// directory or each has one of its own.
    @Test(arguments: [("range", ["s", "s"]), ("cooperative-sticky", ["s", "t"])])
    func oneOfTwoWorkersIsKilled(strategy: String, directories: [String]) throws {
        let workspace = Workspace()
        let broker = try Broker("in:4", in: workspace)
        try broker.produce(CountedRecords.lines(Self.records), to: "in")
        let expected = try Self.expected()
        let line =
            "run --input \(broker.url("in"))?group=g --batch-size 16 --snapshot-every-records 200 "
            + "-X session.timeout.ms=6000 -X heartbeat.interval.ms=300 -X partition.assignment.strategy=\(strategy) "
            + CountedRecords.learner + Self.common + "--snapshots "
        let workers = try directories.map {
            try Command(Command.thalweg, (line + $0).split(separator: " ").map(String.init), in: workspace)
        }
        func found() throws -> [Double] {
            let counts = try Set(directories).sorted().map { try CountedRecords.counts(workspace.file($0)) }
            let known = counts.filter { !$0.isEmpty }
            return known.dropFirst().reduce(known.first ?? []) { zip($0, $1).map { $0 + $1 } }
        }
        var numbers = SeededNumbers(SeededNumbers.seed("one of two workers, \(strategy)"))
        usleep(UInt32.random(in: 200_000...5_000_000, using: &numbers))
        let victim = Int.random(in: 0..<2, using: &numbers)
        workers[victim].signal(SIGKILL)
        workers[victim].wait()
        let survivor = workers[1 - victim]
        let total = Double(Self.records)
        _ = survivor.waits(upTo: 40) { _ in
            usleep(200_000)
            return ((try? found()) ?? []).reduce(0, +) >= total
        }
        survivor.signal(SIGTERM)
        let outcome = survivor.wait(upTo: 20)
        #expect(outcome.status == 143, "\(outcome.stderr)")
        let counts = try found()
        let isExact = counts == expected
        #expect(isExact, "\(counts.reduce(0, +)) of \(total)")
    }

    @Test func whatIsWrongIsSaid() throws {
        let workspace = Workspace()
        let broker = try Broker("in:1", in: workspace)
        for (arguments, status, words) in [
            ("kafka://127.0.0.1:1/in", 1, "127.0.0.1:1"),
            ("\(broker.url("in")) -X fetch.waite.max.ms=3", 2, "fetch.wait.max.ms"),
            ("\(broker.url("in"))?gruop=g", 2, "group"),
            ("\(broker.url("in"))?group=g&partitions=0", 2, "alternatives"),
            ("\(broker.url("in"))?partitions=7", 1, "7"),
            ("kafka:///in", 2, "HOST:PORT"),
            ("\(broker.url("in")) --input other.jsonl", 2, "alone"),
            ("\(broker.url("in")) --format csv", 2, "header"),
            ("\(broker.url("in")) -X enable.ssl.certificate.verification=false", 2, "--insecure-tls"),
        ] {
            let outcome = try workspace.thalweg("evaluate --progress none --target y --input " + arguments)
            #expect(outcome.status == Int32(status), "\(arguments): \(outcome.stderr)")
            #expect(outcome.stderr.contains(words), "\(arguments): \(outcome.stderr)")
        }
    }
}
