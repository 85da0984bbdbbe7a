import ArgumentParser

/// The options that run, evaluate and predict share. Each may also stand in the environment (THALWEG_NAME) or in the
/// configuration file.
struct CommonOptions: ParsableArguments {
    @Option(name: [.long, .customShort("c")], help: "Configuration file (YAML or JSON).") var config: String?

    @Option(
        name: [.long, .customShort("d")],
        help: "-, file, pattern, kafka://BROKERS/TOPIC?group=NAME or none; repeatable.")
    var input: [String] = []
    @Option(help: "auto|jsonl|csv|avro|vw|libsvm|arff|dsjson") var format: String?
    @Option(help: "Between the fields of CSV: a character, \\t or tab (,).") var csvSeparator: String?
    @Option(help: "Around fields of CSV: a character, or none (\").") var csvQuote: String?
    @Option(help: "The header of CSV: yes, no (column1, ...), or names:a,b,c.") var csvHeader: String?
    @Option(help: "The character that begins lines of CSV which are no records.") var csvComment: String?
    @Option(help: "http(s)://HOST:PORT with the schemas of Avro messages.") var schemaRegistry: String?
    @Option(help: "File with USER:PASSWORD or Bearer TOKEN for it.") var schemaRegistryCredentialsFile: String?
    @Option(name: .customLong("schema-registry-ca"), help: "PEM file of the authorities that vouch for it.")
    var schemaRegistryCA: String?
    @Flag(help: "Keep reading the last file as it grows.") var follow = false
    @Option(help: "end: stop where the topic ends.") var until: String?
    @Option(name: [.customLong("property"), .customShort("X")], help: "NAME=VALUE for librdkafka; repeatable.")
    var property: [String] = []
    @Flag(name: .customLong("insecure-tls"), help: "Do not verify certificates.") var insecureTLS = false
    @Option(help: "The field to predict, or several: a,b,c.") var target: String?
    @Option(help: "auto|binary|multiclass|regression|anomaly|clustering|bandit") var task: String?
    @Option(help: "The positive class of a binary task.") var positive: String?
    @Option(help: "A,B: fields to leave out.") var ignore: [String] = []
    @Option(help: "A,B: fields that are numbers only.") var numeric: [String] = []
    @Option(help: "A,B: fields that are categories.") var categorical: [String] = []
    @Option(help: "A,B: fields that are text.") var text: [String] = []
    @Option(help: "The field that names a record.") var id: String?
    @Option(help: "The field with a record's importance.") var weight: String?
    @Option(help: "The field with a record's time.") var time: String?

    @Option(help: "appears=|disappears=|scale=ignore|warn|stop, type=reject|missing|stop; repeatable.")
    var onSchemaDrift: [String] = []
    @Option(help: "Put records in the order of --time: how late one may come, such as 10m.") var lateness: String?
    @Option(help: "reject|drop|keep: records that come later than that.") var late: String?
    @Option(help: "Records that may wait for earlier ones (100000).") var maxReordered: String?

    @Option(help: "Where targets come from that come later: -, file or kafka://..., joined by --id.")
    var targets: String?
    @Option(help: "evaluate: a target is learned N records, or a time such as 7d, after its record.") var delay: String?
    @Option(help: "How long a record waits for its target: N records, or a time such as 30m.")
    var targetTimeout: String?
    @Option(help: "The target learned of a record whose time is over.") var targetDefault: String?
    @Option(help: "Records that may wait for their targets (100000).") var maxPending: String?

    @Option(help: "NAME:field=value,... (see thalweg list learners).") var learner: String?
    @Option(help: "Records that a forecaster forecasts: this one, the next one and so on (1).") var horizon: String?
    @Option(help: "Whose defaults: thalweg|vw|river|moa.") var preset: String?
    @Option(help: "A preprocessing step NAME:field=value,...; repeatable, in order.") var pipeline: [String] = []
    @Option(help: "balanced, or CLASS=W,...: what records of a class weigh in learning.") var classWeight: String?
    @Option(help: "under|over|random: learn classes in other shares than they come in.") var sample: String?
    @Option(help: "CLASS=SHARE,...: the shares to learn them in (equal ones).") var sampleDistribution: String?
    @Option(help: "Records that --sample random learns for each that comes (1).") var sampleRate: String?
    @Option(help: "independent|chain: how several targets are learned (independent).") var multiOutput: String?
    @Option(help: "platt|isotonic: make probabilities come true as often as they say.") var calibrate: String?
    @Option(help: "LEVEL: an interval around each predicted number that holds so many of the targets, such as 0.9.")
    var intervals: String?
    @Option(help: "LEVEL,LEVEL,...: numbers that these shares of the targets lie below, such as 0.1,0.5,0.9.")
    var quantiles: String?
    @Option(help: "conformal|adaptive (conformal).") var intervalMethod: String?
    @Option(help: "Errors that intervals are made of (1000).") var intervalWindow: String?
    @Option(help: "NAME:field=value,...: watch the errors for drift (see thalweg list detectors).")
    var detector: String?
    @Option(help: "event|reset|switch: what a drift does to the learner.") var onDrift: String?
    @Option(help: "psi|ks:field=value,...: watch the distribution of each field.") var featureDrift: String?
    @Option(help: "A,B: combine two fields; repeatable; '*,*' = all pairs.") var cross: [String] = []
    @Option(name: [.long, .customShort("b")], help: "log2 of the hashed feature slots (18).") var bits: String?
    @Option(help: "Records in a mini-batch (256).") var batchSize: String?
    @Option(help: "How long an incomplete mini-batch waits (50ms).") var batchWait: String?
    @Option(help: "sequential|mean") var batchMode: String?
    @Option(help: "Of everything random (1).") var seed: String?

    @Option(name: [.long, .customShort("p")], help: "-, file, kafka://BROKERS/TOPIC or none.") var predictions: String?
    @Option(help: "Directory for snapshots; resumes from the newest in it.") var snapshots: String?
    @Option(help: "Records between snapshots.") var snapshotEveryRecords: String?
    @Option(help: "Time between snapshots (10s).") var snapshotEvery: String?
    @Option(help: "Snapshots to keep (3).") var snapshotKeep: String?
    @Option(help: "File or kafka://BROKERS/TOPIC for rejected records.") var quarantine: String?
    @Option(help: "Stop when more than this share of the last 1,000 records was rejected.") var maxRejected: String?
    @Option(help: "Longer records are rejected (16777216).") var maxRecordBytes: String?
    @Option(name: [.long, .customShort("P")], help: "auto|none|N records a line.") var progress: String?
    @Flag(help: "The report as one JSON object, the last line of stdout.") var json = false

    /// What was given, by setting name.
    var given: [String: [String]] {
        func one(_ value: String?) -> [String] { value.map { [$0] } ?? [] }
        return [
            "input": input, "format": one(format), "csv-separator": one(csvSeparator), "csv-quote": one(csvQuote),
            "csv-header": one(csvHeader), "csv-comment": one(csvComment), "schema-registry": one(schemaRegistry),
            "schema-registry-credentials-file": one(schemaRegistryCredentialsFile),
            "schema-registry-ca": one(schemaRegistryCA), "follow": follow ? ["true"] : [],
            "until": one(until), "property": property, "insecure-tls": insecureTLS ? ["true"] : [],
            "target": one(target),
            "task": one(task), "positive": one(positive), "ignore": ignore, "numeric": numeric,
            "categorical": categorical, "text": text, "id": one(id), "weight": one(weight), "time": one(time),
            "on-schema-drift": onSchemaDrift, "lateness": one(lateness), "late": one(late),
            "max-reordered": one(maxReordered),
            "targets": one(targets), "delay": one(delay), "target-timeout": one(targetTimeout),
            "target-default": one(targetDefault), "max-pending": one(maxPending), "learner": one(learner),
            "horizon": one(horizon),
            "class-weight": one(classWeight), "sample": one(sample), "sample-distribution": one(sampleDistribution),
            "sample-rate": one(sampleRate), "calibrate": one(calibrate), "intervals": one(intervals),
            "quantiles": one(quantiles),
            "interval-method": one(intervalMethod), "interval-window": one(intervalWindow),
            "multi-output": one(multiOutput),
            "detector": one(detector), "on-drift": one(onDrift), "feature-drift": one(featureDrift),
            "preset": one(preset), "pipeline": pipeline, "cross": cross, "bits": one(bits),
            "batch-size": one(batchSize), "batch-wait": one(batchWait), "batch-mode": one(batchMode), "seed": one(seed),
            "predictions": one(predictions), "snapshots": one(snapshots),
            "snapshot-every-records": one(snapshotEveryRecords), "snapshot-every": one(snapshotEvery),
            "snapshot-keep": one(snapshotKeep), "quarantine": one(quarantine), "max-rejected": one(maxRejected),
            "max-record-bytes": one(maxRecordBytes), "progress": one(progress), "json": json ? ["true"] : [],
        ]
    }

    /// - Parameter more: other options that were given, by setting name.
    func settings(_ more: [String: [String]] = [:]) throws -> Settings {
        try Settings(commandLine: given.merging(more) { $1 }, file: config)
    }
}
