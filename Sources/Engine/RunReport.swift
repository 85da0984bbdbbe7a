import Connectors
import Evaluation
import JSON
import Preprocessing
import State

/// What a run came to. `json` is the last line of `evaluate --json`.
public struct RunReport: Sendable {
    public let records: Int
    public let learned: Int
    public let rejected: Int
    public let seconds: Double
    public let metrics: [NamedValue]
    public let baselines: [NamedValue]
    /// Errors by how many records ahead was forecast; empty where only the record itself is.
    public let horizons: [[NamedValue]]
    /// Bytes of all learned arrays.
    public let modelBytes: Int
    /// Numbers of the learner that are not 0.
    public let parameters: Int
    public let version: Int
    /// Of the whole learned state.
    public let digest: String
    /// What was wrong with the first rejected record, with its place.
    public let firstRejected: String?
    /// The last snapshot; nil: none was asked for, or it could not be written.
    public let snapshotPath: String?
    public let task: String
    public let totalFeatures: Int
    public let weight: Double
    public let weightedTargetSum: Double
    /// What preprocessing steps have to say about themselves, by step.
    public let steps: [(step: String, notes: [StepNote])]
    /// What putting records in order did; nil: they were taken as they came.
    public let ordering: OrderStatus?
    /// How records stopped fitting the schema; nil: they fit.
    public let schemaDrift: SchemaDriftStatus?
    /// Counts of a message source; nil: the source has none.
    public let source: SourceStatus?
    /// Records that wait for their targets, and what became of others; nil: targets come with their records.
    public let delayed: TargetStatus?
    /// How good calibrated probabilities are, and what they were before; nil: they are the learner's own.
    public let calibration: [NamedValue]?
    /// Level, coverage and mean width of intervals; nil: there are none.
    public let intervals: [NamedValue]?
    /// Coverage and loss of each quantile; nil: there are none.
    public let quantiles: [(name: String, metrics: [NamedValue])]?
    /// Metrics of each of several outputs; nil: there is one.
    public let outputs: [(name: String, metrics: [NamedValue])]?
    /// What detectors saw; nil: nothing is watched.
    public let drift: DriftStatus?

    init(
        _ pipeline: Pipeline, seconds: Double, predicted: Int, rejected: Int?, firstRejected: String?,
        snapshot: String?,
        source: SourceStatus?
    ) {
        let evaluation = pipeline.evaluation
        // A run that only predicts reports its own counts; what was learned is the snapshot's.
        records = rejected == nil ? evaluation.records : predicted
        learned = rejected == nil ? evaluation.learned : 0
        self.rejected = rejected ?? evaluation.rejected
        self.seconds = seconds
        metrics = evaluation.metrics
        baselines = evaluation.baselines
        horizons = evaluation.horizons
        modelBytes = pipeline.stateByteCount
        let state = pipeline.state
        let summary = StateSummary(state)
        parameters = zip(state, summary.nonZeroCounts).reduce(0) { sum, part in
            part.0.name.hasPrefix("learner/") ? sum + part.1 : sum
        }
        version = pipeline.version
        digest = summary.digest
        self.firstRejected = firstRejected
        snapshotPath = snapshot
        self.source = source
        delayed = pipeline.targetCounts.map(TargetStatus.init)
        drift = DriftStatus(pipeline)
        calibration = pipeline.reliability?.compactMap { name, value in value.map { NamedValue(name, $0) } }
        intervals = pipeline.intervalValues
        quantiles = evaluation.quantiles?.byLevel
        outputs = evaluation.outputs?.byOutput
        task = pipeline.schema.task.rawValue
        totalFeatures = evaluation.featureCount
        weight = evaluation.weight
        weightedTargetSum = evaluation.weightedTargetSum
        steps = pipeline.notes
        ordering = pipeline.order?.status
        schemaDrift = pipeline.schemaMonitor.flatMap(SchemaDriftStatus.init)
    }

    public var recordsPerSecond: Double { Double(records) / max(seconds, 1e-9) }

    public subscript(metric: String) -> Double? { metrics.first { $0.name == metric }?.value }

    public var json: JSONValue {
        var fields: [(String, JSONValue)] = [
            ("records", JSONValue(records)), ("learned", JSONValue(learned)), ("rejected", JSONValue(rejected)),
            ("seconds", .number(seconds)), ("recordsPerSecond", .number(recordsPerSecond)), ("task", .string(task)),
            ("metrics", .object(metrics.map { ($0.name, JSONValue(Optional($0.value))) })),
            ("baselines", .object(baselines.map { ($0.name, JSONValue(Optional($0.value))) })),
            (
                "model",
                .object([
                    ("bytes", JSONValue(modelBytes)), ("parameters", JSONValue(parameters)),
                    ("version", JSONValue(version)),
                ])
            ),
            ("digest", .string(digest)),
        ]
        if !horizons.isEmpty { fields.append(("horizons", .array(horizons.map(Self.json)))) }
        if let outputs {
            fields.append(("outputs", .object(outputs.map { ($0.name, Self.json($0.metrics)) })))
        }
        if let calibration { fields.append(("calibration", Self.json(calibration))) }
        if let intervals { fields.append(("intervals", Self.json(intervals))) }
        if let quantiles {
            fields.append(("quantiles", .object(quantiles.map { ($0.name, Self.json($0.metrics)) })))
        }
        if let drift { fields += drift.members }
        if let delayed { fields.append(("delayed", delayed.json)) }
        if let schemaDrift { fields.append(("schema_drift", schemaDrift.json)) }
        if let ordering { fields.append(("ordering", ordering.json)) }
        if !steps.isEmpty { fields.append(("preprocessing", .object(steps.map { ($0.step, Self.json($0.notes)) }))) }
        if let source { fields.append(("source", source.json)) }
        return .object(fields)
    }

    private static func json(_ values: [NamedValue]) -> JSONValue {
        .object(
            values.map { ($0.name, $0.name == "horizon" ? JSONValue(Int($0.value)) : JSONValue(Optional($0.value))) })
    }

    private static func json(_ notes: [StepNote]) -> JSONValue {
        .object(notes.map { note in (note.name, Int(note.text).map { JSONValue($0) } ?? .string(note.text)) })
    }

    /// The closing lines for people, in Vowpal Wabbit's words first.
    public var summary: String {
        func percent(_ name: String, _ value: Double) -> String {
            ["accuracy", "majority", "no_change"].contains(name) && task != "regression"
                ? fixed(100 * value, 3) + " %" : fixed(value, 6)
        }
        var lines = [
            "", "finished run", "number of examples = \(records)", "weighted example sum = \(fixed(weight, 6))",
            "weighted target sum = \(fixed(weightedTargetSum, 6))",
        ]
        for metric in metrics where metric.name == "average_loss" {
            lines.append("average loss = \(fixed(metric.value, 6))")
        }
        lines.append("total feature number = \(totalFeatures)")
        lines.append("learned = \(learned), rejected = \(rejected)")
        for metric in metrics where metric.name != "average_loss" {
            lines.append("\(metric.name) = \(percent(metric.name, metric.value))")
        }
        let shown = baselines.map { "\($0.name) \(percent($0.name, $0.value))" }.joined(separator: ", ")
        if !shown.isEmpty { lines.append("baselines: \(shown)") }
        for values in horizons {
            let errors = values.dropFirst().map { "\($0.name) \(fixed($0.value, 4))" }.joined(separator: ", ")
            lines.append("horizon \(Int(values.first?.value ?? 0)): \(errors)")
        }
        for (name, metrics) in outputs ?? [] {
            lines.append(
                "\(name): " + metrics.map { "\($0.name) \(fixed($0.value, 6))" }.joined(separator: ", "))
        }
        for (name, values) in [("calibration", calibration), ("intervals", intervals)] {
            guard let values, !values.isEmpty else { continue }
            lines.append("\(name): " + values.map { "\($0.name) \(fixed($0.value, 6))" }.joined(separator: ", "))
        }
        for (level, metrics) in quantiles ?? [] {
            lines.append(
                "quantile \(level): " + metrics.map { "\($0.name) \(fixed($0.value, 6))" }.joined(separator: ", "))
        }
        lines += drift?.summary ?? []
        lines.append(
            "model: \(modelBytes) bytes, \(parameters) parameters, version \(version), digest \(digest.prefix(16))")
        lines.append("\(fixed(seconds, 2)) s, \(short(recordsPerSecond)) records/s")
        if let delayed, !delayed.summary.isEmpty { lines.append("delayed targets: \(delayed.summary)") }
        if let schemaDrift { lines.append("schema: \(schemaDrift.summary)") }
        if let ordering, !ordering.summary.isEmpty { lines.append("order of time: \(ordering.summary)") }
        for (step, notes) in steps {
            lines.append("\(step): " + notes.map { "\($0.name) \($0.text)" }.joined(separator: ", "))
        }
        if let source { lines.append("source: \(source.summary)") }
        if let firstRejected { lines.append("first rejected record: \(firstRejected)") }
        return lines.joined(separator: "\n")
    }
}
