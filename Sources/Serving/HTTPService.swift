import Connectors
import Dispatch
import Engine
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The HTTP service beside a run. It has threads of its own; the run keeps its caller's.
public final class HTTPService: Sendable {
    private let state: ServiceState
    private let stop: StopRequest
    private let inbox: RecordInbox?
    private let isWanted = Atomic<Bool>(true)
    private let finished = DispatchSemaphore(value: 0)
    private let begun = DispatchSemaphore(value: 0)
    private let outcome = Mutex<Result<String, ServiceError>>(.failure(ServiceError("it did not start")))
    /// In answers.
    static let name = "thalweg"
    private static let breath = Duration.milliseconds(20)

    /// Listens from now on. Blocks until it does; not for tasks.
    ///
    /// - Parameters:
    ///   - inbox: closed once the last request in flight is answered, however the service ends.
    ///   - stop: begins the end: readiness goes off, requests in flight are answered.
    ///   - source: of the run's input.
    public static func start(
        _ options: ServiceOptions, live: LiveModel, inbox: RecordInbox?, stop: StopRequest,
        source: @escaping @Sendable () -> SourceStatus? = { nil }, warn: @escaping @Sendable (String) -> Void
    ) throws(ServiceError) -> HTTPService {
        try check(options, warn)
        let service = HTTPService(ServiceState(options, live, inbox, source: source), stop, inbox)
        let builder = try service.channelBuilder(warn)
        Task.detached { await service.run(builder) }
        service.begun.wait()
        _ = try service.outcome.withLock { $0 }.get()
        return service
    }

    private init(_ state: ServiceState, _ stop: StopRequest, _ inbox: RecordInbox?) {
        self.state = state
        self.stop = stop
        self.inbox = inbox
    }

    /// `http://127.0.0.1:8080`.
    public var address: String { (try? outcome.withLock { $0 }.get()) ?? "" }

    /// Answers what is in flight, and no more. Returns when that is done; not for tasks.
    public func shutdown() {
        isWanted.store(false, ordering: .releasing)
        finished.wait()
        finished.signal()
    }

    private static func check(_ options: ServiceOptions, _ warn: (String) -> Void) throws(ServiceError) {
        guard !options.isLoopback else { return }
        guard !options.tokens.isEmpty || options.allowsPublic else {
            throw ServiceError(
                "\(options.host) can be reached by others: give --auth-token-file, or say --allow-public")
        }
        if options.tokens.isEmpty { warn("anybody who reaches \(options.host) can use the model") }
        if options.certificatePath == nil { warn("requests to \(options.host) are not encrypted (--tls-certificate)") }
    }

    private func channelBuilder(_ warn: @escaping @Sendable (String) -> Void) throws(ServiceError) -> HTTPServerBuilder
    {
        let options = state.options
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: options.maximumHeaderFieldBytes, maxHeaderListSize: options.maximumHeaderBytes,
            maxHeaderFieldCount: options.maximumHeaders)
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(options)],
            idleTimeout: .milliseconds(Int64(options.idleSeconds * 1000)), httpDecoderConfiguration: decoder)
        let plain = HTTPServerBuilder { [state] responder in
            DirectChannel(HTTP1Channel(responder: responder, configuration: configuration), state)
        }
        guard let certificate = options.certificatePath, let key = options.keyPath else { return plain }
        let certificates = try Certificates(certificate: certificate, key: key, warn: warn)
        let security = try certificates.configuration()
        do { return try .tls(plain, tlsConfiguration: security) } catch {
            throw ServiceError("TLS: \(error)")
        }
    }

    private func run(_ builder: HTTPServerBuilder) async {
        let options = state.options
        // What must be said is said by the run; metadata for nobody would cost every request.
        let logger = Logger(label: "thalweg.http") { _ in SwiftLogNoOpLogHandler() }
        let application = Application(
            responder: Front(state: state, routes: state.routes()), server: builder,
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: Self.name, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(options.maximumConnections)),
            onServerRunning: { [self] channel in didBind(channel) }, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        let watcher = Task { await end(group) }
        let monitor = Task { [state] in
            var monitor = Monitor(state)
            await monitor.run()
        }
        let server = Task { try await group.run() }
        watcher.cancelAfterDrain(server, options.drainSeconds)
        do { try await server.value } catch { didFail(error) }
        watcher.cancel()
        monitor.cancel()
        inbox?.close()
        finished.signal()
    }

    private func didBind(_ channel: any Channel) {
        let scheme = state.options.certificatePath == nil ? "http" : "https"
        let host = state.options.host.contains(":") ? "[\(state.options.host)]" : state.options.host
        let port = channel.localAddress?.port ?? state.options.port
        outcome.withLock { $0 = .success("\(scheme)://\(host):\(port)") }
        begun.signal()
    }

    private func didFail(_ error: any Error) {
        let isRunning: Bool = outcome.withLock { outcome in
            if case .success = outcome { return true }
            outcome = .failure(
                ServiceError("cannot listen on \(state.options.host):\(state.options.port): \(error)"))
            return false
        }
        if !isRunning { begun.signal() }
    }

    /// Waits for a stop, then lets the server finish.
    private func end(_ group: ServiceGroup) async {
        while stop.signal == 0, isWanted.load(ordering: .acquiring) {
            do { try await Task.sleep(for: Self.breath) } catch { return }
        }
        state.drain()
        await group.triggerGracefulShutdown()
    }
}

extension Task where Success == Void, Failure == Never {
    /// Once this task is done, gives the other one so much time.
    fileprivate func cancelAfterDrain(_ server: Task<Void, any Error>, _ seconds: Double) {
        Task {
            await value
            try? await Task<Never, Never>.sleep(for: .seconds(seconds))
            server.cancel()
        }
    }
}
