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
    /// Of the last looks: percentiles of one second alone would jump.
    private var latencies = [DurationHistogram()]
    private static let window = 10

    init(_ state: ServiceState) { self.state = state }

    /// Until the task is cancelled.
    mutating func run() async {
        var beats = 0
        while !Task.isCancelled {
            beats += 1
            if beats % Self.heartbeat == 0 { state.events.beat() }
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
        members.append(("lag", Self.lag(state.source())))
        members.append(("snapshots", Self.snapshots(activity.snapshots)))
        members += service(elapsed)
        members.append(("learn_seconds", Self.percentiles(activity.batchSeconds)))
        return .object(members)
    }

    private mutating func model(
        _ status: ModelStatus, _ activity: RunActivity, _ elapsed: Double
    ) -> [(String, JSONValue)] {
        let rate = Double(status.records - (lastRecords ?? status.records)) / elapsed
        lastRecords = status.records
        return [
            ("version", JSONValue(status.info.version)), ("sequence", JSONValue(status.info.sequence)),
            ("task", .string(status.task.rawValue)), ("learner", .string(status.learner)),
            ("target", status.target.map { .string($0) } ?? .null), ("records", JSONValue(status.records)),
            ("learned", JSONValue(status.learned)), ("rejected", JSONValue(status.rejected)),
            ("records_per_second", .number(max(0, rate))), ("metrics", .values(status.metrics)),
            ("baselines", .values(status.baselines)), ("loss_since_last", JSONValue(lossSinceLast(status))),
            ("age_seconds", .number(status.ageSeconds)),
            ("age_records", JSONValue(max(0, activity.learned - status.info.version))),
            ("bytes", JSONValue(status.bytes)), ("targets", status.targets?.json ?? .null),
        ]
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
            ("requests", JSONValue(requests)),
            ("requests_per_second", .number(Double(requests - lastCounts.requestSeconds.count) / elapsed)),
            ("predictions", JSONValue(predictions)),
            ("predictions_per_second", .number(Double(predictions - lastCounts.predictions) / elapsed)),
            ("accepted", JSONValue(counts.accepted)), ("refused", JSONValue(counts.refused)),
            ("clients", JSONValue(state.events.clients)),
            ("inbox_records", JSONValue(state.inbox?.waiting.records ?? 0)),
        ]
    }

    private static func percentiles(_ histogram: DurationHistogram) -> JSONValue {
        .object([
            ("p50", JSONValue(histogram.quantile(0.5))), ("p90", JSONValue(histogram.quantile(0.9))),
            ("p99", JSONValue(histogram.quantile(0.99))),
        ])
    }

    private static func lag(_ source: SourceStatus?) -> JSONValue {
        .object((source?.lags ?? []).map { ($0.part, $0.records.map { JSONValue($0) } ?? .null) })
    }

    private static func snapshots(_ snapshots: SnapshotActivity) -> JSONValue {
        .object([
            ("taken", JSONValue(snapshots.taken)), ("failures", JSONValue(snapshots.failures)),
            ("age_seconds", JSONValue(snapshots.lastTime.map { max(0, wallSeconds() - $0) })),
            ("seconds", .number(snapshots.lastSeconds)), ("bytes", JSONValue(snapshots.lastBytes)),
            ("records", JSONValue(snapshots.lastRecords)),
        ])
    }
}
