import Dispatch
import Records

/// The rings of a run's lanes, from which the learning thread takes batches as they come.
final class BatchRings {
    enum Next {
        case batch(FilledBatch, lane: Int)
        /// Nothing within the time, or until `waker` was called.
        case nothing
        /// That lane has ended; others have not.
        case ended(lane: Int)
        /// Every lane has ended.
        case end
    }

    let rings: [BatchRing]
    private let filled = DispatchSemaphore(value: 0)
    private var hasEnded: [Bool]
    private var last = 0

    init(lanes: Int, depth: Int, make: () -> RecordBatch) {
        let filled = filled
        rings = (0..<lanes).map { _ in BatchRing(depth: depth, filled: filled, make: make) }
        hasEnded = Array(repeating: false, count: lanes)
    }

    /// Ends a wait, for any thread to call.
    var waker: @Sendable () -> Void {
        let filled = filled
        return { filled.signal() }
    }

    /// - Parameter seconds: nil = as long as it takes.
    func next(waiting seconds: Double?) -> Next {
        while hasEnded.contains(false) {
            if let seconds {
                guard filled.wait(timeout: .now() + seconds) == .success else { return .nothing }
            } else {
                filled.wait()
            }
            var isWoken = true
            // In turns, so that a busy lane does not starve the other.
            for step in 1...rings.count {
                let lane = (last + step) % rings.count
                guard rings[lane].takeReady() else { continue }
                last = lane
                isWoken = false
                if let batch = rings[lane].nextFilled() { return .batch(batch, lane: lane) }
                hasEnded[lane] = true
                if hasEnded.contains(false) { return .ended(lane: lane) }
                break
            }
            if isWoken { return .nothing }
        }
        return .end
    }

    /// How the lanes ended, the worst first.
    var outcome: StreamEnd {
        for ring in rings { if case .failed = ring.outcome { return ring.outcome } }
        for ring in rings { if case .lost = ring.outcome { return ring.outcome } }
        for ring in rings { if case .stopped = ring.outcome { return .stopped } }
        return .endOfInput
    }
}
