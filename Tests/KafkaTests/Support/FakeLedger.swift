import Connectors
import Synchronization

/// A ledger in memory; several sources may share one, as workers share a snapshot directory.
final class FakeLedger: PartLedger {
    struct State {
        var next: [String: Int] = [:]
        var holders: [String: String] = [:]
        var claims: [String] = []
        var releases: [String] = []
    }

    let worker: String
    let isDurable: Bool
    let shared: SharedParts

    init(worker: String = "w1", isDurable: Bool = true, shared: SharedParts = SharedParts()) {
        self.worker = worker
        self.isDurable = isDurable
        self.shared = shared
    }

    func claim(_ part: String) throws(ConnectorError) -> PartClaim {
        shared.state.withLock { state in
            if let holder = state.holders[part], holder != worker { return .held(by: holder) }
            state.holders[part] = worker
            state.claims.append(part)
            return .granted(next: state.next[part])
        }
    }

    func release(_ part: String) {
        shared.state.withLock { state in
            if state.holders[part] == worker { state.holders[part] = nil }
            state.releases.append(part)
        }
    }

    func next(_ part: String) -> Int? { shared.state.withLock { $0.next[part] } }
    func set(_ part: String, next: Int?) { shared.state.withLock { $0.next[part] = next } }
    var releases: [String] { shared.state.withLock { $0.releases } }
}

final class SharedParts: Sendable {
    let state = Mutex(FakeLedger.State())
}
