import ArgumentParser
import CBytes
import Connectors
import Engine
import Glibc
import Records
import Serving
import Snapshots

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Predict every record, learn those with a target, take snapshots, resume.",
        discussion: "Running the same command again continues where the newest snapshot in --snapshots stands.")

    @OptionGroup var options: CommonOptions
    @OptionGroup var service: ServiceFlags

    func run() throws {
        let settings = try options.settings(service.given)
        let service = try settings.serviceOptions()
        guard !settings.isGiven("delay") else {
            throw UsageError("--delay withholds targets that are there: that is for evaluate")
        }
        var stream = try StreamRun(
            settings, defaultPredictions: settings.hasNoInput ? "none" : "-",
            learnsOverHTTP: service.map { !$0.isReadOnly } ?? false)
        stream.options.snapshots = try settings.snapshotOptions()
        stream.service = service
        try stream.execute()
    }
}

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Test, then train on every record, and report how well it went.")

    @OptionGroup var options: CommonOptions

    func run() throws {
        let settings = try options.settings()
        var stream = try StreamRun(settings, defaultPredictions: "none")
        stream.options.snapshots = try settings.snapshotOptions()
        try stream.execute()
    }
}

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predict from a snapshot; learn nothing.")

    @OptionGroup var options: CommonOptions
    @Option(help: "A snapshot file, or a directory of them (the newest good one is used).") var snapshot: String

    func run() throws {
        let settings = try options.settings()
        guard !settings.isGiven("snapshots") else {
            throw UsageError("predict learns nothing: use --snapshot, not --snapshots")
        }
        let file = try Self.file(snapshot)
        var stream = try StreamRun(settings, defaultPredictions: "-", snapshot: try SnapshotCommand.open(file))
        stream.options.learns = false
        stream.options.snapshotPath = file
        try stream.execute()
    }

    private static func file(_ path: String) throws -> String {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw EngineError("cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return path }
        for candidate in try SnapshotStore.paths(in: path).reversed() {
            do {
                try Snapshot(path: candidate).verify()
                return candidate
            } catch { complain("thalweg: \(error); using the one before it") }
        }
        throw EngineError("there is no good snapshot in '\(path)'")
    }
}

/// A run as the settings describe it.
struct StreamRun {
    let settings: Settings
    let configuration: Configuration
    var options = RunOptions()
    /// Nil: the model is not served.
    var service: ServiceOptions?

    /// - Parameter snapshot: what is not set is as it was when this was made.
    /// - Parameter learnsOverHTTP: requests may bring targets of records predicted before.
    init(
        _ settings: Settings, defaultPredictions: String, snapshot: Snapshot? = nil, learnsOverHTTP: Bool = false
    ) throws {
        let isPredicting = snapshot != nil
        self.settings = settings
        var configuration = try settings.configuration()
        if !isPredicting {
            let joins = learnsOverHTTP && !configuration.needsPromptTargets
            configuration.delay = try settings.delayOptions(learnsOverHTTP: joins)
            configuration.order = try settings.orderOptions(configuration)
        }
        if let made = snapshot?.metadata["configuration"] {
            do { try configuration.adopt(made, keeping: settings.isGiven) } catch {
                throw UsageError(error.description)
            }
        }
        do { try configuration.checkOutputs() } catch { throw UsageError(error.description) }
        self.configuration = configuration
        options.stop = stopRequest
        options.warn = { complain("thalweg: \($0)") }
        options.progress = try settings.progressTable()
        let predictions = settings.text("predictions") ?? defaultPredictions
        if predictions != "none" { options.predictions = try settings.sink(predictions) }
        if let place = settings.text("quarantine") { options.quarantine = try settings.sink(place) }
        if !isPredicting, let targets = try settings.targetSource(batchWait: configuration.batchWait) {
            options.targets = targets.source
            options.joinsInTurns = try targets.isFile && settings.inputEnds() && !learnsOverHTTP
        }
    }

    func execute() throws {
        installSignalHandlers()
        // What only starting needed (arguments, settings, the type tables of all libraries) is half of the resident code.
        image_release()
        let json = try settings.flag("json")
        let report: RunReport
        do { report = try run() } catch let error as ConnectorError {
            throw EngineError(error.description)
        } catch let error as SnapshotError {
            throw EngineError(error.description)
        } catch let error as EngineError where error.kind == .stopped && isEndOfService { return }
        if settings.text("progress") != "none" { complain(report.summary) }
        if json { try printData(report.json.text) }
        if service == nil, report.records == 0, report.rejected > 0 {
            throw EngineError(
                "no record could be used: \(report.rejected) rejected; first: \(report.firstRejected ?? "")")
        }
        if options.snapshots != nil, report.snapshotPath == nil {
            throw EngineError("the last snapshot could not be written: running again continues from the one before")
        }
        if stopRequest.signal > 0, !isEndOfService { throw ExitCode(128 + stopRequest.signal) }
    }

    /// How a service ends that was told to: that is what it should do.
    private var isEndOfService: Bool { service != nil && stopRequest.signal == SIGTERM }

    /// Runs to the end; with a service until a stop.
    private func run() throws -> RunReport {
        guard let service else {
            let source = try settings.source(batchWait: configuration.batchWait)
            return try Run(configuration, source: source, options: options).execute()
        }
        var options = options
        let live = LiveModel()
        let inbox = RecordInbox(maximumBytes: service.maximumBodyBytes)
        let source: any Source = settings.hasNoInput ? inbox : try settings.source(batchWait: configuration.batchWait)
        options.live = live
        if !settings.hasNoInput { options.inbox = inbox }
        // Its status may be asked for by any thread.
        nonisolated(unsafe) let messages = settings.hasNoInput ? nil : source as? any MessageSource
        let run = try Run(configuration, source: source, options: options)
        let server: HTTPService
        do throws(ServiceError) {
            server = try HTTPService.start(
                service, live: live, inbox: inbox, stop: options.stop, source: { messages?.status },
                warn: warnOnStderr)
        } catch { throw EngineError(error.description) }
        complain("listening on \(server.address)")
        defer { server.shutdown() }
        return try run.execute()
    }
}

extension Settings {
    func snapshotOptions() throws -> SnapshotOptions? {
        guard let directory = text("snapshots") else {
            for name in ["snapshot-every-records", "snapshot-every", "snapshot-keep"] where isGiven(name) {
                throw UsageError("--\(name) needs --snapshots DIRECTORY")
            }
            return nil
        }
        var options = SnapshotOptions(directory: directory)
        options.everyRecords = try integer("snapshot-every-records", in: 0...Int.max)
        let byTime = isGiven("snapshot-every") || options.everyRecords == 0
        options.everySeconds = byTime ? try seconds("snapshot-every") : 0
        options.keep = try integer("snapshot-keep", in: 1...1_000_000)
        return options
    }

    func progressTable() throws -> ProgressTable? {
        let isTerminal = isatty(2) == 1
        switch text("progress") ?? "auto" {
        case "none": return nil
        case "auto": return ProgressTable(interval: 0, isTerminal: isTerminal)
        default: return ProgressTable(interval: try integer("progress", in: 1...Int.max), isTerminal: isTerminal)
        }
    }
}
