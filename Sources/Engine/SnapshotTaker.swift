import Connectors
import Dispatch
import Glibc
import JSON
import Snapshots
import State
import Synchronization

/// Where a run stood when a snapshot was taken.
struct RunPosition: Sendable {
    var parts: [PartPosition] = []
    var predictions = 0
    var quarantine = 0
    /// Lines of records already learned that a sink did not take; a resumed run writes them first.
    var unsentPredictions = ""
    var unsentQuarantine = ""
    /// Names the worker whose snapshots these are to the source's other side.
    var worker = ""
    /// Which of the parts are the targets'.
    var targetParts: [String] = []

    var json: JSONValue {
        .object([
            ("parts", .array(parts.map(\.json))), ("predictions", JSONValue(predictions)),
            ("quarantine", JSONValue(quarantine)), ("unsent_predictions", .string(unsentPredictions)),
            ("unsent_quarantine", .string(unsentQuarantine)),
            ("worker", .string(worker)), ("target_parts", .array(targetParts.map { .string($0) })),
        ])
    }

    init() {}

    init?(_ json: JSONValue) {
        guard let parts = json["parts"]?.array?.map(PartPosition.init), !parts.contains(nil),
            let predictions = json["predictions"]?.integer, let quarantine = json["quarantine"]?.integer,
            let unsentPredictions = json["unsent_predictions"]?.string,
            let unsentQuarantine = json["unsent_quarantine"]?.string
        else { return nil }
        self.parts = parts.compactMap { $0 }
        self.predictions = predictions
        self.quarantine = quarantine
        self.unsentPredictions = unsentPredictions
        self.unsentQuarantine = unsentQuarantine
        worker = json["worker"]?.string ?? ""
        targetParts = json["target_parts"]?.array?.compactMap(\.string) ?? []
    }
}

extension PartPosition {
    var json: JSONValue {
        .object([
            ("name", .string(name)), ("offset", JSONValue(offset)), ("line", JSONValue(line)),
            ("done", .boolean(isDone)), ("fingerprint", .string(fingerprint)),
            ("fingerprint_bytes", JSONValue(fingerprintBytes)), ("context", .string(context)),
        ])
    }

    init?(_ json: JSONValue) {
        guard let name = json["name"]?.string, let offset = json["offset"]?.integer, let line = json["line"]?.integer,
            let isDone = json["done"]?.boolean, let fingerprint = json["fingerprint"]?.string,
            let fingerprintBytes = json["fingerprint_bytes"]?.integer, let context = json["context"]?.string
        else { return nil }
        self.init(name: name)
        self.offset = offset
        self.line = line
        self.isDone = isDone
        self.fingerprint = fingerprint
        self.fingerprintBytes = fingerprintBytes
        self.context = context
    }
}

/// Takes snapshots off the learning thread: the owner publishes into a replica at a batch boundary (cost: what
/// changed), a background queue flushes the sinks and writes the replica.
final class SnapshotTaker: @unchecked Sendable {
    private let store: SnapshotStore
    private let options: SnapshotOptions
    private let pipeline: Pipeline
    private let published: Pipeline
    private let replica: Replica
    private let replicas: ReplicaGroup
    private let queue = DispatchQueue(label: "thalweg.snapshots")
    private let isBusy = Atomic<Bool>(false)
    private let warn: @Sendable (String) -> Void
    private let sinks: [any Sink]
    private let live: LiveModel?
    /// Told of the positions in every durable snapshot.
    private let acknowledge: @Sendable ([PartPosition]) -> Void
    /// Positions in the newest durable snapshot; written by the background queue, read after `queue.sync`.
    private var durable: [PartPosition]
    /// At the last snapshot.
    private var lastTaken: Int
    private var lastProgress: Int
    private var lastTime = DispatchTime.now().uptimeNanoseconds
    /// The next tick takes one, whatever the interval.
    private var isDueAtOnce: Bool
    /// Written by the background queue, read after `queue.sync`.
    private var newestPath: String?
    private var failures = 0

    init(
        store: SnapshotStore, options: SnapshotOptions, pipeline: Pipeline, replicas: ReplicaGroup, sinks: [any Sink],
        durable: [PartPosition], acknowledge: @escaping @Sendable ([PartPosition]) -> Void,
        warn: @escaping @Sendable (String) -> Void, live: LiveModel?, isDueAtOnce: Bool = false
    ) throws {
        self.isDueAtOnce = isDueAtOnce
        self.live = live
        self.store = store
        self.options = options
        self.pipeline = pipeline
        self.sinks = sinks
        self.durable = durable
        self.acknowledge = acknowledge
        self.warn = warn
        published = try Pipeline(configuration: pipeline.configuration, schema: pipeline.schema)
        self.replicas = replicas
        replica = replicas.makeReplica(twin: published)
        lastTaken = pipeline.taken
        lastProgress = pipeline.progress
    }

    /// At a batch boundary: takes a snapshot when one is due and the last one is written.
    func tick(_ position: @autoclosure () -> RunPosition, format: String) {
        var isDue = isDueAtOnce || options.everyRecords > 0 && pipeline.taken - lastTaken >= options.everyRecords
        if !isDue, options.everySeconds > 0, pipeline.progress != lastProgress {
            let elapsed = DispatchTime.now().uptimeNanoseconds - lastTime
            isDue = Double(elapsed) >= options.everySeconds * 1e9
        }
        guard isDue, !isBusy.load(ordering: .acquiring) else { return }
        take(position(), format: format)
    }

    /// One is being written: no other can be taken.
    var isWriting: Bool { isBusy.load(ordering: .acquiring) }

    /// Seconds until a snapshot by time is due; nil: there is none, or nothing to save.
    var secondsUntilDue: Double? {
        guard options.everySeconds > 0, pipeline.progress != lastProgress
        else { return nil }
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - lastTime) / 1e9
        return max(options.everySeconds - elapsed, 0.01)
    }

    /// Publishes now and writes in the background.
    ///
    /// - Parameter answer: told when it is durable, or why it is not; on the writing thread.
    func take(_ position: RunPosition, format: String, answer: SnapshotRequests.Answer? = nil) {
        let (learned, version) = (pipeline.evaluation.records, pipeline.version)
        isDueAtOnce = false
        replicas.note()
        replica.update()
        let sequence = pipeline.progress
        let records = pipeline.evaluation.records + pipeline.evaluation.rejected
        lastTaken = pipeline.taken
        lastProgress = sequence
        lastTime = DispatchTime.now().uptimeNanoseconds
        isBusy.store(true, ordering: .releasing)
        let metadata = pipeline.snapshotMetadata(position, format: format)
        queue.async { [self] in
            let outcome = write(metadata, sequence, records, position.parts)
            isBusy.store(false, ordering: .releasing)
            answer?(
                outcome.map { path, bytes in
                    TakenSnapshot(name: SnapshotCatalog.name(path), records: learned, version: version, bytes: bytes)
                })
        }
    }

    private func write(
        _ metadata: JSONValue, _ sequence: Int, _ records: Int, _ parts: [PartPosition]
    ) -> Result<(path: String, bytes: Int), EngineError> {
        let started = DispatchTime.now().uptimeNanoseconds
        do {
            // What the snapshot says was written must be there after a power cut.
            for sink in sinks { try sink.flush() }
            let (path, bytes) = try store.write(published.state, metadata: metadata, sequence: sequence)
            newestPath = path
            durable = parts
            acknowledge(parts)
            tell(records, seconds: Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9)
            return .success((path, bytes))
        } catch let error as SnapshotError {
            return fail(error.description)
        } catch let error as ConnectorError {
            return fail(error.description)
        } catch { return fail("\(error)") }
    }

    /// Tells the readers of the live model that a snapshot is durable.
    private func tell(_ records: Int, seconds: Double) {
        guard let live, let newestPath else { return }
        var status = stat()
        let bytes = stat(newestPath, &status) == 0 ? Int(status.st_size) : 0
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        live.note {
            $0.snapshots.taken += 1
            $0.snapshots.lastTime = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
            $0.snapshots.lastSeconds = seconds
            $0.snapshots.lastBytes = bytes
            $0.snapshots.lastRecords = records
        }
    }

    private func fail(_ reason: String) -> Result<(path: String, bytes: Int), EngineError> {
        failures += 1
        live?.note { $0.snapshots.failures += 1 }
        warn("snapshot failed, learning goes on and the next one is tried as usual: \(reason)")
        return .failure(EngineError("the snapshot could not be written: \(reason)"))
    }

    /// The last snapshot, written before this returns. Returns its path; nil when it failed.
    func finish(_ position: RunPosition, format: String) -> String? {
        queue.sync {}
        let before = failures
        take(position, format: format)
        queue.sync {}
        return failures == before ? newestPath : nil
    }

    /// Whether the newest durable snapshot has everything that was consumed of these parts.
    func covers(_ names: [String], _ position: RunPosition) -> Bool {
        queue.sync {}
        return names.allSatisfy { name in
            guard let part = position.parts.first(where: { $0.name == name }) else { return true }
            return part.offset == durable.first { $0.name == name }?.offset ?? 0
        }
    }
}

extension SnapshotStore {
    /// What the oldest of the snapshots that are kept has consumed of a part: whichever is gone back to, nothing before
    /// that is asked for again. Nil: it does not say.
    func oldestOffset(of part: String) -> Int? {
        guard let path = (try? Self.paths(in: directory))?.first, let snapshot = try? Snapshot(path: path),
            let position = snapshot.metadata["position"].flatMap(RunPosition.init)
        else { return nil }
        return position.parts.first { $0.name == part }?.offset
    }
}
