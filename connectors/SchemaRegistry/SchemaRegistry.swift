import Dispatch
import Formats
import Glibc
import JSON
import NIOSSL
import Synchronization

/// Where a schema registry is, and who asks.
public struct SchemaRegistryOptions: Sendable {
    public var url: String
    /// `USER:PASSWORD`, or `Bearer TOKEN`. Never shown.
    public var credentials: String?
    /// PEM file of the authorities that are trusted instead of the system's.
    public var authorities: String?
    /// Whether certificates are not verified.
    public var allowsUnverifiedTLS = false
    public var connectSeconds = 5
    public var seconds = 10
    /// How often it is asked before it counts as unreachable.
    public var attempts = 3

    public init(url: String) { self.url = url }
}

/// The schemas of a registry with Confluent's interface, each asked for once.
/// https://docs.confluent.io/platform/current/schema-registry/develop/api.html
public final class SchemaRegistry: MessageSchemas {
    private let request: RegistryRequest
    private let attempts: Int

    private struct Known {
        var schemas: [UInt32: [String]] = [:]
        /// Those that were not there, and until when nobody is asked again, in monotonic nanoseconds.
        var missing: [UInt32: (error: SchemaError, until: UInt64)] = [:]
    }
    private let known = Mutex(Known())
    /// A schema is asked for again when it was not there so long ago.
    private static let missingNanoseconds: UInt64 = 30_000_000_000
    private static let maximumKnown = 10_000
    /// A schema refers to others in no more steps.
    private static let maximumDepth = 32

    /// Asks nothing yet.
    ///
    /// - Throws: what is wrong with the address or with the file of authorities.
    public init(_ options: SchemaRegistryOptions) throws(FormatError) {
        let url = try RegistryURL(parsing: options.url)
        var tls: NIOSSLContext?
        if url.isSecure {
            var configuration = TLSConfiguration.makeClientConfiguration()
            if options.allowsUnverifiedTLS { configuration.certificateVerification = .none }
            if let path = options.authorities { configuration.trustRoots = .file(path) }
            configuration.applicationProtocols = ["http/1.1"]
            do { tls = try NIOSSLContext(configuration: configuration) } catch {
                throw FormatError("TLS cannot be set up\(options.authorities.map { " with '\($0)'" } ?? ""): \(error)")
            }
        }
        request = RegistryRequest(
            url: url, tls: tls, authorization: try options.credentials.map(Self.authorization),
            connectSeconds: Int64(options.connectSeconds), seconds: Int64(options.seconds))
        attempts = max(options.attempts, 1)
    }

    private static func authorization(_ credentials: String) throws(FormatError) -> String {
        guard credentials.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else {
            throw FormatError("the schema registry's credentials hold a line end or something else that no header may")
        }
        if credentials.hasPrefix("Bearer ") { return credentials }
        guard credentials.contains(":") else {
            throw FormatError("the schema registry's credentials are neither USER:PASSWORD nor 'Bearer TOKEN'")
        }
        return "Basic \(base64(Array(credentials.utf8)))"
    }

    public func schema(_ id: UInt32) throws(SchemaError) -> [String] {
        let now = Self.now()
        let found = known.withLock { known -> Result<[String], SchemaError>? in
            if let texts = known.schemas[id] { return .success(texts) }
            guard let missing = known.missing[id], missing.until > now else { return nil }
            return .failure(missing.error)
        }
        if let found { return try found.get() }
        do throws(SchemaError) {
            let texts = try load(id)
            known.withLock { known in
                if known.schemas.count >= Self.maximumKnown { known.schemas = [:] }
                known.schemas[id] = texts
                known.missing[id] = nil
            }
            return texts
        } catch {
            guard error.kind != .unavailable else { throw error }
            known.withLock { known in
                if known.missing.count >= Self.maximumKnown { known.missing = [:] }
                known.missing[id] = (error, now + Self.missingNanoseconds)
            }
            throw error
        }
    }

    private static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    // MARK: Asking

    private func load(_ id: UInt32) throws(SchemaError) -> [String] {
        let answer = try answer("/schemas/ids/\(id)", subject: "schema \(id)")
        var texts: [String] = []
        var seen = Set<String>()
        try add(answer, "schema \(id)", to: &texts, &seen, depth: 0)
        return texts
    }

    /// Adds a schema behind those that it refers to.
    private func add(
        _ answer: JSONValue, _ name: String, to texts: inout [String], _ seen: inout Set<String>, depth: Int
    ) throws(SchemaError) {
        let kind = answer["schemaType"]?.string ?? "AVRO"
        guard kind == "AVRO" else {
            throw SchemaError("\(name) of \(request.url.text) is of type \(kind); only Avro is decoded", .unusable)
        }
        guard let text = answer["schema"]?.string, depth < Self.maximumDepth else {
            throw SchemaError("\(request.url.text) does not say what \(name) is", .unusable)
        }
        for reference in answer["references"]?.array ?? [] {
            guard let subject = reference["subject"]?.string, let version = reference["version"]?.integer else {
                continue
            }
            let path = "/subjects/\(Self.escaped(subject))/versions/\(version)"
            guard seen.insert(path).inserted else { continue }
            let name = "subject '\(subject)' version \(version)"
            try add(try self.answer(path, subject: name), name, to: &texts, &seen, depth: depth + 1)
        }
        texts.append(text)
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                escaped.append(Character(UnicodeScalar(byte)))
            default: escaped += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return escaped
    }

    private func answer(_ path: String, subject: String) throws(SchemaError) -> JSONValue {
        var attempt = 1
        while true {
            let reason: String
            switch ask(path) {
            case .success(let answer) where answer.status == 408 || answer.status == 429 || answer.status >= 500:
                reason = "status \(answer.status)"
            case .success(let answer): return try value(of: answer, subject)
            case .failure(let failure): reason = failure.description
            }
            guard attempt < attempts else {
                throw SchemaError(
                    "the schema registry \(request.url.text) cannot be reached, and \(subject) is needed: \(reason)",
                    .unavailable)
            }
            usleep(UInt32(attempt) * 300_000)
            attempt += 1
        }
    }

    private func ask(_ path: String) -> Result<RegistryAnswer, RegistryFailure> {
        do throws(RegistryFailure) { return .success(try request.get(path)) } catch { return .failure(error) }
    }

    private func value(of answer: RegistryAnswer, _ subject: String) throws(SchemaError) -> JSONValue {
        let registry = request.url.text
        switch answer.status {
        case 200:
            guard let value = try? JSONParser().value(answer.body) else {
                throw SchemaError("\(registry) does not answer with JSON: it is no schema registry", .unavailable)
            }
            return value
        case 404: throw SchemaError("\(registry) knows no \(subject)", .unknown)
        case 401, 403:
            throw SchemaError(
                "\(registry) refuses the credentials (status \(answer.status)): say them with "
                    + "--schema-registry-credentials-file or THALWEG_SCHEMA_REGISTRY_CREDENTIALS", .unavailable)
        default:
            throw SchemaError(
                "\(registry) answers the question for \(subject) with status \(answer.status)", .unavailable)
        }
    }
}

/// RFC 4648.
private func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
        for position in 0..<4 {
            text.append(position <= group.count ? digits[Int(bits >> (18 - 6 * UInt32(position)) & 63)] : "=")
        }
    }
    return text
}
