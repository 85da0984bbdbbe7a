import Connectors
import Engine
import Evaluation
import JSON

/// Looks at the run once a second and tells the listeners what it sees.
struct Monitor {
    private static let heartbeat = 15
    private let state: ServiceState
    private var lastTime = monotonicNanoseconds()
    private var lastRecords: Int?
    private var lastLearned = 0
    private var lastLoss = 0.0
    private var lastCounts = MetricsRegistry.Counts()
    private var looks = 0
    private var observation: [(String, JSONValue)] = []
    /// Of the last looks: percentiles of one second alone would jump.
    private var latencies = [DurationHistogram()]
    private static let window = 10
    /// Drifts of each kind in the status.
    private static let shown = 50
    /// What was there at the last look; nil: there was none.
    private var told: (drifts: Int, warnings: Int, fields: Int)?

    init(_ state: ServiceState) { self.state = state }

    /// Until the task is cancelled.
    mutating func run() async {
        var beats = 0
        while !Task.isCancelled {
            beats += 1
            if beats % Self.heartbeat == 0 { state.events.beat() }
            for event in newDrifts() {
                var writer = JSONWriter()
                writer.write(event)
                state.events.send("drift", writer.bytes, greets: false)
            }
            var writer = JSONWriter()
            writer.write(look())
            state.events.send("status", writer.bytes)
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// The state of the run, and what changed since the last look.
    private mutating func look() -> JSONValue {
        let now = monotonicNanoseconds()
        let elapsed = max(1e-3, Double(now - lastTime) / 1e9)
        lastTime = now
        var members: [(String, JSONValue)] = [
            ("ready", .boolean(state.unreadiness == nil)),
            ("reason", state.unreadiness.map { .string($0) } ?? .null), ("time", .number(wallSeconds())),
        ]
        let activity = state.live.activity
        if let status = state.live.status { members += model(status, activity, elapsed) }
        members.append(("lag", .object(state.lags.map { ($0.part, $0.records.map { JSONValue($0) } ?? .null) })))
        if let source = state.source(), !source.counters.isEmpty {
            members.append(("source", .object(source.counters.map { ($0.name, JSONValue($0.count)) })))
        }
        if activity.snapshots.isOn { members.append(("snapshots", Self.snapshots(activity.snapshots))) }
        let changes = zip(SchemaChange.Kind.allCases, activity.schemaChanges).map { ($0.rawValue, JSONValue($1)) }
        members.append(("schema_changes", .object(changes)))
        members += service(elapsed)
        members.append(("learn_batch", Self.percentiles(activity.batchSeconds)))
        members += observed()
        return .object(members)
    }

    /// Drifts of the model and of fields since the last look: an event each.
    private mutating func newDrifts() -> [JSONValue] {
        guard let drift = state.live.status?.drift else { return [] }
        let fields = drift.fieldEvents ?? []
        let fieldCount = drift.fieldCounts.reduce(0) { $0 + $1.count }
        defer { told = (drift.driftCount, drift.warningCount, fieldCount) }
        // Of what was there before the service nobody needs to be told.
        guard let told else { return [] }
        func latest(_ records: [Int], _ count: Int, _ kind: String) -> [JSONValue] {
            records.suffix(max(0, count)).map { record in
                .object([
                    ("kind", .string(kind)), ("record", JSONValue(record)),
                    ("detector", .string(drift.detector ?? "")), ("action", .string(drift.action.rawValue)),
                ])
            }
        }
        let changes = fields.suffix(max(0, fieldCount - told.fields)).map { event in
            JSONValue.object([
                ("kind", .string("field")), ("record", JSONValue(event.record)), ("field", .string(event.field)),
                ("detector", .string(drift.fieldTest)), ("statistic", .number(event.statistic)),
            ])
        }
        return latest(drift.warnings, drift.warningCount - told.warnings, "warning")
            + latest(drift.drifts, drift.driftCount - told.drifts, "drift") + changes
    }

    /// Drifts for the charts and the table of the page: the latest of the model, then of fields.
    private static func drifts(_ drift: DriftStatus?) -> [(String, JSONValue)] {
        guard let drift else { return [] }
        let model = drift.drifts.suffix(shown).map { record in
            (record, JSONValue.object([("record", JSONValue(record)), ("detector", .string(drift.detector ?? ""))]))
        }
        let fields = (drift.fieldEvents ?? []).suffix(shown).map { event in
            (
                event.record,
                JSONValue.object([
                    ("record", JSONValue(event.record)), ("field", .string(event.field)),
                    ("detector", .string("\(drift.fieldTest) of \(event.field)")),
                ])
            )
        }
        return [
            ("drifts", .array((model + fields).sorted { $0.0 < $1.0 }.map(\.1))),
            ("drift_count", JSONValue(drift.driftCount)), ("warning_count", JSONValue(drift.warningCount)),
        ]
    }

    /// What the records look like, looked at every second time: nobody pays for what nobody sees.
    private mutating func observed() -> [(String, JSONValue)] {
        guard state.events.clients > 0 else { return [] }
        looks += 1
        if looks % 2 == 1 || observation.isEmpty { observation = state.live.observe()?.members ?? [] }
        return observation
    }

    private mutating func model(
        _ status: ModelStatus, _ activity: RunActivity, _ elapsed: Double
    ) -> [(String, JSONValue)] {
        let rate = Double(status.records - (lastRecords ?? status.records)) / elapsed
        lastRecords = status.records
        return [
            ("version", JSONValue(status.info.version)), ("sequence", JSONValue(status.info.sequence)),
            ("task", .string(status.task.rawValue)), ("learner", .string(status.learner)),
            ("classes", .array(status.classes.prefix(100).map { .string($0) })),
            ("target", status.target.map { .string($0) } ?? .null), ("records", JSONValue(status.records)),
            ("learned", JSONValue(status.learned)), ("rejected", JSONValue(status.rejected)),
            ("records_per_second", .number(max(0, rate))), ("metrics", .values(status.metrics)),
            ("baselines", .values(status.baselines)), ("loss_since_last", JSONValue(lossSinceLast(status))),
            ("age_seconds", .number(status.ageSeconds)),
            ("age_records", JSONValue(max(0, activity.learned - status.info.version))),
            ("bytes", JSONValue(status.bytes)), ("delayed", status.targets?.json ?? .null),
        ] + Self.drifts(status.drift)
    }

    /// The average loss of what was learned since the last look; nil: nothing was.
    private mutating func lossSinceLast(_ status: ModelStatus) -> Double? {
        let average = status.metrics.first { $0.name == "average_loss" }?.value ?? 0
        let loss = average * Double(status.learned)
        defer {
            lastLoss = loss
            lastLearned = status.learned
        }
        let learned = status.learned - lastLearned
        return learned > 0 ? max(0, loss - lastLoss) / Double(learned) : nil
    }

    private mutating func service(_ elapsed: Double) -> [(String, JSONValue)] {
        let counts = state.registry.current
        defer { lastCounts = counts }
        let recent = counts.predictSeconds.since(latencies[0])
        latencies.append(counts.predictSeconds)
        if latencies.count > Self.window { latencies.removeFirst() }
        let requests = counts.requestSeconds.count
        let predictions = counts.predictions
        return [
            ("latency", Self.percentiles(recent)),
            (
                "service",
                .object([
                    ("requests", JSONValue(requests)),
                    ("requests_per_second", .number(Double(requests - lastCounts.requestSeconds.count) / elapsed)),
                    ("predictions", JSONValue(predictions)),
                    ("predictions_per_second", .number(Double(predictions - lastCounts.predictions) / elapsed)),
                    ("accepted", JSONValue(counts.accepted)), ("refused", JSONValue(counts.refused)),
                    ("clients", JSONValue(state.events.clients)),
                ])
            ),
        ]
    }

    /// In milliseconds.
    private static func percentiles(_ histogram: DurationHistogram) -> JSONValue {
        let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)]
        return .object(
            shares.map { ($0.0, JSONValue(histogram.quantile($0.1).map { $0 * 1000 })) }
                + [("count", JSONValue(histogram.count))])
    }

    private static func snapshots(_ snapshots: SnapshotActivity) -> JSONValue {
        .object([
            ("count", JSONValue(snapshots.taken)), ("failures", JSONValue(snapshots.failures)),
            ("age_seconds", JSONValue(snapshots.lastTime.map { max(0, wallSeconds() - $0) })),
            ("seconds", snapshots.taken > 0 ? .number(snapshots.lastSeconds) : .null),
            ("bytes", snapshots.taken > 0 ? JSONValue(snapshots.lastBytes) : .null),
            ("records", snapshots.taken > 0 ? JSONValue(snapshots.lastRecords) : .null),
        ])
    }
}
