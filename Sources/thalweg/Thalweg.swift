import ArgumentParser
import Components
import Connectors
import Engine
import Glibc
import StandardStreams

/// The command line: the composition root, and the only target that imports concrete connectors.
struct Thalweg: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "thalweg",
        abstract: "Learns from a stream of records and predicts from the same process, continuously.",
        discussion: """
            thalweg evaluate --input data.csv --target class     test, then train; print how well it goes
            tail -f events.jsonl | thalweg run --target clicked  predict every record, learn those with a target
            thalweg run --input kafka://localhost:9092/events?group=g --target y --snapshots state
            thalweg generate sea --records 100000 | thalweg evaluate --target class --json
            """,
        version: engineVersion,
        subcommands: [
            RunCommand.self, EvaluateCommand.self, PredictCommand.self, GenerateCommand.self, SnapshotCommand.self,
            ProfileCommand.self, SchemaCommand.self, SplitCommand.self, BrokerCommand.self, ConfigCommand.self,
            ListCommand.self,
            DescribeCommand.self,
        ])
}

/// Exit codes: 0 end of input, 1 runtime error, 2 usage, 128 + signal after draining and a last snapshot.
enum ExitStatus {
    static let runtime: Int32 = 1
    static let usage: Int32 = 2
}

/// Prints to stderr, which is not for data.
func complain(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}

/// Prints data to stdout.
func printData(_ text: String) throws {
    var line = text + "\n"
    let result: Result<Void, ConnectorError> = line.withUTF8 { bytes in
        do throws(ConnectorError) { return .success(try StandardOutput().write(UnsafeRawBufferPointer(bytes))) } catch {
            return .failure(error)
        }
    }
    do { try result.get() } catch { throw EngineError(error.description) }
}

@main
enum Main {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        // A file that grows beyond the limit is an error of the write, not the end.
        signal(SIGXFSZ, SIG_IGN)
        do {
            try checkCommandName(CommandLine.arguments.dropFirst().first)
            var command = try Thalweg.parseAsRoot()
            try command.run()
        } catch {
            exit(report(error))
        }
    }

    /// The parser would take a misspelt command for an argument too many.
    private static func checkCommandName(_ name: String?) throws {
        let known = Thalweg.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let name, !name.hasPrefix("-"), name != "help", !known.contains(name) else { return }
        throw UsageError("there is no command '\(name)'" + didYouMean(name, known))
    }

    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let error as EngineError:
            complain("thalweg: \(error.description)")
            if error.kind == .stopped { return 128 + stopRequest.signal }
            return error.kind == .usage ? ExitStatus.usage : ExitStatus.runtime
        case let error as UsageError:
            complain("thalweg: \(error.description)")
            return ExitStatus.usage
        case let code as ExitCode: return code.rawValue
        default: break
        }
        let code = Thalweg.exitCode(for: error)
        let message = Thalweg.fullMessage(for: error)
        if code == .success {
            do { try printData(message) } catch { return report(error) }
            return 0
        }
        if code == .validationFailure {
            complain(message)
            return ExitStatus.usage
        }
        complain("thalweg: \(error)")
        return ExitStatus.runtime
    }
}
