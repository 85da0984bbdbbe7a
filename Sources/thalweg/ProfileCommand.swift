import ArgumentParser
import Connectors
import Engine
import Files
import Glibc
import Profile
import Records

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "A first look at the data: what is in each field, and what to do about it.",
        discussion: """
            thalweg profile --input data.csv --target class --report profile.html
            thalweg profile --input events.jsonl --target clicked --suggest thalweg.yaml

            One pass in bounded memory over whatever run reads. Counts, means and extremes are exact; the rank of a
            quantile is within 0.3 %, distinct counts have a standard error of 1.6 %. What a field tells of the target
            is counted in bins (a category's value by its hash) and given as mutual information in nats and as a share
            of what there is to know. Fields that first appear after 1,000 records are not looked at.
            """)

    @OptionGroup var options: CommonOptions
    @Option(help: "Write a page with plots to this file (HTML).") var report: String?
    @Option(help: "Write the suggested configuration to this file (YAML).") var suggest: String?

    func run() throws {
        let settings = try options.settings()
        let configuration = try settings.configuration()
        let json = try settings.flag("json")
        installSignalHandlers()
        var table = LiveTable(isWanted: settings.text("progress") != "none")
        let stream = try RecordStream(
            configuration, source: try settings.source(batchWait: configuration.batchWait), stop: stopRequest,
            warn: warnOnStderr)
        defer { stream.close() }
        do {
            let profile = try read(stream, &table)
            let seconds = table.seconds
            profile.settle()
            let summary = DatasetSummary(profile)
            let document = ProfileDocument(
                summary, RoleAdvice(summary), seconds: seconds, inputs: settings.inputs,
                format: stream.format?.name ?? "")
            if let report { try Self.write(ProfileReport(document).html, to: report) }
            if let suggest { try Self.write(document.pipeline, to: suggest) }
            try show(document, summary, json: json, seconds: seconds)
        } catch let error as ConnectorError { throw EngineError(error.description) }
        if stopRequest.signal > 0 { throw ExitCode(128 + stopRequest.signal) }
    }

    private func read(_ stream: RecordStream, _ table: inout LiveTable) throws -> DatasetProfile {
        guard try stream.open() else { throw EngineError("the input is empty: there is no record to look at") }
        let sample = try stream.sample()
        let plan = ProfilePlan(schema: try stream.inferSchema(sample), sample: sample)
        let profile = DatasetProfile(plan)
        var firstRejected: String?
        try stream.start(plan.decoding)
        defer { table.clear() }
        try stream.forEach { batch, parts in
            if firstRejected == nil, let rejected = batch.rejected.first {
                let position = rejected.position
                let part = parts.indices.contains(position.part) ? parts[position.part].name : "input"
                firstRejected = "\(part):\(position.line): \(rejected.reason)"
            }
            profile.learn(batch)
            table.update(profile)
        } idle: {
            table.update(profile)
        }
        if profile.records == 0, stopRequest.signal == 0 {
            throw EngineError(
                firstRejected.map { "no record could be used: \(profile.rejected) rejected; first: \($0)" }
                    ?? "the input is empty: there is no record to look at")
        }
        if let firstRejected { complain("thalweg: first rejected record: \(firstRejected)") }
        return profile
    }

    private func show(_ document: ProfileDocument, _ summary: DatasetSummary, json: Bool, seconds: Double) throws {
        if json { return try printData(document.json.text) }
        let width = isatty(1) == 1 ? Terminal.size(1).columns : 1000
        let table = ProfileTable(summary, isColoured: Terminal.hasColours(1))
        for line in table.lines(seconds: seconds, advice: RoleAdvice(summary), width: width) { try printData(line) }
        if report == nil, suggest == nil, isatty(2) == 1 {
            complain("\n--report FILE.html writes a page with plots, --suggest FILE.yaml a configuration to start from")
        }
    }

    private static func write(_ text: String, to path: String) throws(ConnectorError) {
        let file = try FileSink(path: path)
        try file.resume(at: 0)
        let bytes = Array(text.utf8)
        let result: Result<Void, ConnectorError> = bytes.withUnsafeBytes { bytes in
            do throws(ConnectorError) { return .success(try file.write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
