import Foundation
import Testing

/// A stream of single records: each is answered before the next one comes.
struct SlowPipeTests {
    @Test(arguments: ["jsonl", "csv", "vw"])
    func oneAtATime(_ format: String) throws {
        let workspace = Workspace()
        let all = try Streams.lines("sea", 8, #require(.init(rawValue: format)))
        let header = format == "csv" ? 1 : 0
        let options = format == "vw" ? [] : ["--target", "class"]
        let command = try Command(
            Command.thalweg, ["run", "--bits", "12", "--progress", "none"] + options, in: workspace, input: .pipe)
        if header == 1 { command.send(all[0] + "\n") }
        for (index, line) in all[header...].enumerated() {
            command.send(line + "\n")
            // The reader on the other side waits for the answer; so many seconds only for the slowest machine.
            let isAnswered = command.waits(upTo: 20) { $0.stdoutSoFar.split(separator: "\n").count == index + 1 }
            #expect(isAnswered, "record \(index): \(command.stderrSoFar)")
            if !isAnswered { break }
        }
        command.closeInput()
        #expect(command.wait().status == 0)
    }

    /// Records that never stop coming for long, but far slower than a mini-batch fills: waiting for 1,000 of them to
    /// know the fields, or for 256 to fill a batch, would take a minute.
    @Test func trickle() throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 400)
        let command = try Command(
            Command.thalweg, ["run", "--target", "class", "--bits", "12", "--progress", "none"], in: workspace,
            input: .pipe)
        var answeredWhileRunning = 0
        for line in lines[..<120] {
            command.send(line + "\n")
            usleep(25_000)
            answeredWhileRunning = command.stdoutSoFar.split(separator: "\n").count
        }
        #expect(answeredWhileRunning > 20, "of 120 records in 3 seconds")
        command.closeInput()
        #expect(command.wait().lines.count == 120)
    }
}
