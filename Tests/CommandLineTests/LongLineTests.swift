import Foundation
import Testing

/// Records without end need no memory without end.
struct LongLineTests {
    /// 100 MB on one line, between clean records; made on the fly.
    @Test(arguments: ["x", "["])
    func line(_ filling: String) throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 1100)
        try workspace.write("a", lines[..<1000].joined(separator: "\n") + "\n{\"attrib1\":\"")
        try workspace.write("b", "\"}\n" + lines[1000...].joined(separator: "\n") + "\n")
        let options = "--target class --bits 12 --progress none --json"
        let command = try Command(
            "/bin/bash",
            [
                "-c",
                "exec $T evaluate \(options) --quarantine q "
                    + "< <( cat a; yes '\(filling)' | tr -d '\\n' | head -c 100000000; cat b )",
            ], in: workspace, environment: ["T": Command.thalweg])
        let outcome = command.wait(upTo: 120)
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let report = try outcome.report()
        #expect(report.learned == 1100 && report.rejected == 1)
        #expect(outcome.peakKiB > 10 << 10 && outcome.peakKiB < 150 << 10, "\(outcome.peakKiB) KiB")
        let record = try #require(try workspace.objects("q").first)
        #expect(record["line"] as? Int == 1001)
        #expect((record["reason"] as? String)?.contains("--max-record-bytes") == true)
        #expect((record["raw"] as? String)?.hasPrefix("{\"attrib1\":\"\(filling)") == true)
    }

    @Test func garbageWithoutEnd() throws {
        let workspace = Workspace()
        // More than all batches between the reader and the learner may hold.
        let count = Scale.records(50_000, full: 200_000)
        try workspace.write("a", Streams.generate("sea", 1100, .jsonl))
        let options = "--target class --bits 12 --progress none --json"
        let command = try Command(
            "/bin/bash",
            [
                "-c",
                "exec $T evaluate \(options) --quarantine q < <( cat a; yes 'no record at all' | head -n \(count) )",
            ],
            in: workspace, environment: ["T": Command.thalweg])
        let outcome = command.wait(upTo: 120)
        #expect(try outcome.report().rejected == count)
        #expect(outcome.peakKiB > 10 << 10 && outcome.peakKiB < 150 << 10, "\(outcome.peakKiB) KiB")
        #expect(workspace.lines("q").count == count)
    }
}
