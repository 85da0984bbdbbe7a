import Foundation
import Generators
import Testing

/// kill -9 at any instant and the same command again, until the end: the same model and the same bytes as if nothing had
/// happened. THALWEG_KILLS=100 kills each stream a hundred times.
struct KillTests {
    struct Stream: CustomTestStringConvertible, Sendable {
        let name: String
        /// What lies on disk, made from the text of the stream.
        let files: @Sendable (Workspace) throws -> Void
        let options: String
        let command: String

        init(
            _ name: String, _ options: String, command: String = "run",
            _ files: @escaping @Sendable (Workspace) throws -> Void
        ) {
            self.name = name
            self.command = command
            self.options = options
            self.files = files
        }

        var testDescription: String { name }
    }

    /// More than the 1,000 that the schema is inferred from.
    private static let records = Scale.records(2000, full: 4000)

    static let streams = [
        Stream("jsonl", "--input sea.jsonl --target class") { workspace in
            try workspace.write("sea.jsonl", Streams.generate("sea", records, .jsonl))
        },
        Stream("csv without a last line end", "--input sea.csv --target class --pipeline standardize --pipeline clip") {
            try $0.write("sea.csv", String(Streams.generate("sea", records, .csv).dropLast()))
        },
        Stream("vw", "--input sea.vw --preset vw --learner linear:loss=logistic") { workspace in
            try workspace.write("sea.vw", Streams.generate("sea", records, .vw))
        },
        Stream("river", "--input agrawal.csv --target class --preset river --learner linear:optimizer=adam") {
            try $0.write("agrawal.csv", Streams.generate("agrawal", records, .csv))
        },
        Stream("gzip", "--input sea.csv.gz --target class") { workspace in
            try workspace.write("sea.csv", Streams.generate("sea", records, .csv))
            _ = try workspace.shell("gzip sea.csv")
        },
        Stream("avro", "--input sea.avro --target class") { workspace in
            try workspace.write("sea.avro", AvroFile.generate("sea", records, block: 700, codec: "null"))
        },
        // One block of 400 records is one that is rejected.
        Stream("avro in compressed blocks, one damaged", "--input sea-*.avro --target class") { workspace in
            try workspace.write("sea-1.avro", AvroFile.generate("sea", 1110, block: 90, codec: "deflate"))
            let bytes = try AvroFile.generate("sea", records - 711, block: 400, codec: "deflate", damaged: 1)
            try workspace.write("sea-2.avro", bytes)
        },
        Stream("two files by pattern", "--input part-*.jsonl --target class") { workspace in
            let lines = try Streams.lines("sea", records)
            try workspace.write("part-1.jsonl", lines[..<1777].joined(separator: "\n"))
            try workspace.write("part-2.jsonl", lines[1777...].joined(separator: "\n") + "\n")
        },
        Stream("multiclass", "--input led.csv --target class --task multiclass --batch-size 33") { workspace in
            try workspace.write("led.csv", Streams.generate("led", records, .csv))
        },
        Stream("regression", "--input line.csv --target y --cross kind,z") { workspace in
            try workspace.write("line.csv", Streams.regression(records))
        },
        Stream("bad records and classes unknown at first", "--input mixed.jsonl --target class --task multiclass") {
            var lines = try Streams.lines("sea", records)
            for index in stride(from: 50, to: records, by: 97) { lines[index] = "{\"attrib1\": oops \(index)" }
            for index in stride(from: 1500, to: records, by: 11) { lines[index] = #"{"attrib1":1,"class":"new"}"# }
            try $0.write("mixed.jsonl", lines.joined(separator: "\n") + "\n")
        },
        Stream("withheld targets", "--input sea.jsonl --target class --delay 300", command: "evaluate") { workspace in
            try workspace.write("sea.jsonl", Streams.generate("sea", records, .jsonl))
        },
        Stream(
            "targets of another file",
            "--input records.jsonl --id id --target class --targets targets.csv --target-timeout 40 --target-default groupA"
        ) { workspace in
            try DelayedStream(records).write(to: workspace)
        },
    ]

    private static let common =
        " --bits 12 --snapshots snapshots --snapshot-every-records \(records / 8) --predictions predictions.jsonl"
        + " --quarantine quarantine.jsonl --progress none --json"

    @Test(arguments: streams)
    func killedAndRestarted(_ stream: Stream) throws {
        let whole = Workspace()
        try stream.files(whole)
        let start = Date()
        let expected = try whole.thalweg(stream.command + " " + stream.options + Self.common)
        let duration = Date().timeIntervalSince(start)
        let digest = try expected.report().digest
        #expect(whole.lines("predictions.jsonl").count + whole.lines("quarantine.jsonl").count == Self.records)

        let wanted = ProcessInfo.processInfo.environment["THALWEG_KILLS"].flatMap(Int.init) ?? 2
        var numbers = SeededNumbers(SeededNumbers.seed("kills, \(stream.name)"))
        var kills = 0
        while kills < wanted {
            let workspace = Workspace()
            try stream.files(workspace)
            let outcome = try Self.untilEnd(workspace, stream, duration, &kills, &numbers)
            #expect(outcome.status == 0, "\(outcome.stderr)")
            #expect(try outcome.report().digest == digest)
            for name in ["predictions.jsonl", "quarantine.jsonl"] {
                let isEqual = workspace.bytes(name) == whole.bytes(name)
                #expect(isEqual, "\(name) differs")
            }
            #expect(!workspace.names(in: "snapshots").contains { $0.hasSuffix(".tmp") || $0.hasSuffix(".corrupt") })
        }
    }

    /// Starts the same command again and again, killed at random, until it comes to its end.
    private static func untilEnd(
        _ workspace: Workspace, _ stream: Stream, _ duration: Double, _ kills: inout Int, _ numbers: inout SeededNumbers
    ) throws -> Outcome {
        let arguments = (stream.command + " " + stream.options + common).split(separator: " ").map(String.init)
        // Each try has somewhat longer: what starts and ends slowly must come to its end, too.
        var longest = duration * 1.05
        while true {
            let command = try Command(Command.thalweg, arguments, in: workspace)
            let outcome = command.wait(upTo: Double.random(in: 0.01...longest, using: &numbers))
            longest += duration * 0.05
            guard outcome.wasTimeout else { return outcome }
            // The end may come just before the signal.
            if outcome.status == 0 { return outcome }
            kills += 1
        }
    }
}
