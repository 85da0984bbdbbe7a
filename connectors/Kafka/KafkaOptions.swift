import Components
import Connectors

/// What a Kafka source consumes, and how.
public struct KafkaSourceOptions: Sendable {
    public enum OutOfRange: String, Sendable, CaseIterable {
        case earliest, latest, stop
    }

    /// What a message brings besides its payload, as fields of the record.
    public enum Field: String, Sendable, CaseIterable {
        case key, timestamp, partition, offset, headers
    }

    /// Comma-separated `HOST:PORT`.
    public var brokers: String
    public var topics: [String]
    /// The consumer group; nil: partitions are assigned, not shared out.
    public var group: String?
    /// These partitions of every topic; nil without a group: all there are when the source opens.
    public var partitions: [Int]?
    /// Nil: `stored` in a group, else `earliest`.
    public var start: KafkaStart?
    /// Ends where the partitions ended when they were assigned.
    public var untilEnd = false
    /// What to do when a position is not (or no more) in the topic.
    public var onOutOfRange = OutOfRange.stop
    public var fields: Set<Field> = []
    /// Payloads are binary and framed for a schema registry: they are handed on as they are.
    public var framesPayloads = false
    public var properties = KafkaProperties()
    /// Whether a property may switch the verification of certificates off.
    public var allowsUnverifiedTLS = false
    /// How long the engine waits to fill a batch, in seconds; the brokers are asked to wait no longer.
    public var batchWait = 0.1
    /// How long opening may take until brokers and topics are known.
    public var connectSeconds = 10.0
    /// After so long without messages the brokers are asked whether the topics are still there.
    var silentSeconds = 15.0

    public static let settings = ["group", "partitions", "start", "until", "on-out-of-range", "fields"]

    public init(brokers: String, topics: [String]) {
        self.brokers = brokers
        self.topics = topics
    }

    public init(parsing url: String) throws(ConnectorError) {
        let url = try KafkaURL(parsing: url)
        self.init(brokers: url.brokers, topics: url.topics)
        for setting in url.query { try set(setting.name, setting.value) }
        try check()
    }

    /// Sets one of `settings` from text.
    public mutating func set(_ name: String, _ value: String) throws(ConnectorError) {
        switch name {
        case "group":
            guard !value.isEmpty else { throw ConnectorError("group= names no group") }
            group = value
        case "partitions": partitions = try Self.partitions(value)
        case "start": start = try KafkaStart(parsing: value)
        case "until":
            guard value == "end" else { throw ConnectorError("until=\(value) is not valid; it takes end") }
            untilEnd = true
        case "on-out-of-range":
            guard let policy = OutOfRange(rawValue: value) else {
                throw ConnectorError(
                    "on-out-of-range=\(value) is not valid" + didYouMean(value, OutOfRange.allCases.map(\.rawValue)))
            }
            onOutOfRange = policy
        case "fields": fields = try Self.fields(value)
        default: throw KafkaURL.unknown(name, Self.settings)
        }
    }

    private static func partitions(_ text: String) throws(ConnectorError) -> [Int] {
        var partitions: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int32(part), number >= 0, !partitions.contains(Int(number)) else {
                throw ConnectorError("partitions=\(text) is not valid; it takes numbers from 0, as in partitions=0,2")
            }
            partitions.append(Int(number))
        }
        return partitions
    }

    private static func fields(_ text: String) throws(ConnectorError) -> Set<Field> {
        var fields: Set<Field> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let field = Field(rawValue: String(part)) else {
                throw ConnectorError(
                    "a message has no field '\(part)'" + didYouMean(String(part), Field.allCases.map(\.rawValue)))
            }
            fields.insert(field)
        }
        return fields
    }

    /// - Throws: what does not go together.
    public func check() throws(ConnectorError) {
        guard !topics.isEmpty else { throw ConnectorError("no topic is named") }
        for topic in topics { try KafkaURL.check(topic: topic) }
        guard group == nil || partitions == nil else {
            throw ConnectorError(
                "group and partitions are alternatives: a group shares the partitions out, partitions=... takes these "
                    + "and no others. Remove one of them")
        }
        guard fields.isEmpty || !framesPayloads else {
            throw ConnectorError(
                "fields of the message beside its payload are there for JSON: they cannot be put into Avro. Remove "
                    + "fields=")
        }
        guard group != nil || start != .stored else {
            throw ConnectorError(
                "start=stored is the position of a group: name it with group=NAME, or choose another start")
        }
    }
}

/// Where a Kafka sink writes, and how.
public struct KafkaSinkOptions: Sendable {
    /// Comma-separated `HOST:PORT`.
    public var brokers: String
    public var topic: String
    public var properties = KafkaProperties()
    /// Whether a property may switch the verification of certificates off.
    public var allowsUnverifiedTLS = false
    /// Writes in transactions of this name, one from flush to flush; nil: without transactions.
    public var transactionalID: String?
    /// How long opening may take until brokers and topic are known.
    public var connectSeconds = 10.0

    public static let settings = ["transactional-id"]

    public init(brokers: String, topic: String) {
        self.brokers = brokers
        self.topic = topic
    }

    public init(parsing url: String) throws(ConnectorError) {
        let url = try KafkaURL(parsing: url)
        guard url.topics.count == 1, let topic = url.topics.first else {
            throw ConnectorError("a sink writes to one topic; the kafka:// URL names \(url.topics.count)")
        }
        self.init(brokers: url.brokers, topic: topic)
        for setting in url.query { try set(setting.name, setting.value) }
    }

    /// Sets one of `settings` from text.
    public mutating func set(_ name: String, _ value: String) throws(ConnectorError) {
        switch name {
        case "transactional-id":
            guard !value.isEmpty else { throw ConnectorError("transactional-id= names none") }
            transactionalID = value
        default: throw KafkaURL.unknown(name, Self.settings)
        }
    }
}
