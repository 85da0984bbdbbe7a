import ArgumentParser
import Engine
import Glibc
import JSON
import Snapshots

struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Look at snapshots.", subcommands: [List.self, Inspect.self, Verify.self])

    /// The files a path means: itself, or the snapshots in it.
    static func files(_ path: String) throws -> [String] {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw EngineError("cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
        let found = try SnapshotStore.paths(in: path)
        guard !found.isEmpty else { throw EngineError("there is no snapshot in '\(path)'") }
        return found
    }

    static func open(_ path: String) throws -> Snapshot {
        do { return try Snapshot(path: path) } catch { throw EngineError(error.description) }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "One line a snapshot.")
        @Argument(help: "Directory or file.") var path: String
        @Flag(help: "As JSON Lines.") var json = false

        func run() throws {
            for file in try files(path) {
                let snapshot = try SnapshotCommand.open(file)
                let summary = snapshot.summary
                if json {
                    try printData(summary.text)
                } else {
                    try printData(
                        "\(file)  \(snapshot.byteCount) bytes  \(snapshot.metadata["records"]?.text ?? "?") records  "
                            + "version \(snapshot.metadata["version"]?.text ?? "?")")
                }
            }
        }
    }

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect", abstract: "What is in a snapshot: configuration, schema, positions, arrays.")
        @Argument(help: "Directory (its newest) or file.") var path: String
        @Flag(help: "As one JSON object.") var json = false

        func run() throws {
            guard let file = try files(path).last else { return }
            let snapshot = try SnapshotCommand.open(file)
            if json {
                let tensors = snapshot.tensors.map { tensor in
                    JSONValue.object([
                        ("name", .string(tensor.name)), ("dtype", .string(tensor.type.rawValue)),
                        ("shape", .array(tensor.shape.map { JSONValue($0) })), ("bytes", JSONValue(tensor.range.count)),
                        ("digest", .string(tensor.digest)),
                    ])
                }
                return try printData(
                    JSONValue.object([
                        ("path", .string(file)), ("metadata", snapshot.metadata), ("tensors", .array(tensors)),
                    ]).text)
            }
            try printData(file)
            for (name, value) in snapshot.metadata.members ?? [] { try printData("  \(name): \(value.text)") }
            for tensor in snapshot.tensors {
                try printData("  \(tensor.name)  \(tensor.type.rawValue) \(tensor.shape)  \(tensor.range.count) bytes")
            }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Check every byte against its digest; exit 1 when one is damaged.")
        @Argument(help: "Directory or file.") var path: String

        func run() throws {
            var damaged = 0
            for file in try files(path) {
                do {
                    try Snapshot(path: file).verify()
                    try printData("ok       \(file)")
                } catch {
                    damaged += 1
                    try printData("damaged  \(file): \(error)")
                }
            }
            if damaged > 0 { throw ExitCode(ExitStatus.runtime) }
        }
    }
}

extension Snapshot {
    var summary: JSONValue {
        .object([
            ("path", .string(path)), ("bytes", JSONValue(byteCount)), ("records", metadata["records"] ?? .null),
            ("learned", metadata["learned"] ?? .null), ("version", metadata["version"] ?? .null),
        ])
    }
}
