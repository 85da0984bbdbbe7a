import Connectors
import Synchronization

/// What a source counts, written by the thread that polls and read by any.
final class SourceCounters: Sendable {
    let rebalances = Atomic<Int>(0)
    let errors = Atomic<Int>(0)
    let duplicates = Atomic<Int>(0)
    let gaps = Atomic<Int>(0)
    let empty = Atomic<Int>(0)
    let pauses = Atomic<Int>(0)
    /// Of the partitions at hand: number, name, and the offset the next message will get.
    let highs = Mutex<[(number: Int, name: String, high: Int?)]>([])

    func status(_ handOver: HandOver, _ hooks: ClientHooks?) -> SourceStatus {
        var status = SourceStatus()
        let handedOut = handOver.monitor.read { $0.handedOut }
        status.lags = highs.withLock { $0 }.map { number, name, high in
            guard let high, let next = handedOut[number] else { return (name, nil) }
            return (name, max(0, high - next))
        }
        let broken = hooks?.errors.load(ordering: .relaxed) ?? 0
        status.counters = [
            ("rebalances", rebalances.load(ordering: .relaxed)),
            ("errors", errors.load(ordering: .relaxed) + broken),
            ("duplicates", duplicates.load(ordering: .relaxed)),
            ("gaps", gaps.load(ordering: .relaxed)),
            ("empty", empty.load(ordering: .relaxed)),
            ("disconnects", hooks?.disconnects.load(ordering: .relaxed) ?? 0),
            ("pauses", pauses.load(ordering: .relaxed)),
        ]
        return status
    }
}
