import Connectors
import Glibc

/// Properties of librdkafka, verbatim, as `-X name=value` and a `properties:` section give them.
///
/// `name@file=PATH` and `name@env=VARIABLE` read the value from elsewhere, so that a secret stands in no command line.
/// Printing never shows a secret.
public struct KafkaProperties: Sendable, CustomStringConvertible {
    /// In the order given; a later one overrides an earlier one.
    private(set) var entries: [(name: String, value: String)] = []

    public init() {}

    /// - Parameter settings: `name=value`, `name@file=PATH` or `name@env=VARIABLE` each.
    public init(parsing settings: [String]) throws(ConnectorError) {
        for setting in settings {
            let pair = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let name = pair.first, !name.isEmpty else {
                throw ConnectorError("-X takes name=value; '\(pair.first ?? "")' has no value")
            }
            try set(String(name), String(pair[1]))
        }
    }

    /// Sets one property; `name` may end with `@file` or `@env`.
    public mutating func set(_ name: String, _ value: String) throws(ConnectorError) {
        let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let plain = Self.trimmed(parts.first ?? "")
        let resolved: String
        switch parts.count > 1 ? parts[1] : nil {
        case nil: resolved = value
        case "file": resolved = try Self.contents(of: value, for: plain)
        case "env":
            guard let found = getenv(value) else {
                throw ConnectorError(
                    "the property '\(plain)' is read from the environment variable \(value), which is not set")
            }
            resolved = String(cString: found)
        case .some(let source):
            throw ConnectorError("the property '\(plain)' is read from '@\(source)'; there are: @file, @env")
        }
        guard !resolved.utf8.contains(0) else { throw ConnectorError("the property '\(plain)' has a NUL in its value") }
        entries.removeAll { $0.name == plain }
        entries.append((plain, resolved))
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    /// What a file holds, without a line end at its end.
    private static func contents(of path: String, for name: String) throws(ConnectorError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ConnectorError(
                "the property '\(name)' is read from '\(path)', which cannot be opened: "
                    + String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= 1 << 20 {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw ConnectorError(
                    "the property '\(name)' cannot be read from '\(path)': \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes += buffer.prefix(count)
        }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The value in force of a property.
    public subscript(name: String) -> String? { entries.last { $0.name == name }?.value }

    /// Whether a property's value must not be printed.
    public static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        let exact = [
            "sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
            "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
        ]
        return exact.contains(name) || ["password", "secret", "token"].contains { name.contains($0) }
    }

    /// The values that must not be printed.
    var secrets: [String] { entries.filter { Self.isSecret($0.name) && !$0.value.isEmpty }.map(\.value) }

    /// `name=value` pairs, secrets masked.
    public var redacted: String {
        entries.map { "\($0.name)=\(Self.isSecret($0.name) ? "***" : $0.value)" }.joined(separator: " ")
    }

    public var description: String { redacted }
}

extension KafkaProperties: CustomReflectable {
    /// Dumps show what `description` shows.
    public var customMirror: Mirror { Mirror(self, children: ["properties": redacted]) }
}

/// Takes secrets out of texts.
struct Redactor: Sendable {
    private let secrets: [String]

    /// Longer ones first: a shorter one may be part of them.
    init(_ properties: KafkaProperties) { secrets = properties.secrets.sorted { $0.utf8.count > $1.utf8.count } }

    func callAsFunction(_ text: String) -> String {
        var text = text
        for secret in secrets { text = Self.replacing(secret, in: text) }
        return text
    }

    private static func replacing(_ secret: String, in text: String) -> String {
        let (bytes, wanted) = (Array(text.utf8), Array(secret.utf8))
        guard bytes.count >= wanted.count else { return text }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if index + wanted.count <= bytes.count, bytes[index..<(index + wanted.count)].elementsEqual(wanted) {
                result += Array("***".utf8)
                index += wanted.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result.count == bytes.count && result == bytes ? text : String(decoding: result, as: UTF8.self)
    }
}
