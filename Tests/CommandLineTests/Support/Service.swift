import Foundation
import Glibc
import Testing

/// A service on a free port.
final class Service {
    let command: Command
    let address: String
    /// Lives as long as what works in it.
    private let workspace: Workspace

    /// - Parameter shell: run before it in the same process (`ulimit`).
    init(_ arguments: String, in workspace: Workspace, input: Input = .nothing, shell: String? = nil) throws {
        self.workspace = workspace
        let line = "--http 127.0.0.1:0 --progress none " + arguments
        command =
            if let shell {
                try Command(
                    "/bin/sh", ["-c", shell + "; exec $T run " + line], in: workspace,
                    environment: ["T": Command.thalweg])
            } else {
                try Command(
                    Command.thalweg, ["run"] + line.split(separator: " ").map(String.init), in: workspace, input: input)
            }
        _ = command.waits { $0.stderrSoFar.contains("listening on http") }
        let text = command.stderrSoFar
        guard let start = text.firstRange(of: "listening on ") else {
            throw JSONObject.Failure(description: "it does not listen: \(text)")
        }
        address = String(text[start.upperBound...].prefix { $0 != "\n" })
    }

    /// The status and the body of an answer, by curl: a client that is none of ours.
    func ask(_ path: String, _ body: String? = nil, _ more: [String] = []) throws -> (status: Int, body: String) {
        let workspace = Workspace()
        var arguments = ["-s", "-m", "20", "-w", "\n%{http_code}", address + path] + more
        if let body {
            try workspace.write("body", body)
            arguments += ["--data-binary", "@body"]
        }
        let outcome = try Command("/usr/bin/curl", arguments, in: workspace).wait()
        let parts = outcome.stdout.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(parts.last ?? "") ?? 0, parts.dropLast().joined(separator: "\n"))
    }

    func value(_ path: String, _ body: String? = nil) throws -> [String: Any] {
        let answer = try ask(path, body)
        #expect(answer.status == 200, "\(answer.body)")
        return try JSONObject.parse(answer.body)
    }

    /// Records learned by the published version; nil while there is none.
    var learned: Int? {
        guard let answer = try? ask("/model"), answer.status == 200 else { return nil }
        return try? JSONObject.parse(answer.body)["learned"] as? Int
    }

    var port: UInt16 { address.split(separator: ":").last.flatMap { UInt16($0) } ?? 0 }

    /// Killed as by a power cut of the process.
    func kill() {
        command.signal(SIGKILL)
        command.wait()
    }

    func stop(_ signal: Int32 = SIGTERM) -> Outcome {
        command.signal(signal)
        return command.wait()
    }
}
