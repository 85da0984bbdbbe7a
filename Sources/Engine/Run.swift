import Components
import Connectors
import Dispatch
import Evaluation
import Formats
import JSON
import Records
import Snapshots
import State

/// One run over a stream: decode on one thread, learn on the caller's, write snapshots on a third.
public final class Run {
    let configuration: Configuration
    let options: RunOptions
    /// The input's first.
    let lanes: [Lane]
    var input: Lane { lanes[0] }
    var targetsLane: Lane? { lanes.first { $0.kind == .targets } }
    /// Records that other threads hand in.
    private let inbox: RecordInbox?
    private let directory: WorkerDirectory?
    private let store: SnapshotStore?
    var taker: SnapshotTaker?
    private var position = RunPosition()
    private var format = ""
    private var quarantine: Quarantine
    private var predicted = 0
    private var rejected = 0
    var failure: EngineError?
    /// Nil: targets come with their records.
    var delayed: DelayedLearning?
    /// Room for records that have their turn.
    private var ordered: OrderedBatch?
    /// Nil: nobody can look.
    private var observer: StreamObserver?

    /// - Throws: when the directory of snapshots cannot be used.
    public init(_ configuration: Configuration, source: any Source, options: RunOptions = RunOptions()) throws {
        self.configuration = configuration
        self.options = options
        quarantine = Quarantine(sink: options.quarantine)
        let directory = try options.snapshots.map {
            try WorkerDirectory(root: $0.directory, isShared: source is any MessageSource && !(source is RecordInbox))
        }
        self.directory = directory
        if let directory { options.live?.keep(SnapshotCatalog(directory.path)) }
        store = try directory.map { try SnapshotStore(directory: $0.path, keep: options.snapshots?.keep ?? 1) }
        inbox = try Self.journalled(source as? RecordInbox ?? options.inbox, options, directory)
        var lanes = [try Lane(source, .input, configuration, options, directory)]
        if let targets = options.targets {
            lanes.append(try Lane(targets, .targets, configuration, options, directory))
        }
        if let inbox, !lanes[0].isInbox { lanes.append(try Lane(inbox, .inbox, configuration, options, directory)) }
        self.lanes = lanes
    }

    /// The inbox with its journal beside the snapshots. Without an inbox, one that only brings what another run left in
    /// the journal.
    private static func journalled(
        _ inbox: RecordInbox?, _ options: RunOptions, _ directory: WorkerDirectory?
    ) throws -> RecordInbox? {
        guard options.learns, let directory else { return inbox }
        let path = "\(directory.path)/\(RecordInbox.journalName)"
        guard inbox != nil || Journal.exists(in: path) else { return nil }
        let used = inbox ?? RecordInbox()
        nonisolated(unsafe) let warn = options.warn
        used.use(try Journal(directory: path, report: options.warn)) { warn($0) }
        if inbox == nil { used.close() }
        return used
    }

    /// Runs to the end of the stream, or until asked to stop.
    ///
    /// - Throws: what kept the run from starting or going on; whatever was learned until then is in a last snapshot.
    public func execute() throws -> RunReport {
        let started = DispatchTime.now().uptimeNanoseconds
        defer {
            for lane in lanes { lane.reader.close() }
            options.live?.end()
        }
        while true {
            if let report = try attempt(since: started) { return report }
            options.warn("parts went to another worker before they were in a snapshot: back to the newest snapshot")
        }
    }

    /// Runs until the end, or until what was learned must be taken back to the newest snapshot (nil).
    private func attempt(since started: UInt64) throws -> RunReport? {
        let resumed = try restore()
        guard let pipeline = try open(resumed) else {
            guard options.stop.signal == 0 else { throw EngineError("stopped before the first record came", .stopped) }
            throw Self.noRecord
        }
        try resumeSinks()
        let replicas = ReplicaGroup(of: pipeline)
        taker = try makeTaker(pipeline, replicas, isResumed: resumed != nil)
        let publication = try options.live.map { try Publication(pipeline, replicas, sequence: $0.sequence) }
        observer = options.live.map { _ in StreamObserver(pipeline.schema, batchSize: configuration.batchSize) }
        if let publication { options.live?.begin(publication, observer, configuration, format: format) }
        let outcome = loop(pipeline, publication)
        if case .lost(let names) = outcome, failure == nil {
            // What is not of the lost parts is worth keeping when nothing of theirs has to go.
            if taker?.covers(names, position) ?? false { _ = taker?.finish(position, format: format) }
            return nil
        }
        // A schema that no record has shown to be right is not worth keeping.
        let hasBegun = resumed != nil || pipeline.evaluation.records > 0
        let path = hasBegun ? taker?.finish(position, format: format) : nil
        for sink in [options.predictions, options.quarantine].compactMap({ $0 }) { try? sink.flush() }
        options.progress?.end()
        if let failure { throw failure }
        if case .failed(let error) = outcome { throw error }
        let sawNothing = !hasBegun && pipeline.evaluation.rejected == 0 && predicted == 0
        if sawNothing, options.stop.signal == 0 { throw Self.noRecord }
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9
        return RunReport(
            pipeline, seconds: seconds, predicted: predicted, rejected: options.learns ? nil : rejected,
            firstRejected: quarantine.first, snapshot: path,
            source: input.isInbox ? nil : (input.source as? any MessageSource)?.status)
    }

    private func makeTaker(
        _ pipeline: Pipeline, _ replicas: ReplicaGroup, isResumed: Bool
    ) throws -> SnapshotTaker? {
        guard let store, let snapshots = options.snapshots else { return nil }
        options.live?.note { $0.snapshots.isOn = true }
        let sinks = [options.predictions, options.quarantine].compactMap { $0 }
        nonisolated(unsafe) let warn = options.warn
        nonisolated(unsafe) let sources = lanes.map(\.source)
        let inbox = inbox
        return try SnapshotTaker(
            store: store, options: snapshots, pipeline: pipeline, replicas: replicas, sinks: sinks,
            durable: position.parts,
            acknowledge: { parts in
                for source in sources { source.acknowledge(parts) }
                if let offset = store.oldestOffset(of: RecordInbox.partName) { inbox?.prune(before: offset) }
            },
            warn: { warn($0) }, live: options.live,
            // Records that are journalled and not in a snapshot are sampled anew after a crash, more of them than came
            // at first; so the schema is saved as soon as it is known.
            isDueAtOnce: !isResumed && input.isInbox)
    }

    private static var noRecord: EngineError { EngineError("the input is empty: there is no record to learn from") }

    // MARK: Starting

    /// The pipeline of the newest good snapshot, nil when there is none.
    private func restore() throws -> Pipeline? {
        var found: Snapshot?
        if let path = options.snapshotPath {
            let snapshot = try Snapshot(path: path)
            try snapshot.verify()
            found = snapshot
        } else if let store {
            found = try store.newest(options.warn)
        }
        guard let found else {
            position = RunPosition()
            position.worker = input.ledger?.worker ?? ""
            return nil
        }
        let restored = try Pipeline.restored(found, configuration)
        if options.learns { position = restored.position }
        if let ledger = input.ledger { position.worker = ledger.adopt(position.worker) }
        format = restored.format
        return restored.pipeline
    }

    /// Opens the source; infers the schema unless a snapshot brought it. Nil: nothing to read and nothing known.
    private func open(_ resumed: Pipeline?) throws -> Pipeline? {
        let name = configuration.format ?? (resumed != nil && !format.isEmpty ? format : nil)
        for lane in lanes {
            lane.positions = position.parts.filter { lane.owns($0, targets: position.targetParts) }
        }
        let hasInput = try input.reader.open(at: input.positions, format: name)
        if hasInput, let descriptor = input.reader.format { format = descriptor.name }
        guard let descriptor = hasInput ? input.reader.format : FormatRegistry.find(format),
            let pipeline = try resumed ?? (hasInput ? infer(descriptor) : nil)
        else { return resumed }
        for lane in lanes where lane.kind == .inbox && lane !== input {
            let inboxFormat = descriptor.isFeatureNative ? descriptor.name : "jsonl"
            _ = try lane.reader.open(at: lane.positions, format: inboxFormat)
        }
        let schema = pipeline.schema.forDecoding(configuration)
        for lane in lanes where lane.kind != .targets {
            try lane.reader.makeDecoder(schema: schema, options: configuration.decoderOptions)
        }
        try prepareTargets(schema)
        return pipeline
    }

    private func infer(_ descriptor: FormatDescriptor) throws -> Pipeline {
        var schemaOptions = configuration.schema
        configuration.applyPreset(to: &schemaOptions)
        if descriptor.isFeatureNative { schemaOptions.target = "label" }
        var sample: Sample
        do { sample = try input.reader.sample() } catch let error as FormatError {
            throw EngineError("\(input.reader.currentPartName): \(error.description)")
        }
        if sample.records == 0, options.stop.signal != 0 {
            throw EngineError("stopped before the first record came", .stopped)
        }
        do {
            try addTargets(to: &sample, &schemaOptions)
            try configuration.schema.checkNames(sample)
            var schema = try SchemaInference.infer(sample, schemaOptions)
            schema.isFeatureNative = descriptor.isFeatureNative
            if sample.records > 0, schemaOptions.target == nil { try requireTarget(schema) }
            configuration.applyPreset(to: &schema, sample)
            try configuration.addOutputs(to: &schema, sample, schemaOptions)
            if configuration.delay?.withheld == nil, configuration.delay != nil {
                schema = schema.withID()
            }
            if case .seconds? = configuration.delay?.withheld, schema.fields(.time).isEmpty {
                throw EngineError(
                    "a --delay by time needs the records' time: say which field has it, --time FIELD", .usage)
            }
            try configuration.markRawFields(of: &schema)
            try configuration.checkOrder(schema)
            let pipeline = try Pipeline(configuration: configuration, schema: schema)
            markGuess(schema, sample, schemaOptions, in: pipeline)
            try pipeline.checkNamedClasses()
            return pipeline
        } catch let error as FormatError {
            // The records are what they are: it is the options that do not fit them.
            throw EngineError("\(input.reader.currentPartName): \(error.description)", .usage)
        } catch let error as SettingError { throw EngineError(error.description, .usage) }
    }

    /// Without a target there is nothing to learn.
    private func requireTarget(_ schema: Schema) throws(EngineError) {
        guard !schema.isFeatureNative, !schema.task.learnsWithoutTarget, schema.fields(.target).isEmpty else { return }
        let names = schema.fields.map(\.name)
        throw EngineError(
            "say which field to predict: --target FIELD. \(input.reader.currentPartName) has: "
                + names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", ..." : ""), .usage)
    }

    /// Where the sample shows one class only, the other's name is a guess.
    private func markGuess(_ schema: Schema, _ sample: Sample, _ options: SchemaOptions, in pipeline: Pipeline) {
        guard schema.task.hasTwoClasses, configuration.preset != .vw, options.positive == nil,
            let target = options.target,
            sample.declaredClasses[target] == nil
        else { return }
        func mark(_ target: String, _ classes: [String], output: Int) {
            let seen = Set((sample.values[target] ?? []).compactMap(\.className))
            let unseen = classes.filter { !seen.contains($0) }
            if unseen.count == 1 { pipeline.markAsGuess(unseen[0], output: output) }
        }
        mark(target, schema.classes, output: 0)
        for (index, further) in schema.furtherOutputs.enumerated() {
            mark(further.name, further.classes, output: index + 1)
        }
    }

    private func resumeSinks() throws {
        try options.predictions?.resume(at: position.predictions)
        try options.quarantine?.resume(at: position.quarantine)
        try options.predictions?.write(Array(position.unsentPredictions.utf8))
        try options.quarantine?.write(Array(position.unsentQuarantine.utf8))
        noteOutput(nil)
    }

    /// Where the sinks stand, and what they did not take.
    private func noteOutput(_ writer: PredictionWriter?) {
        position.predictions = options.predictions?.position ?? 0
        position.quarantine = options.quarantine?.position ?? 0
        position.unsentPredictions = writer?.unsent ?? ""
        position.unsentQuarantine = quarantine.unsent
    }

    // MARK: Learning

    private func loop(_ pipeline: Pipeline, _ publication: Publication?) -> StreamEnd {
        let isInTurns = options.joinsInTurns && lanes.count == 2
        let rings = BatchRings(lanes: lanes.count, depth: 8, isInTurns: isInTurns) { lanes[$0].makeBatch(pipeline) }
        for (lane, ring) in zip(lanes, rings.rings) { lane.start(ring) }
        let features = FeatureBatch(capacity: configuration.batchSize)
        let predictions = PredictionBatch(capacity: configuration.batchSize)
        var writer = options.predictions.map { PredictionWriter(sink: $0, pipeline) }
        if let messages = input.source as? any MessageSource, !input.isInbox {
            options.progress?.source = { messages.status.summary }
        }
        delayed = options.learns ? DelayedLearning(pipeline, clock: options.clock, isServed: options.live != nil) : nil
        var isDropping = false
        options.live?.snapshotRequests.begin(wake: rings.waker)
        if let counts = pipeline.targetCounts, let source = options.progress?.source {
            options.progress?.source = {
                let shown = source()
                return "\(counts[.pending]) pending" + (shown.isEmpty ? "" : ", " + shown)
            }
        }
        options.progress?.begin()
        options.progress?.resume(at: pipeline.evaluation)
        // Twice: memory that is touched for the first time costs a multiple, and would set the pace of the first second.
        for _ in 0..<2 { publish(publication, isDue: true) }
        while true {
            switch rings.next(waiting: idleWait(publication)) {
            case .nothing:
                if delayed?.tick() ?? false { publication?.isBehind = true }
                publish(publication, isDue: true)
                if pipeline.evaluation.records > 0 { taker?.tick(position, format: format) }
            case .batch(let batch, let lane):
                if failure == nil {
                    learn(LearningWork(batch, lanes[lane]), pipeline, features, predictions, &writer)
                }
                if let barrier = batch.barrier {
                    settle(pipeline)
                    barrier.signal()
                }
                rings.rings[lane].giveBack()
                publish(publication, isDue: false)
            case .pair(let records, let targets):
                // After a stop of one lane the other's batches would be learned earlier than without it.
                if failure == nil, !isDropping, let work = LearningWork(records, targets, lanes) {
                    learn(work, pipeline, features, predictions, &writer)
                }
                if records != nil { rings.rings[0].giveBack() }
                if targets != nil { rings.rings[1].giveBack() }
            case .ended(let lane):
                if case .stopped = rings.rings[lane].outcome { isDropping = true }
                didEnd(rings.rings[lane].outcome)
            case .end:
                for lane in lanes { lane.join() }
                if failure == nil { finish(rings.outcome, pipeline, features, predictions, &writer) }
                return rings.outcome
            }
            if let requests = options.live?.snapshotRequests, requests.isWanted { answer(requests, pipeline) }
        }
    }

    /// One lane has ended: the other goes on, unless this one's end is the whole run's.
    private func didEnd(_ outcome: StreamEnd) {
        switch outcome {
        case .failed:
            if options.stop.signal == 0 { options.stop.request(-1) }
            for lane in lanes { lane.stopInbox(forGood: true) }
        case .lost: for lane in lanes { lane.stopInbox(forGood: false) }
        default: break
        }
    }

    /// Takes the snapshot that somebody wants, once the one before it is written.
    private func answer(_ requests: SnapshotRequests, _ pipeline: Pipeline) {
        guard let taker, pipeline.evaluation.records > 0, failure == nil else {
            let reason = taker == nil ? "this run keeps no snapshots" : "there is nothing to save yet"
            for answer in requests.take() { answer(.failure(EngineError(reason))) }
            return
        }
        guard !taker.isWriting else { return }
        let answers = requests.take()
        taker.take(position, format: format) { outcome in for answer in answers { answer(outcome) } }
    }

    /// How long to wait for a batch before looking whether something is left to publish or to save; nil: for ever.
    private func idleWait(_ publication: Publication?) -> Double? {
        if publication?.isBehind ?? false { return 0.001 }
        // The snapshot being written comes first.
        if options.live?.snapshotRequests.isWanted ?? false { return 0.002 }
        return [taker?.secondsUntilDue, delayed?.secondsUntilDue].compactMap { $0 }.min()
    }

    private func publish(_ publication: Publication?, isDue: Bool) {
        guard let publication else { return }
        let done = isDue ? publication.publish(position.parts) : publication.tick(position.parts)
        if done { options.live?.didPublish(position.parts, version: publication.version) }
    }

    /// Takes one batch through everything. On failure asks the reader to stop; later batches are dropped.
    func learn(
        _ work: LearningWork, _ pipeline: Pipeline, _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ writer: inout PredictionWriter?
    ) {
        let started = options.live == nil ? 0 : DispatchTime.now().uptimeNanoseconds
        do {
            try step(work, pipeline, features, predictions, &writer)
            options.live?.note { activity in
                activity.batchSeconds.add(Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9)
                activity.learned = pipeline.evaluation.learned
                if work.lane.kind != .targets { activity.add(work.batch.records, isInbox: work.lane.isInbox) }
            }
        } catch let error as ConnectorError {
            fail(EngineError(error.description, error.disposition == .closed ? .closed : .runtime))
        } catch let error as EngineError {
            fail(error)
        } catch { fail(EngineError("\(error)")) }
    }

    /// Makes durable what was learned, so that other workers may go on from there.
    private func settle(_ pipeline: Pipeline) {
        guard failure == nil, let taker, pipeline.evaluation.records + pipeline.evaluation.rejected > 0 else { return }
        guard taker.finish(position, format: format) == nil else { return }
        fail(EngineError("parts go to another worker, and what was learned of them could not be saved"))
    }

    private func fail(_ error: EngineError) {
        failure = error
        if options.stop.signal == 0 { options.stop.request(-1) }
        for lane in lanes { lane.stopInbox(forGood: true) }
    }

    private func step(
        _ work: LearningWork, _ pipeline: Pipeline, _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ writer: inout PredictionWriter?
    ) throws {
        guard !work.isEmpty || work.isLast else { return note(work) }
        let batch = work.batch
        let records = batch.records
        let progress = options.progress
        let evaluation = pipeline.evaluation
        var output = writer
        writer = nil
        output?.setClasses(of: pipeline)
        let revision = pipeline.classRevision
        let observer = observer
        if work.lane.kind != .targets {
            observer?.note(records)
            try noteSchema(records, pipeline)
        }
        var observed = observer?.firstRow ?? .max
        func score(
            _ row: Int, _ records: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch,
            _ version: Int, _ known: Int
        ) {
            // A class gets its name with the record that brings it, not with its mini-batch.
            if output != nil, pipeline.classRevision != revision,
                delayed != nil
                    || output?.name(of: features.classes[row]) != pipeline.targetName(row, features)
                    || output?.namesFurther(row, features, pipeline) == false
            {
                output?.setClasses(of: pipeline)
            }
            if output != nil {
                let part = batch.positions[records.positions[row].part].name
                output?.add(row, records, features, predictions, known: known, partName: part, version: version)
            }
            if let progress, progress.isDue(evaluation.records) {
                progress.line(
                    evaluation, target: pipeline.targetText(row, features),
                    prediction: pipeline.predictionText(row, predictions),
                    features: features.featureCount(of: row))
            }
            if row >= observed {
                observed = observer?.note(row, features, predictions, known: known) ?? .max
            }
        }
        func learn(_ records: RecordBatch, inOrder: Bool) {
            if let delayed {
                if inOrder {
                    delayed.process(records, .records, features, predictions, scored: score)
                } else {
                    delayed.process(work, features, predictions, scored: score)
                }
                options.live?.noteUnmatched(delayed.unmatchedOffsets)
            } else {
                pipeline.process(records, features, predictions, learning: options.learns) {
                    row, features, version, known in
                    score(row, records, features, predictions, version, known)
                }
            }
            predicted += work.lane.kind == .targets ? 0 : records.rows
            rejected += records.rejected.count
            quarantine.add(records) { batch.positions[$0].name }
        }
        if let order = pipeline.order, work.lane.kind == .input, options.learns {
            let ordered = ordered ?? OrderedBatch(pipeline)
            self.ordered = ordered
            order.take(records, isLast: work.isLast, into: ordered) { learn($0, inOrder: true) }
        } else {
            learn(records, inOrder: false)
        }
        writer = output
        if let targets = work.targets { quarantine.add(targets.records) { targets.positions[$0].name } }
        // The batch is learned, whether or not its output finds its way: a snapshot must say so.
        note(work)
        do {
            defer { noteOutput(writer) }
            try writer?.send()
            try quarantine.send()
        }
        for sighting in pipeline.takeSightings() {
            progress?.mark(sighting.kind.rawValue, record: sighting.event.record, pipeline.text(of: sighting))
        }
        progress?.live(evaluation)
        if evaluation.records > 0 { taker?.tick(position, format: format) }
        if quarantine.exceeds(configuration.maximumRejected) {
            throw EngineError(
                "more than \(configuration.maximumRejected) of the last \(Quarantine.window) records were rejected "
                    + "(--max-rejected); the first: \(quarantine.first ?? "")")
        }
    }

    private func note(_ work: LearningWork) {
        work.lane.positions = work.batch.positions
        if let targets = work.targets { targetsLane?.positions = targets.positions }
        position.parts = lanes.flatMap(\.positions)
        position.targetParts = targetsLane?.positions.map(\.name) ?? []
    }
}
