import CRdkafka
import Components
import Connectors
import Glibc

/// Owns a configuration of librdkafka until a client takes it over.
final class ClientConfiguration {
    private var handle: OpaquePointer?

    /// - Parameters:
    ///   - defaults: in force unless the user's properties say otherwise; those this librdkafka does not know are
    ///     passed over.
    ///   - owned: what the connector sets itself, with the reason a user is told.
    init(
        defaults: [(String, String)], properties: KafkaProperties, owned: [String: String], allowsUnverifiedTLS: Bool
    ) throws(ConnectorError) {
        handle = rd_kafka_conf_new()
        for (name, value) in defaults { _ = rd_kafka_conf_set(handle, name, value, nil, 0) }
        for (name, value) in properties.entries {
            if let reason = owned[name] {
                throw ConnectorError("the property '\(name)' is the connector's own: \(reason). Remove it")
            }
            try Self.checkTLS(name, value, allowsUnverifiedTLS)
            try set(name, value)
        }
    }

    deinit { if let handle { rd_kafka_conf_destroy(handle) } }

    private static func checkTLS(_ name: String, _ value: String, _ isAllowed: Bool) throws(ConnectorError) {
        let value = value.lowercased()
        let isUnverified =
            name == "enable.ssl.certificate.verification" && value != "true" && value != "t" && value != "1"
            || name == "ssl.endpoint.identification.algorithm" && value != "https"
        guard !isUnverified || isAllowed else {
            throw ConnectorError(
                "\(name)=\(value) would let anybody pose as a broker. Give ssl.ca.location instead, or confirm with "
                    + "--insecure-tls")
        }
    }

    /// - Throws: when the property is unknown, with the nearest known one, or its value is not valid.
    func set(_ name: String, _ value: String) throws(ConnectorError) {
        var reason = [CChar](repeating: 0, count: 512)
        switch rd_kafka_conf_set(handle, name, value, &reason, reason.count) {
        case RD_KAFKA_CONF_OK: return
        case RD_KAFKA_CONF_UNKNOWN:
            // The list of all of them is three pages long.
            let nearest = nearestName(name, Self.knownNames).map { "; did you mean '\($0)'?" } ?? ""
            throw ConnectorError("librdkafka \(libraryVersion) has no property '\(name)'\(nearest)")
        default:
            let why = KafkaProperties.isSecret(name) ? "its value is not valid" : text(reason)
            throw ConnectorError("the property '\(name)' cannot be set: \(why)")
        }
    }

    /// Registers callbacks.
    func register(_ body: (OpaquePointer?) -> Void) { body(handle) }

    /// Hands the configuration to a client that was made of it.
    func makeClient(_ kind: rd_kafka_type_t, _ redactor: Redactor) throws(ConnectorError) -> OpaquePointer {
        guard handle != nil else { throw ConnectorError("a Kafka client cannot be opened twice") }
        var reason = [CChar](repeating: 0, count: 512)
        guard let client = rd_kafka_new(kind, handle, &reason, reason.count) else {
            throw ConnectorError("librdkafka refuses this configuration: \(redactor(text(reason)))")
        }
        handle = nil
        return client
    }

    /// The value in force.
    subscript(name: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 1024)
        var size = buffer.count
        guard rd_kafka_conf_get(handle, name, &buffer, &size) == RD_KAFKA_CONF_OK else { return nil }
        return text(buffer)
    }

    /// All properties this librdkafka knows. The dump of a configuration leaves out those without a value.
    static let knownNames: [String] = {
        var start: UnsafeMutablePointer<CChar>?
        var count = 0
        guard let stream = open_memstream(&start, &count) else { return [] }
        rd_kafka_conf_properties_show(stream)
        fclose(stream)
        defer { free(start) }
        guard let start else { return [] }
        return String(cString: start).split(separator: "\n").compactMap { line in
            let columns = line.split(separator: "|")
            let name = columns.first?.split(separator: " ").first.map(String.init) ?? ""
            return columns.count > 3 && name.contains(".") ? name : nil
        }
    }()
}

/// A text that C wrote into a buffer.
func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The version of librdkafka at run time.
public var libraryVersion: String { String(cString: rd_kafka_version_str()) }
