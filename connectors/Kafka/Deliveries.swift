import CRdkafka
import Connectors
import Synchronization

/// What became of the messages in a producer's queue: how many of each flush's are still out, and the first that
/// failed.
///
/// A message belongs to an epoch, the one it was sent in; a flush begins another and waits for the ones before it, so
/// that it ends although sending goes on.
final class Deliveries: Sendable {
    private struct State {
        var epoch = 1
        var outstanding: [Int: Int] = [:]
        var failure: ConnectorError?
    }

    private let state = Mutex(State())
    private let hasFailed = Atomic<Bool>(false)

    /// Counts a message that is about to be sent; its tag.
    func begin() -> Int {
        state.withLock { state in
            state.outstanding[state.epoch, default: 0] += 1
            return state.epoch
        }
    }

    /// Takes a message back that could not be put into the queue.
    func cancel(_ tag: Int) { state.withLock { Self.finish(&$0, tag) } }

    private static func finish(_ state: inout State, _ tag: Int) {
        let left = (state.outstanding[tag] ?? 0) - 1
        state.outstanding[tag] = left > 0 ? left : nil
    }

    func delivered(_ tag: Int, _ failure: ConnectorError?) {
        state.withLock { state in
            Self.finish(&state, tag)
            if state.failure == nil, let failure { state.failure = failure }
        }
        if failure != nil { hasFailed.store(true, ordering: .releasing) }
    }

    func fail(_ failure: ConnectorError) {
        state.withLock { if $0.failure == nil { $0.failure = failure } }
        hasFailed.store(true, ordering: .releasing)
    }

    /// - Throws: the first failure, from now on always.
    func check() throws(ConnectorError) {
        guard hasFailed.load(ordering: .acquiring), let failure = state.withLock({ $0.failure }) else { return }
        throw failure
    }

    /// Begins another epoch; the last one before it.
    func nextEpoch() -> Int {
        state.withLock { state in
            state.epoch += 1
            return state.epoch - 1
        }
    }

    /// Whether everything up to an epoch is delivered or failed.
    func isSettled(upTo epoch: Int) -> Bool { state.withLock { !$0.outstanding.keys.contains { $0 <= epoch } } }
}
