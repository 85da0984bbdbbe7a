import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Cuts off what takes too long or sends too much on one connection, whatever the routes do: a request that does not
/// arrive in time, a body beyond the limit, a client that does not read its answers.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let maximumBody: Int
    private let requestTime: TimeAmount
    private let idleTime: TimeAmount
    /// When the request that is being read must be here; nil: none is, or it may take its time.
    private var deadline: NIODeadline?
    /// One for many requests: it looks what the deadline is by then.
    private var timer: Scheduled<Void>?
    private var stall: Scheduled<Void>?
    private var bodyBytes = 0
    private var isStream = false
    private var isReading = false
    /// An answer has begun and not ended.
    private var isAnswering = false
    /// The rest of this body is nobody's business.
    private var isCut = false

    init(_ options: ServiceOptions) {
        maximumBody = options.maximumBodyBytes
        requestTime = .milliseconds(Int64(options.requestSeconds * 1000))
        idleTime = .milliseconds(Int64(options.idleSeconds * 1000))
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }

    private func cancel() {
        timer?.cancel()
        stall?.cancel()
        timer = nil
        stall = nil
    }

    private func setTimer(_ context: ChannelHandlerContext, at time: NIODeadline) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: time) {
            let (guardian, context) = bound.value
            guardian.timer = nil
            guard let deadline = guardian.deadline else { return }
            if deadline <= .now() { context.close(promise: nil) } else { guardian.setTimer(context, at: deadline) }
        }
    }

    private func closing(_ context: ChannelHandlerContext, after time: TimeAmount) -> Scheduled<Void> {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: time) { bound.value.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            bodyBytes = 0
            isCut = false
            isReading = true
            isStream = head.path?.utf8.starts(with: "/predict".utf8) ?? false && Self.hasLines(head)
            deadline = isStream ? nil : .now() + requestTime
            if let deadline, timer == nil { setTimer(context, at: deadline) }
            if Self.waitsForLeave(head, limit: isStream ? .max : maximumBody) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            context.fireChannelRead(data)
        case .body(let part):
            guard !isCut else { return }
            bodyBytes += part.readableBytes
            context.fireChannelRead(data)
            if !isStream, bodyBytes > maximumBody {
                // The route has seen that it is too much; it need not see how much.
                isCut = true
                context.fireChannelRead(wrapInboundOut(.end(nil)))
            }
        case .end:
            deadline = nil
            isReading = false
            if !isCut { context.fireChannelRead(data) }
        }
    }

    /// curl asks before it sends a large body, and waits a second for an answer.
    private static func waitsForLeave(_ head: HTTPRequest, limit: Int) -> Bool {
        guard head.headerFields[.expect]?.lowercased() == "100-continue" else { return false }
        return head.headerFields[.contentLength].flatMap { Int($0) } ?? 0 <= limit
    }

    private static func hasLines(_ head: HTTPRequest) -> Bool {
        guard let type = head.headerFields[.contentType], type != "application/json" else { return false }
        return type.contains("ndjson") || type.contains("jsonl") || type.contains("text/plain")
    }

    /// Headers beyond the limits: says so, where nothing else is being said.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard (error as? HTTPParserError) == .headerOverflow, !isAnswering else {
            return context.fireErrorCaught(error)
        }
        let body = ByteBuffer(string: "{\"error\":\"the headers are larger, or more, than this service takes\"}")
        var response = HTTPResponse(status: .requestHeaderFieldsTooLarge)
        response.headerFields[.contentType] = "application/json"
        response.headerFields[.contentLength] = String(body.readableBytes)
        response.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): isAnswering = head.status.kind != .informational
        case .body: break
        case .end: isAnswering = false
        }
        guard case .end = unwrapOutboundIn(data), isReading else { return context.write(data, promise: promise) }
        // Answered before the request was read: reading on for nothing is what a flood would like.
        context.writeAndFlush(data, promise: promise)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(200)) {
            if bound.value.0.isReading { bound.value.1.close(promise: nil) }
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stall?.cancel()
            stall = nil
        } else if stall == nil {
            stall = closing(context, after: idleTime)
        }
        context.fireChannelWritabilityChanged()
    }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}
