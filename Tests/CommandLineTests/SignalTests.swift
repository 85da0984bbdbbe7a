import Foundation
import Testing

/// SIGINT and SIGTERM: what was read is learned, a last snapshot, exit 130 or 143; the same command goes on from there.
struct SignalTests {
    private static let options = ["--target", "class", "--bits", "12", "--snapshots", "s", "--progress", "none"]

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func slowPipe(_ signal: Int32, _ status: Int32) throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 40)
        let command = try Command(
            Command.thalweg, ["run", "--predictions", "p", "--json"] + Self.options, in: workspace, input: .pipe)
        command.send(lines.joined(separator: "\n") + "\n{\"attrib1\": 3")
        #expect(command.waits { _ in workspace.lines("p").count == 40 }, "\(command.stderrSoFar)")
        command.signal(signal)
        let outcome = command.wait()
        #expect(outcome.status == status, "\(outcome.stderr)")
        #expect(try outcome.report().learned == 40)
        #expect(workspace.snapshots("s").count == 1)
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
    }

    /// Records that came in together with the signal are not lost: a pipe does not give them again.
    @Test func whatWasReadIsLearned() throws {
        let workspace = Workspace()
        let command = try Command(
            Command.thalweg, ["run", "--batch-wait", "1h", "--json", "--predictions", "p"] + Self.options,
            in: workspace,
            input: .pipe)
        command.send(try Streams.lines("sea", 30).joined(separator: "\n") + "\n")
        // The mini-batch waits for more, for an hour.
        #expect(!command.waits(upTo: 2) { _ in !workspace.lines("p").isEmpty })
        command.signal(SIGTERM)
        let outcome = command.wait()
        #expect(outcome.status == 143)
        #expect(try outcome.report().learned == 30)
        #expect(workspace.lines("p").count == 30)
    }

    @Test func beforeTheFirstRecord() throws {
        let workspace = Workspace()
        for input in ["", "{\"attri"] {
            let command = try Command(Command.thalweg, ["run"] + Self.options, in: workspace, input: .pipe)
            command.send(input)
            usleep(300_000)
            command.signal(SIGINT)
            let outcome = command.wait()
            #expect(outcome.status == 130, "'\(input)': \(outcome.stderr)")
            #expect(workspace.snapshots("s").isEmpty)
        }
    }

    @Test func followedFile() throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 400)
        try workspace.write("s.jsonl", lines[..<100].joined(separator: "\n") + "\n")
        let arguments = ["run", "--input", "s.jsonl", "--follow", "--predictions", "p"] + Self.options
        for end in [200, 300, 400] {
            let command = try Command(Command.thalweg, arguments, in: workspace)
            let start = end - 100
            #expect(command.waits { _ in workspace.lines("p").count == start }, "\(command.stderrSoFar)")
            // A record comes in two pieces.
            let text = lines[start..<end].joined(separator: "\n") + "\n"
            try workspace.appendInPlace("s.jsonl", String(text.prefix(530)))
            usleep(120_000)
            try workspace.appendInPlace("s.jsonl", String(text.dropFirst(530)))
            #expect(command.waits { _ in workspace.lines("p").count == end }, "\(command.stderrSoFar)")
            command.signal(SIGTERM)
            #expect(command.wait().status == 143)
        }
        let whole = Workspace()
        try whole.write("s.jsonl", lines[..<100].joined(separator: "\n") + "\n")
        _ = try whole.thalweg(["run", "--input", "s.jsonl", "--predictions", "p"] + Self.options)
        try whole.append("s.jsonl", lines[100...].joined(separator: "\n") + "\n")
        let expected = try whole.thalweg(["run", "--input", "s.jsonl", "--predictions", "p", "--json"] + Self.options)
        let report = try workspace.thalweg(
            ["run", "--input", "s.jsonl", "--predictions", "p", "--json"] + Self.options)
        #expect(try report.report().digest == expected.report().digest)
        let isEqual = workspace.bytes("p") == whole.bytes("p")
        #expect(isEqual)
    }

    /// Stopped and started again at random: as exact as after kill -9.
    @Test(arguments: ["sequential", "mean"])
    func stoppedAndRestarted(_ mode: String) throws {
        let arguments =
            ["run", "--input", "s.csv", "--predictions", "p", "--json", "--batch-mode", mode, "--preset", "river"]
            + ["--snapshot-every-records", "300"] + Self.options
        let whole = Workspace()
        try whole.write("s.csv", Streams.generate("agrawal", 6000, .csv))
        let start = Date()
        let expected = try whole.thalweg(arguments).report()
        let duration = Date().timeIntervalSince(start)
        let workspace = Workspace()
        try workspace.write("s.csv", whole.bytes("s.csv"))
        var numbers = SeededNumbers(SeededNumbers.seed("stops, \(mode)"))
        var stops = 0
        for attempt in 0..<50 {
            let command = try Command(Command.thalweg, arguments, in: workspace)
            // From the tenth start on it may come to its end.
            if attempt < 10 { usleep(UInt32(Double.random(in: 0.02...max(0.03, duration / 4), using: &numbers) * 1e6)) }
            if attempt < 10 { command.signal([SIGINT, SIGTERM][attempt % 2]) }
            let outcome = command.wait()
            // A signal before the handlers are there ends it as it ends any program.
            #expect([0, 130, 143].contains(outcome.status), "\(outcome.stderr)")
            if outcome.status != 0 { stops += 1 }
            guard outcome.status == 0 else { continue }
            #expect(try outcome.report().digest == expected.digest)
            break
        }
        #expect(stops > 0)
        let isEqual = workspace.bytes("p") == whole.bytes("p")
        #expect(isEqual)
    }
}

extension Workspace {
    /// Appends to the file itself, as a program that writes a log.
    func appendInPlace(_ name: String, _ text: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file(name)))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }
}
