import Connectors
import Engine
import Evaluation
import Hummingbird

extension ServiceState {
    func addMetricsRoutes(to table: RouteTable) {
        table.get("/metrics") { [self] _, _ in
            .body(Array(prometheus.utf8), type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    private var prometheus: String {
        var text = PrometheusText()
        text.family("build_info", "gauge", "The engine's version.")
        text.sample("build_info", 1, [("version", engineVersion)])
        text.single("ready", "gauge", "1 while requests are welcome.", unreadiness == nil ? 1 : 0)
        addService(to: &text)
        let activity = live.activity
        if let status = live.status { addModel(status, activity, to: &text) }
        addLearning(activity, to: &text)
        addSnapshots(activity.snapshots, to: &text)
        if let source = source() { Self.addSource(source, to: &text) }
        return text.text
    }

    private func addService(to text: inout PrometheusText) {
        let counts = registry.current
        text.family("http_requests_total", "counter", "Requests by route and status code.")
        for (route, count) in counts.requests.sorted(by: { ($0.key.path, $0.key.code) < ($1.key.path, $1.key.code) }) {
            text.sample(
                "http_requests_total", Double(count), [("route", route.path), ("code", String(route.code))])
        }
        text.histogram("http_request_seconds", "From a request's head to its answer.", counts.requestSeconds)
        text.histogram("predict_seconds", "Reading and predicting the records of a request.", counts.predictSeconds)
        text.single("predictions_total", "counter", "Records predicted over HTTP.", Double(counts.predictions))
        text.single("records_refused_total", "counter", "Records of requests that are none.", Double(counts.refused))
        text.single("records_accepted_total", "counter", "Records taken in over HTTP.", Double(counts.accepted))
        text.single("event_streams", "gauge", "Open event streams.", Double(events.clients))
        let waiting = inbox?.waiting ?? (0, 0)
        text.single("inbox_records", "gauge", "Records that wait to be learned.", Double(waiting.0))
        text.single("inbox_bytes", "gauge", "Bytes of records that wait to be learned.", Double(waiting.1))
    }

    private func addModel(_ status: ModelStatus, _ activity: RunActivity, to text: inout PrometheusText) {
        text.single("model_version", "gauge", "Records learned by the published version.", Double(status.info.version))
        text.single("model_age_seconds", "gauge", "Since the current version was published.", status.ageSeconds)
        text.single(
            "model_age_records", "gauge", "Records learned and not yet published.",
            Double(max(0, activity.learned - status.info.version)))
        text.single("model_bytes", "gauge", "Bytes of all learned arrays.", Double(status.bytes))
        text.single("records_ingested_total", "counter", "Records of all sources.", Double(status.records))
        text.single("records_learned_total", "counter", "Records with a target.", Double(status.learned))
        text.family("records_rejected_total", "counter", "Records that could not be learned, by reason.")
        text.sample("records_rejected_total", Double(status.rejected), [("reason", "unreadable")])
        text.family("metric_value", "gauge", "Test-then-train metrics since the beginning.")
        for metric in status.metrics { text.sample("metric_value", metric.value, [("name", metric.name)]) }
        text.family("baseline_value", "gauge", "What predictors reach that look at no field.")
        for metric in status.baselines { text.sample("baseline_value", metric.value, [("name", metric.name)]) }
    }

    private func addLearning(_ activity: RunActivity, to text: inout PrometheusText) {
        text.histogram("learn_batch_seconds", "Predicting and learning a mini-batch.", activity.batchSeconds)
        text.single("publications_total", "counter", "Versions published.", Double(activity.publications))
    }

    private func addSnapshots(_ snapshots: SnapshotActivity, to text: inout PrometheusText) {
        text.single("snapshots_total", "counter", "Durable snapshots.", Double(snapshots.taken))
        text.single("snapshot_failures_total", "counter", "Snapshots that failed.", Double(snapshots.failures))
        guard let time = snapshots.lastTime else { return }
        text.single(
            "snapshot_last_success_timestamp_seconds", "gauge", "When the newest snapshot was durable.", time)
        text.single("snapshot_age_seconds", "gauge", "Since the newest snapshot.", max(0, wallSeconds() - time))
        text.single("snapshot_seconds", "gauge", "The newest snapshot took.", snapshots.lastSeconds)
        text.single("snapshot_bytes", "gauge", "Of the newest snapshot.", Double(snapshots.lastBytes))
    }

    private static func addSource(_ source: SourceStatus, to text: inout PrometheusText) {
        text.single(
            "source_connected", "gauge", "0 while nothing can come from the input.", source.disconnection == nil ? 1 : 0
        )
        text.family("source_lag_records", "gauge", "Records of each part not yet consumed.")
        for lag in source.lags where lag.records != nil {
            text.sample("source_lag_records", Double(lag.records ?? 0), [("part", lag.part)])
        }
        text.family("source_events_total", "counter", "What the source counts.")
        for counter in source.counters {
            text.sample("source_events_total", Double(counter.count), [("kind", counter.name)])
        }
    }
}
