import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// An HTTP/1 connection that answers small predictions on its event loop, without a task: handing a request to another
/// thread and back costs more than predicting it. Everything else, and everything unusual, goes to the routes.
struct DirectChannel: ServerChildChannel {
    private let base: HTTP1Channel
    private let state: ServiceState

    init(_ base: HTTP1Channel, _ state: ServiceState) {
        self.base = base
        self.state = state
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { [state] value in
            let pipeline = channel.pipeline.syncOperations
            // Behind the handler that counts requests, so that it sees these too when connections are to close.
            let counting = try pipeline.handler(type: HTTPConnectionStateHandler.self)
            try pipeline.addHandler(DirectPredictions(state), position: .after(counting))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

/// Gathers a small `POST /predict` and answers it; lets pass what it does not answer.
private final class DirectPredictions: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let state: ServiceState
    private var gathered: (head: HTTPRequest, body: ByteBuffer?, start: UInt64)?
    /// Requests that routes have and did not answer yet: nothing may overtake them.
    private var passed = 0
    private var hasWritten = false
    private var date = HTTPDate()

    init(_ state: ServiceState) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if passed == 0, state.isDirect(head) {
                gathered = (head, nil, monotonicNanoseconds())
            } else {
                passed += 1
                context.fireChannelRead(data)
            }
        case .body(var part):
            guard gathered != nil else { return context.fireChannelRead(data) }
            if gathered?.body == nil { gathered?.body = part } else { gathered?.body?.writeBuffer(&part) }
        case .end:
            guard let (head, body, start) = gathered else { return context.fireChannelRead(data) }
            gathered = nil
            if let body, let answer = state.directAnswer(head, body, since: start) {
                respond(answer, context)
            } else {
                passed += 1
                context.fireChannelRead(wrapInboundOut(.head(head)))
                if let body { context.fireChannelRead(wrapInboundOut(.body(body))) }
                context.fireChannelRead(data)
            }
        }
    }

    private func respond(_ answer: [UInt8], _ context: ChannelHandlerContext) {
        var fields = Self.fields
        fields.append(HTTPField(name: .contentLength, value: String(answer.count)))
        fields.append(date.field)
        context.write(wrapOutboundOut(.head(HTTPResponse(status: .ok, headerFields: fields))), promise: nil)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: answer))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        hasWritten = true
    }

    private static let fields: HTTPFields = [
        .contentType: "application/json", .server: HTTPService.name, .xContentTypeOptions: "nosniff",
        .contentSecurityPolicy: Front.contentSecurityPolicy,
    ]

    func channelReadComplete(context: ChannelHandlerContext) {
        if hasWritten {
            hasWritten = false
            context.flush()
        }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { passed -= 1 }
        context.write(data, promise: promise)
    }
}

@available(*, unavailable)
extension DirectPredictions: Sendable {}

extension ServiceState {
    /// Larger bodies would keep the other connections of an event loop waiting.
    private static let directBytes = 16 << 10

    /// Whether a request may be gathered for `directAnswer`.
    fileprivate func isDirect(_ head: HTTPRequest) -> Bool {
        guard head.method == .post, head.path == "/predict",
            let length = head.headerFields[.contentLength].flatMap({ Int($0) }), length > 0,
            length <= min(Self.directBytes, options.maximumBodyBytes)
        else { return false }
        let type = head.headerFields[.contentType]
        guard type == nil || type == "application/json" else { return false }
        let connection = head.headerFields[.connection]
        return head.headerFields[.expect] == nil && (connection == nil || connection?.lowercased() == "keep-alive")
    }

    /// What the route would answer; nil: let it answer, for something is wrong.
    fileprivate func directAnswer(_ head: HTTPRequest, _ body: ByteBuffer, since start: UInt64) -> [UInt8]? {
        do {
            try checkOrigin(head)
            try authorize(head, .read)
            let lines = try body.withUnsafeReadableBytes { bytes throws(Failure) in
                try RecordLines(json: bytes, maximumFields: options.maximumFields)
            }
            var answer: [UInt8] = []
            let isDone = try pool.use { predictor in
                // Records that may be folded are for the route.
                guard !predictor.takesFeatures, !lines.bytes[...].hasMember("features") else { return false }
                _ = try lines.bytes.withUnsafeBytes { try predictor.predict($0, into: &answer) }
                keep(predictor.kept)
                return true
            }
            guard isDone else { return nil }
            let taken = seconds(since: start)
            registry.countPredictions(lines.count, taken)
            registry.count("/predict", 200, taken)
            guard lines.isSingle else { return Self.array(ofLines: answer) }
            answer.removeLast()
            return answer
        } catch { return nil }
    }
}
