import Foundation
import Testing

/// Where nothing can be written: a clear message, exit 1, and nothing learned is lost.
struct OutputFailureTests {
    private static let options = "--target class --bits 12 --progress none"

    private static func workspace(_ records: Int = 3000) throws -> Workspace {
        let workspace = Workspace()
        try workspace.write("s.jsonl", Streams.generate("sea", records, .jsonl))
        return workspace
    }

    @Test func readerGoesAway() throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.shell(
            "( $T run --input s.jsonl \(Self.options) --snapshots s; echo $? > status ) | head -n 1")
        #expect(outcome.lines.count == 1)
        #expect(workspace.text("status") == "1\n")
        #expect(outcome.stderr.contains("standard output was closed"), "\(outcome.stderr)")
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
    }

    @Test func resumesAfterTheReaderWentAway() throws {
        let workspace = try Self.workspace()
        let expected = try workspace.thalweg("evaluate --input s.jsonl \(Self.options) --json").report().digest
        let broken = try workspace.thalweg("run --input s.jsonl \(Self.options) --snapshots s", output: .brokenPipe)
        #expect(broken.status == 1)
        let outcome = try workspace.thalweg("run --input s.jsonl \(Self.options) --snapshots s --json")
        #expect(try outcome.report().digest == expected)
        // No line is missing: those that were learned when the reader left come first.
        let positions = try outcome.lines.dropLast().map { try JSONObject.parse($0)["position"] as? String }
        #expect(positions.first == "s.jsonl:0" && Set(positions).count == 3000 && positions.count == 3000)
    }

    @Test(arguments: ["evaluate --input s.jsonl --json", "generate sea", "list", "describe linear", "config show"])
    func fullOrClosedStandardOutput(_ line: String) throws {
        let workspace = try Self.workspace(300)
        let line = line.hasPrefix("evaluate") ? "\(line) \(Self.options)" : line
        let full = try workspace.thalweg(line, output: .file("/dev/full"))
        #expect(full.status == 1 && full.stderr.contains("No space left"), "\(full.stderr)")
        let closed = try workspace.thalweg(line, output: .closed)
        #expect(closed.status == 1 && closed.stderr.contains("standard output"), "\(closed.stderr)")
    }

    /// `generate | head` is not a failure of either.
    @Test func generateForAShortReader() throws {
        let workspace = Workspace()
        let outcome = try workspace.shell("( $T generate sea --records 0; echo $? > status ) | head -n 3")
        #expect(outcome.lines.count == 3 && outcome.stderr.isEmpty && workspace.text("status") == "0\n")
    }

    @Test(arguments: ["predictions", "quarantine"])
    func fullDisk(_ sink: String) throws {
        let workspace = try Self.workspace()
        var lines = workspace.lines("s.jsonl")
        for index in stride(from: 30, to: 3000, by: 40) { lines[index] = "no record" }
        try workspace.write("s.jsonl", lines.joined(separator: "\n"))
        let line = "run --input s.jsonl \(Self.options) --snapshots s --json"
        let fine = try workspace.thalweg(
            "run --input s.jsonl \(Self.options) --json --predictions p1 --quarantine q1"
        ).report()
        let other = sink == "predictions" ? "--quarantine q" : "--predictions p"
        let outcome = try workspace.thalweg("\(line) \(other) --\(sink) /dev/full")
        #expect(outcome.status == 1)
        #expect(outcome.stderr.contains("'/dev/full'") && outcome.stderr.contains("No space left"), "\(outcome.stderr)")
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
        // Space again: nothing was learned twice, no line is missing.
        let again = try workspace.thalweg("\(line) \(other) --\(sink) \(sink.prefix(1))")
        #expect(try again.report().digest == fine.digest, "\(again.stderr)")
        #expect(workspace.areEqual("p", "p1") && workspace.areEqual("q", "q1"))
    }

    /// A limit of 200 KiB a file stands for a disk that becomes full; predictions stop within a line.
    @Test func fullDiskWhileWriting() throws {
        let workspace = try Self.workspace()
        let line = "run --input s.jsonl \(Self.options) --snapshots s --predictions p --json"
        let expected = try workspace.thalweg("run --input s.jsonl \(Self.options) --json --predictions p1").report()
        let outcome = try workspace.shell("trap '' XFSZ; ulimit -f 400; exec $T \(line)")
        #expect(outcome.status == 1 && outcome.stderr.contains("'p'"), "\(outcome.stderr)")
        #expect(workspace.bytes("p").count == 400 * 512, "the limit was reached")
        let again = try workspace.thalweg(line)
        #expect(try again.report().digest == expected.digest, "\(again.stderr)")
        #expect(workspace.areEqual("p", "p1"))
    }

    @Test func snapshotDirectoryCannotBeMade() throws {
        let workspace = try Self.workspace(300)
        for directory in ["s.jsonl/s", "/proc/none"] {
            let outcome = try workspace.thalweg("run --input s.jsonl \(Self.options) --snapshots \(directory)")
            #expect(outcome.status == 1 && outcome.stdout.isEmpty)
            #expect(outcome.stderr.contains("'\(directory)'"), "\(outcome.stderr)")
        }
    }

    /// Snapshots of 12 bits are some 300 KiB; those of the first records fit below the limit only without predictions.
    @Test func snapshotsThatFailDoNotStopLearning() throws {
        let workspace = try Self.workspace()
        let line = "evaluate --input s.jsonl \(Self.options) --snapshots s --json"
        #expect(try workspace.thalweg(line + " --snapshot-every-records 1000").status == 0)
        let before = workspace.snapshots("s")
        try workspace.append("s.jsonl", Streams.generate("sea", 2000, .jsonl, seed: 5))
        let expected = try workspace.thalweg("evaluate --input s.jsonl \(Self.options) --json").report()
        let outcome = try workspace.shell("trap '' XFSZ; ulimit -f 20; exec $T \(line) --snapshot-every-records 300")
        #expect(outcome.status == 1, "the last snapshot is missing")
        #expect(
            outcome.stderr.contains("learning goes on") && outcome.stderr.contains("File too large"),
            "\(outcome.stderr)")
        #expect(try outcome.report().digest == expected.digest, "learned to the end")
        #expect(workspace.snapshots("s") == before, "the old ones are intact, no rest of a new one")
        #expect(workspace.names(in: "s").allSatisfy { !$0.hasSuffix(".tmp") })
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
        #expect(try workspace.thalweg(line).report().digest == expected.digest, "space again: goes on from the old one")
    }
}
