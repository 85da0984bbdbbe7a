import ArgumentParser

/// The options of the HTTP service.
struct ServiceFlags: ParsableArguments {
    @Option(help: "HOST:PORT: serve the model over HTTP while it learns.") var http: String?
    @Option(help: "The model's name in paths and answers (thalweg).") var modelName: String?
    @Option(help: "Lines ROLE TOKEN; roles: read, learn, admin.") var authTokenFile: String?
    @Option(name: .customLong("tls-certificate"), help: "PEM file; read again when it changes.")
    var certificate: String?
    @Option(name: .customLong("tls-key"), help: "PEM file of the certificate's key.") var key: String?
    @Flag(help: "Learn nothing over HTTP.") var readOnly = false
    @Flag(help: "No routes for administrators.") var noAdmin = false
    @Flag(help: "No page for people at /.") var noDashboard = false
    @Flag(help: "Serve others without tokens.") var allowPublic = false
    @Option(help: "For requests in flight after a stop (10s).") var drainTimeout: String?
    @Option(help: "How long ack=applied waits (10s).") var ackTimeout: String?
    @Option(help: "For a request to arrive (30s).") var requestTimeout: String?
    @Option(help: "For a connection on which nothing moves (30s).") var idleTimeout: String?
    @Option(help: "Not ready with an older model; 0 = never.") var staleAfter: String?
    @Option(help: "Larger requests are refused (16777216).") var maxBodyBytes: String?
    @Option(help: "More connections wait to be accepted (1024).") var maxConnections: String?
    @Option(help: "Event streams at the same time (64).") var maxStreams: String?
    @Option(help: "Fields of one record in a request (10000).") var maxFields: String?

    /// What was given, by setting name.
    var given: [String: [String]] {
        func one(_ value: String?) -> [String] { value.map { [$0] } ?? [] }
        return [
            "http": one(http), "model-name": one(modelName), "auth-token-file": one(authTokenFile),
            "tls-certificate": one(certificate), "tls-key": one(key), "read-only": readOnly ? ["true"] : [],
            "no-admin": noAdmin ? ["true"] : [], "no-dashboard": noDashboard ? ["true"] : [],
            "allow-public": allowPublic ? ["true"] : [], "drain-timeout": one(drainTimeout),
            "ack-timeout": one(ackTimeout), "request-timeout": one(requestTimeout), "idle-timeout": one(idleTimeout),
            "stale-after": one(staleAfter), "max-body-bytes": one(maxBodyBytes),
            "max-connections": one(maxConnections), "max-streams": one(maxStreams), "max-fields": one(maxFields),
        ]
    }
}
