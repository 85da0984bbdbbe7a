import Components

/// A wrong setting: where it came from, and what would be right.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// One setting: its name on the command line, its place in the configuration file, its meaning.
struct Setting {
    enum Kind {
        case text
        case list
        case flag
    }

    /// As on the command line, without dashes.
    let name: String
    /// Section and key in the file; the name at top level always works too.
    let path: String
    let kind: Kind
    let defaultText: String
    let summary: String

    init(_ name: String, _ path: String, _ summary: String, _ kind: Kind = .text, default defaultText: String = "") {
        self.name = name
        self.path = path
        self.kind = kind
        self.defaultText = defaultText
        self.summary = summary
    }

    var environmentName: String {
        "THALWEG_" + String(name.map { $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    static let all: [Setting] = [
        Setting(
            "input", "input.path", "where records come from: -, files, patterns, kafka://, none", .list, default: "-"),
        Setting("sources", "sources", "inputs with names, units and formats of their own", .list),
        Setting("format", "input.format", "auto|jsonl|csv|avro|vw|libsvm|arff|dsjson", default: "auto"),
        Setting(
            "csv-separator", "input.csv-separator", "between the fields of CSV: a character, \\t or tab", default: ","),
        Setting("csv-quote", "input.csv-quote", "around fields of CSV: a character, or none", default: "\""),
        Setting("csv-header", "input.csv-header", "of CSV: yes, no, or names:a,b,c", default: "yes"),
        Setting("csv-comment", "input.csv-comment", "begins lines of CSV that are no records", default: "none"),
        Setting("schema-registry", "input.schema-registry", "http(s)://HOST:PORT with the schemas of Avro messages"),
        Setting(
            "schema-registry-credentials-file", "input.schema-registry-credentials-file",
            "file with USER:PASSWORD or Bearer TOKEN for it"),
        Setting(
            "schema-registry-ca", "input.schema-registry-ca", "PEM file of the authorities that vouch for it"),
        Setting("follow", "input.follow", "keep reading the last file as it grows", .flag, default: "false"),
        Setting("until", "input.until", "end: stop where the topic ends"),
        Setting("property", "input.kafka.properties", "librdkafka properties NAME=VALUE", .list),
        Setting("insecure-tls", "input.kafka.insecure-tls", "do not verify certificates", .flag, default: "false"),
        Setting("kafka-brokers", "input.kafka.brokers", "HOST:PORT of the brokers", .list),
        Setting("kafka-topics", "input.kafka.topics", "topics to consume", .list),
        Setting("kafka-group", "input.kafka.group", "the consumer group"),
        Setting("kafka-partitions", "input.kafka.partitions", "these partitions instead of a group", .list),
        Setting("kafka-start", "input.kafka.start", "earliest|latest|stored|OFFSET|-N|TIME"),
        Setting("kafka-on-out-of-range", "input.kafka.on-out-of-range", "earliest|latest|stop"),
        Setting("kafka-fields", "input.kafka.fields", "key|timestamp|partition|offset|headers as fields", .list),
        Setting("target", "schema.target", "the field to predict, or several: a,b,c"),
        Setting("task", "schema.task", "auto|binary|multiclass|regression|anomaly|clustering|bandit", default: "auto"),
        Setting("positive", "schema.positive", "the positive class of a binary task"),
        Setting("ignore", "schema.ignore", "fields to leave out", .list),
        Setting("numeric", "schema.numeric", "fields that are numbers and nothing else", .list),
        Setting("categorical", "schema.categorical", "fields that are categories", .list),
        Setting("text", "schema.text", "fields that are text: one feature a word", .list),
        Setting("id", "schema.id", "the field that names a record"),
        Setting("targets", "targets.input", "where targets come from that come later, joined by --id"),
        Setting("delay", "evaluation.delay", "evaluate: a target is learned N records, or a time such as 7d, later"),
        Setting("target-timeout", "targets.timeout", "how long a record waits for its target: N records, or a time"),
        Setting("target-default", "targets.default", "the target learned when that time is over; else none is"),
        Setting("max-pending", "targets.max-pending", "records that may wait for their targets", default: "100000"),
        Setting(
            "lateness", "order.lateness", "put records in the order of --time; how late one may come: 30s, 10m, 1d"),
        Setting("late", "order.late", "reject|drop|keep: what becomes of later ones", default: "reject"),
        Setting("max-reordered", "order.max-records", "records that may wait for earlier ones", default: "100000"),
        Setting(
            "on-schema-drift", "schema.on-drift",
            "appears=|disappears=|scale=ignore|warn|stop, type=reject|missing|stop: records stop fitting the schema",
            .list),
        Setting("schema-fields", "schema.fields", "what thalweg schema infer saw, for schema check"),
        Setting("weight", "schema.weight", "the field with the record's importance"),
        Setting("time", "schema.time", "the field with the record's time"),
        Setting("learner", "learner", "NAME:field=value,...", default: "linear"),
        Setting("horizon", "horizon", "records that a forecaster forecasts: this one, the next one and so on"),
        Setting("preset", "preset", "whose defaults: thalweg|vw|river|moa", default: "thalweg"),
        Setting("pipeline", "pipeline", "preprocessing steps in order: NAME:field=value,...", .list),
        Setting("class-weight", "class-weight", "balanced, or CLASS=W,...: what records of a class weigh in learning"),
        Setting("sample", "sample", "under|over|random: learn classes in other shares than they come in"),
        Setting("sample-distribution", "sample-distribution", "CLASS=SHARE,...: these shares; else equal ones"),
        Setting("sample-rate", "sample-rate", "records that --sample random learns for each that comes (1)"),
        Setting("multi-output", "multi-output", "independent|chain: how several targets are learned (independent)"),
        Setting("calibrate", "calibrate", "platt|isotonic: make probabilities come true as often as they say"),
        Setting("intervals", "intervals", "LEVEL: an interval around each number that holds so many of the targets"),
        Setting("quantiles", "quantiles", "LEVEL,LEVEL,...: numbers that these shares of the targets lie below"),
        Setting("interval-method", "interval-method", "conformal|adaptive (conformal)"),
        Setting("interval-window", "interval-window", "errors that intervals and quantiles are made of (1000)"),
        Setting("detector", "detector", "watches the learner's errors for drift: NAME:field=value,..."),
        Setting("on-drift", "on-drift", "event|reset|switch: what a drift does to the learner", default: "event"),
        Setting("feature-drift", "feature-drift", "watches the distribution of each field: psi|ks:field=value,..."),
        Setting("cross", "cross", "A,B: the combination of two fields as a feature; *,* = all pairs", .list),
        Setting("bits", "bits", "log2 of the hashed feature slots", default: "18"),
        Setting("batch-size", "batch-size", "records in a mini-batch", default: "256"),
        Setting("batch-wait", "batch-wait", "how long an incomplete mini-batch waits for records", default: "50ms"),
        Setting("batch-mode", "batch-mode", "sequential|mean", default: "sequential"),
        Setting("seed", "seed", "of everything random", default: "1"),
        Setting("predictions", "output.predictions", "-, a file, kafka://BROKERS/TOPIC, or none"),
        Setting("quarantine", "output.quarantine", "file or kafka:// topic for rejected records"),
        Setting("snapshots", "snapshots.directory", "directory for snapshots; resume from the newest there"),
        Setting(
            "snapshot-every-records", "snapshots.every-records", "records between snapshots; 0 = by time", default: "0"),
        Setting("snapshot-every", "snapshots.every", "time between snapshots", default: "10s"),
        Setting("snapshot-keep", "snapshots.keep", "snapshots to keep", default: "3"),
        Setting(
            "max-rejected", "evaluation.max-rejected", "stop when more of the last 1,000 are rejected", default: "1"),
        Setting("max-record-bytes", "input.max-record-bytes", "longer records are rejected", default: "16777216"),
        Setting("http", "http.listen", "HOST:PORT: serve the model over HTTP while it learns"),
        Setting("model-name", "http.model-name", "the model's name in paths and answers", default: "thalweg"),
        Setting("auth-token-file", "http.auth-token-file", "lines ROLE TOKEN; roles: read, learn, admin"),
        Setting("tls-certificate", "http.tls-certificate", "PEM file; read again when it changes"),
        Setting("tls-key", "http.tls-key", "PEM file of the certificate's key"),
        Setting("read-only", "http.read-only", "learn nothing over HTTP", .flag, default: "false"),
        Setting("no-admin", "http.no-admin", "no routes for administrators", .flag, default: "false"),
        Setting("no-dashboard", "http.no-dashboard", "no page for people at /", .flag, default: "false"),
        Setting("allow-public", "http.allow-public", "serve others without tokens", .flag, default: "false"),
        Setting("drain-timeout", "http.drain-timeout", "for requests in flight after a stop", default: "10s"),
        Setting("ack-timeout", "http.ack-timeout", "how long ack=applied waits", default: "10s"),
        Setting("request-timeout", "http.request-timeout", "for a request to arrive", default: "30s"),
        Setting("idle-timeout", "http.idle-timeout", "for a connection on which nothing moves", default: "30s"),
        Setting("stale-after", "http.stale-after", "readiness goes off with an older model; 0 = never", default: "0"),
        Setting("max-body-bytes", "http.max-body-bytes", "larger requests are refused", default: "16777216"),
        Setting("max-connections", "http.max-connections", "more wait to be accepted", default: "1024"),
        Setting("max-streams", "http.max-streams", "event streams at the same time", default: "64"),
        Setting("max-fields", "http.max-fields", "of one record in a request", default: "10000"),
        Setting("progress", "evaluation.progress", "auto|none|N records a line", default: "auto"),
        Setting("json", "evaluation.json", "the report as one JSON object on stdout", .flag, default: "false"),
    ]

    /// The setting of a name, or of a path in the file.
    static func find(_ name: String) -> Setting? { all.first { $0.name == name || $0.path == name } }
}
