import Connectors

/// What the HTTP service may do, and its limits. Every limit has a value.
public struct ServiceOptions: Sendable {
    public var host = "127.0.0.1"
    /// 0 = any free one.
    public var port = 8080
    /// Of the model, in paths and answers.
    public var modelName = "thalweg"
    /// Bearer tokens; empty = nobody is asked for one.
    public var tokens = Tokens()
    /// PEM files; both or none.
    public var certificatePath: String?
    public var keyPath: String?
    /// Nothing is learned over HTTP.
    public var isReadOnly = false
    /// There are routes for administrators.
    public var hasAdmin = true
    /// There is a page for people at `/`.
    public var hasDashboard = true
    /// A bind that is not loopback is wanted.
    public var allowsPublic = false
    /// The field to predict, as far as it is known before there is a model.
    public var target: String?

    public var maximumBodyBytes = 16 << 20
    public var maximumConnections = 1024
    /// Event streams at the same time.
    public var maximumStreams = 64
    public var maximumHeaderBytes = 32 << 10
    public var maximumHeaderFieldBytes = 8 << 10
    public var maximumHeaders = 100
    /// Of one record in a request.
    public var maximumFields = 10_000
    /// A connection on which nothing moves is closed.
    public var idleSeconds = 30.0
    /// A request that is no stream must have arrived within.
    public var requestSeconds = 30.0
    /// How long `ack=applied` waits.
    public var ackSeconds = 10.0
    /// How long requests in flight may take after a stop.
    public var drainSeconds = 10.0
    /// Readiness goes off when the newest version is older and the source has more to give; 0 = never.
    public var staleSeconds = 0.0

    public init() {}

    /// Whether only this machine can reach it.
    public var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// A service that cannot start: what happened and what to do.
public struct ServiceError: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
