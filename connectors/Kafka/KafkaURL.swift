import Components
import Connectors

/// `kafka://HOST:PORT[,HOST:PORT]/TOPIC[,TOPIC]?name=value&name=value`
public struct KafkaURL: Sendable, Equatable {
    /// Comma-separated, as librdkafka takes them.
    public var brokers: String
    public var topics: [String]
    /// The query's settings in order, percent-decoded.
    public var query: [Setting]

    public struct Setting: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    /// Whether a text is meant to be such a URL.
    public static func matches(_ text: String) -> Bool { text.lowercased().hasPrefix("kafka://") }

    /// - Throws: what is wrong with the text. Never repeats what stands before an `@`.
    public init(parsing text: String) throws(ConnectorError) {
        guard Self.matches(text) else { throw ConnectorError("'\(text)' does not begin with kafka://") }
        let parts = text.dropFirst("kafka://".count).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = (parts.first ?? "").split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let hosts = String(path.first ?? "")
        guard !hosts.contains("@") else {
            throw ConnectorError(
                "a kafka:// URL takes no user and password: give -X sasl.username=... and "
                    + "-X sasl.password@file=PATH instead")
        }
        brokers = try Self.brokers(hosts)
        topics = try Self.topics(path.count > 1 ? String(path[1]) : "")
        query = []
        guard parts.count > 1 else { return }
        for setting in parts[1].split(separator: "&") {
            let pair = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else {
                throw ConnectorError("'\(setting)' in the kafka:// URL is not of the form name=value")
            }
            query.append(Setting(name: try Self.decoded(pair[0]), value: try Self.decoded(pair[1])))
        }
    }

    private static func brokers(_ text: String) throws(ConnectorError) -> String {
        let hosts = text.split(separator: ",", omittingEmptySubsequences: false)
        for host in hosts {
            let port = host.split(separator: "]").last?.split(separator: ":", omittingEmptySubsequences: false)
            let hasPort = (port?.count ?? 0) > 1
            let isValid = !hasPort || (port?.last.flatMap { UInt16($0) } ?? 0) > 0
            guard !host.isEmpty, !host.hasPrefix(":"), isValid, !host.contains(where: \.isWhitespace) else {
                throw ConnectorError(
                    "'\(host)' is no broker: a kafka:// URL is kafka://HOST:PORT[,HOST:PORT]/TOPIC[,TOPIC]")
            }
        }
        return text
    }

    private static func topics(_ text: String) throws(ConnectorError) -> [String] {
        var topics: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let topic = try decoded(part)
            try check(topic: topic)
            guard !topics.contains(topic) else { throw ConnectorError("the topic '\(topic)' stands twice") }
            topics.append(topic)
        }
        return topics
    }

    /// - Throws: unless Kafka allows the name.
    static func check(topic: String) throws(ConnectorError) {
        guard !topic.isEmpty else {
            throw ConnectorError("no topic is named: a kafka:// URL is kafka://HOST:PORT[,HOST:PORT]/TOPIC[,TOPIC]")
        }
        let isAllowed = topic.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isAllowed, topic.utf8.count <= 249, topic != ".", topic != ".." else {
            throw ConnectorError(
                "'\(topic)' is no topic's name: it takes letters, digits, '.', '_' and '-', at most 249 of them")
        }
    }

    private static func decoded(_ text: Substring) throws(ConnectorError) -> String {
        guard text.contains("%") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { throw ConnectorError("'\(text)' in the kafka:// URL has a '%' without two hexadecimal digits") }
            bytes.append(value)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An error for a name that the query does not know.
    static func unknown(_ name: String, _ known: [String]) -> ConnectorError {
        ConnectorError(
            "a kafka:// URL has no setting '\(name)'" + didYouMean(name, known)
                + " Properties of librdkafka are given with -X name=value")
    }
}
