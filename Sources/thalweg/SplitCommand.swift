import ArgumentParser
import Connectors
import Engine
import Formats
import JSON
import Profile
import Records
import Statistics

struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Divide records into training, validation and test files.",
        discussion: """
            thalweg split --input data.csv --output-dir parts --id user             by the hash of an id
            thalweg split --input data.csv --output-dir parts --stratify class      each class in the same shares
            thalweg split --input data.csv --output-dir parts --by time --time ts   the past to learn from, the last to test
            thalweg split --input data.csv --train a.csv --test b.csv --ratios 0.9,0.1 --by every

            The same input, options and seed give the same files. Records are copied byte for byte, with the header of
            CSV and ARFF; records that cannot be read are left out and counted. An id is never in two parts: it stays
            where its first record went, also where strata or times would have it otherwise. Without an id, equal records
            go to the same part (--by hash). --by time reads a file twice, to find the times that give the shares to
            within 0.3 %; a stream needs --boundaries.
            """)

    @OptionGroup var options: CommonOptions
    @Option(help: "Directory for train, validation and test files, named after the format.") var outputDir: String?
    @Option(help: "File for training records.") var train: String?
    @Option(help: "File for validation records.") var validation: String?
    @Option(help: "File for test records.") var test: String?
    @Option(help: "Shares of train, validation and test, or of train and test.") var ratios = "0.8,0.1,0.1"
    @Option(help: "hash|time|every") var by = "hash"
    @Option(help: "A field whose values shall have the same shares in all parts.") var stratify: String?
    @Option(help: "Times at which validation and test begin (--by time): ISO 8601 or numbers.") var boundaries: String?

    func run() throws {
        let settings = try options.settings()
        let request = try SplitRequest(self, settings)
        installSignalHandlers()
        do {
            let report = try SplitRun(request, settings).execute()
            if try settings.flag("json") {
                try printData(report.json(request.names).text)
            } else if settings.text("progress") != "none" {
                for line in report.lines(request.names) { complain(line) }
            }
        } catch let error as ConnectorError {
            throw EngineError(error.description)
        } catch let error as SplitError { throw EngineError(error.description) }
        if stopRequest.signal > 0 { throw ExitCode(128 + stopRequest.signal) }
    }
}

/// What is to be split, checked.
struct SplitRequest {
    let names: [String]
    let shares: [Double]
    let method: SplitMethod
    let id: String?
    let stratify: String?
    let time: String?
    let boundaries: [Double]?
    let outputDirectory: String?
    let paths: [String?]

    init(_ command: SplitCommand, _ settings: Settings) throws {
        var shares = command.ratios.split(separator: ",").map { Double($0) ?? -1 }
        guard (2...3).contains(shares.count), shares.allSatisfy({ $0 >= 0 && $0 < 1e9 }),
            shares.contains(where: { $0 > 0 })
        else {
            throw UsageError("--ratios \(command.ratios): it takes two or three numbers, such as 0.8,0.1,0.1")
        }
        if shares.count == 2 { shares.insert(0, at: 1) }
        guard let method = SplitMethod(rawValue: command.by) else {
            throw UsageError("--by \(command.by): it takes hash, time or every")
        }
        self.shares = shares
        self.method = method
        names = ["train", "validation", "test"]
        id = settings.text("id")
        stratify = command.stratify
        time = settings.text("time")
        paths = [command.train, command.validation, command.test]
        outputDirectory = command.outputDir
        if method == .time {
            guard time != nil else { throw UsageError("--by time needs --time FIELD") }
            guard stratify == nil else { throw UsageError("--by time and --stratify exclude each other") }
        }
        boundaries = try command.boundaries.map { text in
            let times = text.split(separator: ",").map { TimeReader.seconds(String($0)) }
            guard method == .time, times.count == 2, let first = times[0], let second = times[1], first <= second else {
                throw UsageError(
                    "--boundaries \(text): it takes the two times at which validation and test begin (--by time)")
            }
            return [first, second]
        }
        guard (outputDirectory == nil) != paths.allSatisfy({ $0 == nil }) else {
            throw UsageError("say where the parts go: --output-dir DIRECTORY, or --train, --validation and --test FILE")
        }
        for (index, share) in shares.enumerated() where outputDirectory == nil {
            guard (share > 0) == (paths[index] != nil) else {
                throw UsageError(
                    share > 0
                        ? "--ratios gives \(names[index]) a share: say --\(names[index]) FILE"
                        : "--\(names[index]): --ratios gives it no share")
            }
        }
    }
}

/// Times as a field has them.
enum TimeReader {
    /// ISO 8601, or a number whose unit its size tells; nil: neither.
    static func seconds(_ text: String) -> Double? {
        if let value = TimeText.seconds(text) { return value }
        guard let value = Double(text), value.isFinite else { return nil }
        return value * TimeUnit(ofSize: value).seconds
    }
}

/// One split, from opening the input to the last flush.
final class SplitRun {
    private let request: SplitRequest
    private let settings: Settings
    private let configuration: Configuration
    private var report: SplitReport
    private var outputs: [SplitOutput?] = []
    private var header = ""

    init(_ request: SplitRequest, _ settings: Settings) throws {
        self.request = request
        self.settings = settings
        configuration = try settings.configuration()
        report = SplitReport(parts: request.shares.count)
    }

    func execute() throws -> SplitReport {
        let boundaries = request.method == .time ? try request.boundaries ?? findBoundaries() : []
        var rule = SplitRule(
            shares: request.shares, method: request.method, seed: configuration.seed,
            hasStrata: request.stratify != nil,
            boundaries: boundaries)
        report.boundaries = boundaries
        try pass { format in
            try self.openOutputs(format)
        } each: { batch, parts, columns in
            self.report.rejected += batch.rejected.count
            for row in 0..<batch.rows {
                let context = parts[batch.positions[row].part].context
                if !context.isEmpty, context != self.header { try self.begin(context, batch.raw[row]) }
                let record = SplitRecord(batch, row, columns)
                let time = self.request.method == .time ? record.time : nil
                guard
                    let part = try rule.part(of: batch.raw[row], id: record.id, stratum: record.stratum, time: time)
                else {
                    self.report.untimed += 1
                    continue
                }
                self.report.counts[part] += 1
                try self.outputs[part]?.append(batch.raw[row])
            }
        }
        for output in outputs { try output?.finish() }
        report.ids = request.id != nil ? rule.idCount : 0
        report.paths = outputs.map { $0?.path ?? "" }
        let total = report.counts.reduce(0, +)
        guard total > 0 || stopRequest.signal > 0 else {
            throw EngineError("no record could be used: \(report.rejected) rejected, \(report.untimed) without a time")
        }
        return report
    }

    /// Reads the input once.
    private func pass(
        _ begin: (FormatDescriptor) throws -> Void,
        each: (RecordBatch, [PartPosition], SplitRecord.Columns) throws -> Void
    ) throws {
        let stream = try RecordStream(
            configuration, source: try settings.source(batchWait: configuration.batchWait), stop: stopRequest,
            warn: warnOnStderr)
        defer { stream.close() }
        guard try stream.open(), let format = stream.format else { throw EngineError("the input is empty") }
        let sample = try stream.sample()
        let names = sample.names
        let wanted = [request.id, request.stratify, request.time].compactMap { $0 }
        for name in wanted where !names.contains(name) && !(format.isFeatureNative && name == "label") {
            throw UsageError("there is no field '\(name)'; there are: \(names.prefix(12).joined(separator: ", "))")
        }
        var schema = Schema(
            fields: names.map { Field($0, wanted.contains($0) ? .raw : .ignored) }, task: .multiclass)
        schema.isFeatureNative = format.isFeatureNative
        if format.isFeatureNative { schema = try stream.inferSchema(sample) }
        let kept = schema.fields(.raw).map(\.name)
        func column(_ name: String?) -> Int? { name.flatMap { kept.firstIndex(of: $0) } }
        let columns = SplitRecord.Columns(
            id: column(request.id), stratum: column(request.stratify), time: column(request.time),
            isStratifiedByLabel: format.isFeatureNative && request.stratify == "label")
        try begin(format)
        try stream.start(schema)
        try stream.forEach { batch, parts in try each(batch, parts, columns) }
    }

    /// The times that divide the records in the shares asked for.
    private func findBoundaries() throws -> [Double] {
        guard !settings.inputs.contains(where: { $0 == "-" || $0.contains("://") }) else {
            throw UsageError("--by time reads its input twice: a stream needs --boundaries T1,T2")
        }
        let times = KLLSketch(k: 1024)
        try pass { _ in
        } each: { batch, _, columns in
            for row in 0..<batch.rows { if let time = SplitRecord(batch, row, columns).time { times.learn(time) } }
        }
        let sorted = times.sorted
        let sum = request.shares.reduce(0, +)
        var share = 0.0
        return try request.shares.dropLast().map { part in
            share += part / sum
            guard let last = sorted.quantile(share) else {
                throw EngineError("no record has a time in '\(request.time ?? "")' (ISO 8601, or a number since 1970)")
            }
            // A part begins after the last time of the one before it.
            return share >= 1 ? .infinity : share <= 0 ? last : last.nextUp
        }
    }

    private func openOutputs(_ format: FormatDescriptor) throws {
        let suffix = format.suffixes.first ?? ""
        outputs = try request.shares.enumerated().map { index, share in
            guard share > 0 else { return nil }
            let path = request.paths[index] ?? "\(request.outputDirectory ?? ".")/\(request.names[index])\(suffix)"
            return try SplitOutput(path, inputs: settings.inputs, directory: request.outputDirectory)
        }
    }

    /// Writes the header of the first part; those of the others must be the same.
    private func begin(_ context: String, _ first: ByteRange) throws {
        guard header.isEmpty else {
            throw EngineError("the input's files have different headers; split them one by one")
        }
        header = context
        var line = context
        while line.last == "\n" || line.last == "\r\n" { line.removeLast() }
        let end = SplitOutput.hasCarriageReturn(first) ? "\r\n" : "\n"
        for output in outputs { try output?.append(text: line + end) }
    }
}
