import Foundation
import Testing

/// One suite for every source and sink: whatever records come from, each is learned once, stopped and killed at random and
/// started again; wherever predictions go, there is one for each.
@Suite struct ConnectorTests {
    struct Origin: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Makes the records available; returns the options that name them, and where standard input comes from.
        let make: @Sendable (Workspace, [String]) throws -> (options: String, input: Input, broker: Broker?)

        init(
            _ name: String,
            _ make: @escaping @Sendable (Workspace, [String]) throws -> (options: String, input: Input, broker: Broker?)
        ) {
            testDescription = name
            self.make = make
        }
    }

    static let origins = [
        Origin("file") { workspace, lines in
            try workspace.write("in.jsonl", lines.joined(separator: "\n") + "\n")
            return ("--input in.jsonl", .nothing, nil)
        },
        Origin("files by pattern, compressed") { workspace, lines in
            let half = lines.count / 2
            try workspace.write("part-1.jsonl", lines[..<half].joined(separator: "\n") + "\n")
            try workspace.write("part-2.jsonl", lines[half...].joined(separator: "\n") + "\n")
            _ = try workspace.shell("gzip part-1.jsonl")
            return ("--input part-*", .nothing, nil)
        },
        Origin("standard input from a file") { workspace, lines in
            try workspace.write("in.jsonl", lines.joined(separator: "\n") + "\n")
            return ("--input -", .file(workspace.file("in.jsonl")), nil)
        },
        Origin("topic, all partitions") { workspace, lines in
            let broker = try Broker("in:3", in: workspace)
            try broker.produce(lines, to: "in")
            return ("--until end --input \(broker.url("in"))", .nothing, broker)
        },
        Origin("topic, group") { workspace, lines in
            let broker = try Broker("in:3", in: workspace)
            try broker.produce(lines, to: "in")
            return ("--until end -X session.timeout.ms=6000 --input \(broker.url("in"))?group=g", .nothing, broker)
        },
    ]

    private static let records = 1500
    private static let common =
        " --batch-size 16 --snapshots s --snapshot-every-records 100 --predictions none --progress none --json "
        + CountedRecords.learner

    @Test(arguments: origins)
    func interruptedAndResumedLearnsEachOnce(_ origin: Origin) throws {
        let lines = CountedRecords.lines(Self.records)
        let reference = Workspace()
        try reference.write("in.jsonl", lines.joined(separator: "\n") + "\n")
        _ = try reference.thalweg("run --input in.jsonl" + Self.common)
        let expected = try CountedRecords.counts(reference.file("s"))

        let workspace = Workspace()
        let (options, input, broker) = try origin.make(workspace, lines)
        let arguments = ("run " + options + Self.common).split(separator: " ").map(String.init)
        var numbers = SeededNumbers(SeededNumbers.seed("interrupted, \(origin.testDescription)"))
        for signal in [SIGKILL, SIGTERM, SIGKILL] {
            let command = try Command(Command.thalweg, arguments, in: workspace, input: input)
            let start = Double.random(in: 0.05...0.6, using: &numbers)
            usleep(UInt32(start * 1e6))
            command.signal(signal)
            command.wait(upTo: 30)
        }
        let last = try workspace.thalweg(arguments, input: input)
        #expect(last.status == 0, "\(last.stderr)")
        #expect(try last.report().records == Self.records)
        let isExact = try CountedRecords.counts(workspace.file("s")) == expected
        #expect(isExact)
        withExtendedLifetime(broker) {}
    }

    @Test(arguments: ["file", "standard output", "topic"])
    func onePredictionForEach(sink: String) throws {
        let workspace = Workspace()
        let lines = CountedRecords.lines(400)
        try workspace.write("in.jsonl", lines.joined(separator: "\n") + "\n")
        let broker = sink == "topic" ? try Broker("out:2", in: workspace) : nil
        let place = broker?.url("out") ?? (sink == "file" ? "out.jsonl" : "-")
        let run = try workspace.thalweg(
            "run --input in.jsonl --target y --id id --snapshots s --progress none --predictions \(place)")
        #expect(run.status == 0, "\(run.stderr)")
        switch sink {
        case "file": break
        case "standard output": try workspace.write("out.jsonl", run.stdout)
        default:
            // What is on the topic comes back as records, and every one of them is predicted again.
            let back = try workspace.thalweg(
                "run --input \(place) --until end --target target --id id --progress none --predictions out.jsonl")
            #expect(back.status == 0, "\(back.stderr)")
        }
        let ids = try workspace.objects("out.jsonl").compactMap { $0["id"] as? String }
        #expect(ids.count == 400)
        #expect(Set(ids) == Set((0..<400).map { "r\($0)" }))
    }
}
