import Engine
import Serving

extension Settings {
    /// Records come over HTTP only.
    var hasNoInput: Bool { inputs == ["none"] }

    /// The HTTP service; nil: none is wanted.
    func serviceOptions() throws -> ServiceOptions? {
        guard let address = text("http") else {
            guard !hasNoInput else { throw UsageError("--input none needs --http HOST:PORT: nothing would ever come") }
            return nil
        }
        var options = ServiceOptions()
        (options.host, options.port) = try Self.hostAndPort(address)
        options.modelName = try modelName()
        options.isReadOnly = try flag("read-only")
        options.hasAdmin = try !flag("no-admin")
        options.hasDashboard = try !flag("no-dashboard")
        options.allowsPublic = try flag("allow-public")
        options.target = schemaTarget
        options.certificatePath = text("tls-certificate")
        options.keyPath = text("tls-key")
        guard (options.certificatePath == nil) == (options.keyPath == nil) else {
            throw UsageError("--tls-certificate and --tls-key go together")
        }
        options.drainSeconds = try seconds("drain-timeout")
        options.ackSeconds = try seconds("ack-timeout")
        options.requestSeconds = try seconds("request-timeout")
        options.idleSeconds = try seconds("idle-timeout")
        options.staleSeconds = try seconds("stale-after")
        options.maximumBodyBytes = try integer("max-body-bytes", in: 1024...1 << 30)
        options.maximumConnections = try integer("max-connections", in: 1...1_000_000)
        options.maximumStreams = try integer("max-streams", in: 0...100_000)
        options.maximumFields = try integer("max-fields", in: 1...1_000_000)
        if let path = text("auth-token-file") {
            let text = try TextFile.read(path)
            do throws(ServiceError) { options.tokens = try Tokens(parsing: text) } catch {
                throw UsageError("'\(path)': \(error.description)")
            }
        }
        return options
    }

    private static func hostAndPort(_ text: String) throws -> (String, Int) {
        let wrong = UsageError("--http is '\(text)'; it takes HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw wrong }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw wrong }
        return (host, port)
    }

    private func modelName() throws -> String {
        let name = text("model-name") ?? ""
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard allowed, (1...64).contains(name.utf8.count), !name.hasPrefix(".") else {
            throw UsageError("--model-name is '\(name)'; it takes up to 64 letters, digits, '.', '_' and '-'")
        }
        return name
    }
}
