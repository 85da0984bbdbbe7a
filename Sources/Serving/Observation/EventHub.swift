import Synchronization

/// Hands events to all who listen. A listener that does not keep up loses the oldest, and is told how many.
final class EventHub: Sendable {
    struct Event: Sendable {
        let id: Int
        let text: [UInt8]
    }

    /// One listener.
    final class Client: Sendable {
        let events: AsyncStream<Event>
        fileprivate let continuation: AsyncStream<Event>.Continuation
        private let dropped = Atomic<Int>(0)

        fileprivate init() {
            (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(EventHub.depth))
        }

        fileprivate func send(_ event: Event) {
            if case .dropped = continuation.yield(event) { dropped.add(1, ordering: .relaxed) }
        }

        /// Events lost since the last call.
        func takeDropped() -> Int { dropped.exchange(0, ordering: .relaxed) }
    }

    private struct Contents {
        var clients: [ObjectIdentifier: Client] = [:]
        var last = 0
        var newest: Event?
        var isFinished = false
    }

    /// Events that wait for one listener.
    static let depth = 16
    private let maximumClients: Int
    private let contents = Mutex(Contents())

    init(maximumClients: Int) { self.maximumClients = maximumClients }

    var newest: Event? { contents.withLock { $0.newest } }

    var clients: Int { contents.withLock { $0.clients.count } }

    /// - Parameter seen: the last event that this listener had on an earlier connection; it is not sent again.
    /// - Returns: nil when there are too many already, or none are wanted any more.
    func join(after seen: Int? = nil) -> Client? {
        contents.withLock { contents in
            guard !contents.isFinished, contents.clients.count < maximumClients else { return nil }
            let client = Client()
            contents.clients[ObjectIdentifier(client)] = client
            if let newest = contents.newest, newest.id != seen { client.send(newest) }
            return client
        }
    }

    func leave(_ client: Client) {
        contents.withLock { $0.clients[ObjectIdentifier(client)] = nil }
        client.continuation.finish()
    }

    /// Sends an event of a name with one line of data.
    ///
    /// - Parameter greets: whoever comes later gets it first, while none newer came.
    func send(_ name: String, _ data: [UInt8], greets: Bool = true) {
        contents.withLock { contents in
            contents.last += 1
            var text = Array("id: \(contents.last)\nevent: \(name)\ndata: ".utf8)
            text += data
            text += "\n\n".utf8
            let event = Event(id: contents.last, text: text)
            if greets { contents.newest = event }
            for client in contents.clients.values { client.send(event) }
        }
    }

    /// A comment, so that nobody takes a quiet connection for a dead one.
    func beat() {
        contents.withLock { contents in
            for client in contents.clients.values { client.send(Event(id: 0, text: Array(": heartbeat\n\n".utf8))) }
        }
    }

    /// Ends all streams.
    func finish() {
        contents.withLock { contents in
            contents.isFinished = true
            for client in contents.clients.values { client.continuation.finish() }
        }
    }
}
