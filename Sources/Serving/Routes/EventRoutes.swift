import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPField.Name {
    /// Tells proxies (nginx) to pass events on as they come.
    fileprivate static let unbuffered = HTTPField.Name("X-Accel-Buffering") ?? .cacheControl
    /// What a listener says that comes back (HTML, server-sent events).
    fileprivate static let lastEvent = HTTPField.Name("Last-Event-ID") ?? .ifMatch
}

extension ServiceState {
    func addEventRoutes(to table: RouteTable) {
        table.get("/events") { [self] request, _ in
            let seen = request.headers[.lastEvent].flatMap { Int($0) }
            guard let client = events.join(after: seen) else {
                var failure = Failure(.serviceUnavailable, "too many event streams are open")
                failure.headers[.retryAfter] = "5"
                throw failure
            }
            return Response(
                status: .ok,
                headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .unbuffered: "no"],
                body: ResponseBody { [self] writer in
                    defer { events.leave(client) }
                    try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
                    for await event in client.events {
                        let dropped = client.takeDropped()
                        if dropped > 0 {
                            try await writer.write(
                                ByteBuffer(string: "event: dropped\ndata: {\"dropped\":\(dropped)}\n\n"))
                        }
                        try await writer.write(ByteBuffer(bytes: event.text))
                    }
                    try await writer.finish(nil)
                })
        }
    }
}
