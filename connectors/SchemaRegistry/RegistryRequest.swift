import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a registry gave no answer at all; it may give one later.
struct RegistryFailure: Error {
    let description: String
}

/// What a registry answered.
struct RegistryAnswer: Sendable {
    let status: Int
    let body: [UInt8]
}

/// One request on a connection of its own, waited for. Schemas are asked for once each: there is nothing to keep open.
struct RegistryRequest {
    let url: RegistryURL
    let tls: NIOSSLContext?
    /// Value of the `Authorization` header.
    let authorization: String?
    let connectSeconds: Int64
    let seconds: Int64
    /// Longer answers are none.
    static let maximumBytes = 8 << 20

    /// Blocks; not for event loops.
    func get(_ path: String) throws(RegistryFailure) -> RegistryAnswer {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: RegistryAnswer.self)
        let head = head(path)
        let connection = bootstrap(loop, promise).connect(host: url.host, port: url.port)
        connection.whenFailure { promise.fail($0) }
        connection.whenSuccess { channel in
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        }
        let timeout = loop.scheduleTask(in: .seconds(seconds)) {
            promise.fail(RegistryFailure(description: "no answer within \(seconds) s"))
        }
        defer {
            timeout.cancel()
            connection.whenSuccess { $0.close(promise: nil) }
        }
        do { return try promise.futureResult.wait() } catch let failure as RegistryFailure { throw failure } catch {
            throw RegistryFailure(description: Self.text(error))
        }
    }

    private func head(_ path: String) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: url.hostAndPort)
        headers.add(name: "Accept", value: "application/vnd.schemaregistry.v1+json, application/json")
        headers.add(name: "User-Agent", value: "thalweg")
        headers.add(name: "Connection", value: "close")
        if let authorization { headers.add(name: "Authorization", value: authorization) }
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: url.path + path, headers: headers)
    }

    private func bootstrap(_ loop: any EventLoop, _ promise: EventLoopPromise<RegistryAnswer>) -> ClientBootstrap {
        let (tls, url) = (tls, url)
        return ClientBootstrap(group: loop)
            .connectTimeout(.seconds(connectSeconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        let name = url.isAddress ? nil : url.host
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(NIOHTTPClientResponseAggregator(maxContentLength: Self.maximumBytes))
                    try pipeline.addHandler(AnswerHandler(promise))
                }
            }
    }

    /// What happened, in words for people. Nothing in it comes from a request's headers.
    private static func text(_ error: any Error) -> String {
        switch error {
        case let failure as NIOConnectionError:
            if let dns = failure.dnsAError ?? failure.dnsAAAAError, failure.connectionErrors.isEmpty {
                return "the name cannot be resolved (\(dns))"
            }
            if let first = failure.connectionErrors.first { return text(first.error) }
            return "it cannot be connected to"
        case let failure as IOError: return String(cString: strerror(failure.errnoCode))
        case HTTPParserError.invalidEOFState: return "the connection was closed before the answer came"
        case ChannelError.connectTimeout: return "it does not accept a connection in time"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return tlsText("\(error)")
        default: return "\(error)"
        }
    }

    private static func tlsText(_ text: String) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "no known authority vouches for its certificate (--schema-registry-ca FILE names others)"
        }
        // Where in the library it was found out helps nobody.
        return "TLS: \(text.firstRange(of: " at /").map { String(text[..<$0.lowerBound]) } ?? text)"
    }
}

/// Takes the answer, or says that there will be none.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = NIOHTTPClientResponseFull
    private let promise: EventLoopPromise<RegistryAnswer>

    init(_ promise: EventLoopPromise<RegistryAnswer>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let response = unwrapInboundIn(data)
        let body = response.body.map { Array($0.readableBytesView) } ?? []
        promise.succeed(RegistryAnswer(status: Int(response.head.status.code), body: body))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(RegistryFailure(description: "the connection was closed before the answer came"))
        context.fireChannelInactive()
    }
}
