import ArgumentParser
import Connectors
import Engine
import Formats
import JSON
import Profile
import Records

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Write down what the fields are, and check other data against it.",
        discussion: """
            thalweg schema infer --input data.csv --target class > schema.yaml
            thalweg schema check -c schema.yaml --input newer.csv
            thalweg evaluate -c schema.yaml --input data.csv
            """,
        subcommands: [Infer.self, Check.self])

    struct Infer: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "infer", abstract: "Print the fields with their roles, as a section of a configuration file.")
        @OptionGroup var options: CommonOptions

        func run() throws {
            let settings = try options.settings()
            let (summary, _) = try SchemaCommand.read(settings, try settings.configuration())
            let inputs = settings.inputs.joined(separator: ", ")
            try printData("# What thalweg schema infer saw in \(summary.records) records of \(inputs).")
            try printData(String(SchemaReference.yaml(summary).dropLast()))
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Say how other data differs; exit code 1 when it does.")
        @OptionGroup var options: CommonOptions

        func run() throws {
            let settings = try options.settings()
            guard let text = settings.text("schema-fields"), let document = try? JSONParser().value(text.utf8),
                let reference = SchemaReference(document)
            else {
                throw UsageError(
                    "schema check compares with what thalweg schema infer wrote: give that file, -c schema.yaml")
            }
            var configuration = try settings.configuration()
            // The data says what its fields are.
            var schema = SchemaOptions()
            schema.target = nil
            schema.ignored = configuration.schema.ignored
            configuration.schema = schema
            let (summary, rejected) = try SchemaCommand.read(settings, configuration)
            let changes = reference.changes(in: summary)
            if try settings.flag("json") {
                try printData(Self.json(summary, changes).text)
            } else {
                for change in changes { try printData("\(change.kind.rawValue): \(change.text)") }
                if summary.rejected > 0 {
                    try printData("rejected: \(summary.rejected) records; first: \(rejected ?? "")")
                }
                if changes.isEmpty, summary.rejected == 0 {
                    try printData("ok: \(summary.records) records fit the schema")
                }
            }
            if !changes.isEmpty || summary.rejected > 0 { throw ExitCode(ExitStatus.runtime) }
        }

        private static func json(_ summary: DatasetSummary, _ changes: [SchemaReference.Change]) -> JSONValue {
            .object([
                ("records", JSONValue(summary.records)), ("rejected", JSONValue(summary.rejected)),
                (
                    "changes",
                    .array(
                        changes.map {
                            .object([
                                ("kind", .string($0.kind.rawValue)), ("field", .string($0.field)),
                                ("text", .string($0.text)),
                            ])
                        })
                ),
            ])
        }
    }

    /// One pass over the input; the reason of the first rejected record.
    private static func read(
        _ settings: Settings, _ configuration: Configuration
    ) throws -> (DatasetSummary, rejected: String?) {
        installSignalHandlers()
        let stream = try RecordStream(
            configuration, source: try settings.source(batchWait: configuration.batchWait), stop: stopRequest,
            warn: warnOnStderr)
        defer { stream.close() }
        do {
            guard try stream.open() else { throw EngineError("the input is empty: there is no record to look at") }
            guard stream.format?.isFeatureNative == false else {
                throw EngineError("these records bring features of their own: they have no fields", .usage)
            }
            let sample = try stream.sample()
            let plan = ProfilePlan(schema: try stream.inferSchema(sample), sample: sample)
            let profile = DatasetProfile(plan)
            var rejected: String?
            try stream.start(plan.decoding)
            try stream.forEach { batch, parts in
                if rejected == nil, let first = batch.rejected.first {
                    let part = parts.indices.contains(first.position.part) ? parts[first.position.part].name : "input"
                    rejected = "\(part):\(first.position.line): \(first.reason)"
                }
                profile.learn(batch)
            }
            profile.settle()
            return (DatasetSummary(profile), rejected)
        } catch let error as ConnectorError { throw EngineError(error.description) }
    }
}
