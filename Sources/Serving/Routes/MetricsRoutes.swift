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
        addStream(activity, to: &text)
        addModel(live.status, activity, to: &text)
        addSnapshots(activity.snapshots, to: &text)
        addSource(to: &text)
        return text.text
    }

    private func addService(to text: inout PrometheusText) {
        let counts = registry.current
        text.family("http_requests_total", "counter", "Requests by route and status code.")
        for (route, count) in counts.requests.sorted(by: { ($0.key.path, $0.key.code) < ($1.key.path, $1.key.code) }) {
            text.sample(
                "http_requests_total", Double(count), [("route", route.path), ("code", String(route.code))])
        }
        text.family("predict_requests_total", "counter", "Requests that ask for predictions, by status code.")
        var byCode: [Int: Int] = [:]
        for (route, count) in counts.requests where Self.isPrediction(route.path) {
            byCode[route.code, default: 0] += count
        }
        for (code, count) in byCode.sorted(by: { $0.key < $1.key }) {
            text.sample("predict_requests_total", Double(count), [("code", String(code))])
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

    private static func isPrediction(_ path: String) -> Bool {
        path == "/predict" || path == "/invocations" || path.hasSuffix("/infer")
    }

    private func addStream(_ activity: RunActivity, to text: inout PrometheusText) {
        text.family("records_ingested_total", "counter", "Records taken in, by source; rejected ones too.")
        text.sample("records_ingested_total", Double(activity.ingestedFromInput), [("source", "input")])
        text.sample("records_ingested_total", Double(activity.ingestedFromInbox), [("source", "http")])
        text.family("records_rejected_total", "counter", "Records that could not be learned, by reason.")
        for rejection in RejectionClass.allCases {
            text.sample(
                "records_rejected_total", Double(activity.rejected(rejection)), [("reason", rejection.rawValue)])
        }
        text.single(
            "nonfinite_total", "counter", "Records held back because a number in them is not finite or out of range.",
            Double(activity.rejected(.outOfRange)))
        text.histogram("learn_batch_seconds", "Predicting and learning a mini-batch.", activity.batchSeconds)
        text.family("schema_changes_total", "counter", "Records that stopped fitting the schema, by kind.")
        for (kind, count) in zip(SchemaChange.Kind.allCases, activity.schemaChanges) {
            text.sample("schema_changes_total", Double(count), [("kind", kind.rawValue)])
        }
        text.single("publications_total", "counter", "Versions published.", Double(activity.publications))
    }

    /// - Parameter status: nil before the first version: numbers are 0 then.
    private func addModel(_ status: ModelStatus?, _ activity: RunActivity, to text: inout PrometheusText) {
        let version = status?.info.version ?? 0
        text.single("model_version", "gauge", "Records learned by the published version.", Double(version))
        text.single("model_age_seconds", "gauge", "Since the current version was published.", status?.ageSeconds ?? 0)
        text.single(
            "model_age_records", "gauge", "Records learned and not yet published.",
            Double(max(0, activity.learned - version)))
        text.single(
            "learn_updates_total", "counter", "Records learned in the model's life, earlier runs included.",
            Double(max(activity.learned, version)))
        text.family("state_bytes", "gauge", "Bytes of learned arrays, by component.")
        for component in status?.componentBytes ?? [] {
            text.sample("state_bytes", Double(component.bytes), [("component", component.name)])
        }
        if let targets = status?.targets { addTargets(targets, to: &text) }
        addDrift(status?.drift, to: &text)
        text.family("metric_value", "gauge", "Test-then-train metrics since the model began.")
        for metric in status?.metrics ?? [] { text.sample("metric_value", metric.value, [("name", metric.name)]) }
        text.family("baseline_value", "gauge", "What predictors reach that look at no field.")
        for metric in status?.baselines ?? [] { text.sample("baseline_value", metric.value, [("name", metric.name)]) }
    }

    /// - Parameter drift: nil: nothing is watched.
    private func addDrift(_ drift: DriftStatus?, to text: inout PrometheusText) {
        let labels = drift?.detector.map { [("detector", $0)] }
        text.family("drifts_total", "counter", "Drifts in the model's life that the detector saw.")
        if let drift, let labels { text.sample("drifts_total", Double(drift.driftCount), labels) }
        text.family("drift_warnings_total", "counter", "Beginnings of warning zones.")
        if let drift, let labels { text.sample("drift_warnings_total", Double(drift.warningCount), labels) }
        text.family("feature_drifts_total", "counter", "Changes of a field's distribution.")
        for field in drift?.fieldCounts ?? [] {
            let labels = [("field", field.field), ("test", drift?.fieldTest ?? "")]
            text.sample("feature_drifts_total", Double(field.count), labels)
        }
    }

    private func addSnapshots(_ snapshots: SnapshotActivity, to text: inout PrometheusText) {
        let now = wallSeconds()
        // An alert on age must work before the first one, too.
        let age = snapshots.isOn ? max(0, now - (snapshots.lastTime ?? startSeconds)) : 0
        text.single("snapshots_total", "counter", "Durable snapshots.", Double(snapshots.taken))
        text.single("snapshot_failures_total", "counter", "Snapshots that failed.", Double(snapshots.failures))
        text.single(
            "snapshot_last_success_timestamp_seconds", "gauge",
            "When the newest snapshot was durable; 0: there is none.",
            snapshots.lastTime ?? 0)
        text.single(
            "snapshot_age_seconds", "gauge", "Since the newest snapshot, or since the start while there is none.", age)
        text.single("snapshot_seconds", "gauge", "The newest snapshot took.", snapshots.lastSeconds)
        text.single("snapshot_bytes", "gauge", "Of the newest snapshot.", Double(snapshots.lastBytes))
    }

    private func addSource(to text: inout PrometheusText) {
        text.single(
            "source_connected", "gauge", "0 while nothing can come from the input.",
            source()?.disconnection == nil ? 1 : 0)
        text.family("source_lag_records", "gauge", "Records of each part that wait.")
        for lag in lags where lag.records != nil {
            text.sample("source_lag_records", Double(lag.records ?? 0), [("part", lag.part)])
        }
        text.family("source_events_total", "counter", "What the source counts.")
        for counter in source()?.counters ?? [] {
            text.sample("source_events_total", Double(counter.count), [("kind", counter.name)])
        }
    }
}
