import Synchronization

/// Passes warnings on: secrets taken out, and of each kind at most one a minute.
final class Warner: Sendable {
    private let receive: @Sendable (String) -> Void
    private let redactor: Redactor
    private let interval: Double
    /// By kind: when it was last passed on, and how many were kept back since.
    private let last = Mutex<[String: (seconds: Double, suppressed: Int)]>([:])

    init(_ redactor: Redactor, interval: Double = 60, _ receive: @escaping @Sendable (String) -> Void) {
        self.redactor = redactor
        self.interval = interval
        self.receive = receive
    }

    func warn(_ kind: String, _ message: @autoclosure () -> String) {
        let now = monotonicSeconds()
        let suppressed: Int? = last.withLock { last in
            if let previous = last[kind], now - previous.seconds < interval {
                last[kind] = (previous.seconds, previous.suppressed + 1)
                return nil
            }
            let count = last[kind]?.suppressed ?? 0
            last[kind] = (now, 0)
            return count
        }
        guard let suppressed else { return }
        let more = suppressed > 0 ? " (and \(suppressed) more of the kind before it)" : ""
        receive(redactor(message()) + more)
    }

    /// Passes on what the user asked to see, all of it.
    func debug(_ message: String) { receive(redactor(message)) }
}
