import Connectors
import Engine
import Hummingbird
import JSON
import NIOCore
import Synchronization

/// What a request knows besides itself.
struct ServingContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: ApplicationRequestContextSource) { coreContext = CoreRequestContextStorage(source: source) }
}

/// What all routes share.
final class ServiceState: Sendable {
    let options: ServiceOptions
    let live: LiveModel
    /// Nil: nothing is learned over HTTP.
    let inbox: RecordInbox?
    let pool: PredictorPool
    let registry = MetricsRegistry()
    let events: EventHub
    /// Of the run's input; nil: it tells nothing.
    let source: @Sendable () -> SourceStatus?
    /// Seconds since 1970.
    let startSeconds = wallSeconds()
    private let draining = Atomic<Bool>(false)

    init(
        _ options: ServiceOptions, _ live: LiveModel, _ inbox: RecordInbox?,
        source: @escaping @Sendable () -> SourceStatus?
    ) {
        self.options = options
        self.live = live
        self.inbox = options.isReadOnly ? nil : inbox
        self.source = source
        pool = PredictorPool(live)
        events = EventHub(maximumClients: options.maximumStreams)
    }

    /// Records that wait, by part of the input; those handed in over HTTP are a part of their own.
    var lags: [(part: String, records: Int?)] {
        let input = source()?.lags ?? []
        guard let inbox else { return input }
        return input + [(part: RecordInbox.partName, records: inbox.waiting.records)]
    }

    /// A stop was asked for: nothing new begins.
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    func drain() {
        draining.store(true, ordering: .releasing)
        events.finish()
    }

    /// Why requests should go elsewhere; nil: they are welcome.
    var unreadiness: String? {
        if isDraining { return "stopping" }
        guard let info = live.info else { return "no model is published yet: no record was learned" }
        if live.activity.isOver { return "the run is over" }
        let source = source()
        if let disconnection = source?.disconnection { return "the input is not connected: \(disconnection)" }
        guard options.staleSeconds > 0 else { return nil }
        let lag = (source?.lag ?? 0) + (inbox?.waiting.records ?? 0)
        guard info.ageSeconds > options.staleSeconds, lag > 0 else { return nil }
        return "the model is \(Int(info.ageSeconds)) s old and \(lag) records behind"
    }
}

extension ServiceState {
    /// The whole body.
    func body(of request: Request) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > options.maximumBodyBytes {
            throw tooLarge
        }
        do { return try await request.body.collect(upTo: options.maximumBodyBytes) } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }

    private var tooLarge: Failure {
        Failure(.contentTooLarge, "the body is larger than \(options.maximumBodyBytes) bytes: send it in pieces")
    }

    /// The body as a JSON document.
    func document(of request: Request) async throws -> JSONValue {
        let body = try await body(of: request)
        do throws(JSONError) { return try JSONParser().value(body.readableBytesView) } catch {
            throw Failure.badRequest("the body is no JSON document: \(error.description)")
        }
    }
}

extension VersionInfo {
    /// Seconds since it was published.
    var ageSeconds: Double {
        let now = monotonicNanoseconds()
        return now > uptimeNanoseconds ? Double(now - uptimeNanoseconds) / 1e9 : 0
    }
}
