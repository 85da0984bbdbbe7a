import Dispatch
import Records

/// The rings of a run's lanes, from which the learning thread takes batches as they come, or from two lanes in turns.
final class BatchRings {
    enum Next {
        case batch(FilledBatch, lane: Int)
        /// The next of the first lane, and of the second; nil where one has ended.
        case pair(FilledBatch?, FilledBatch?)
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
    private let isInTurns: Bool
    /// Of two lanes in turns: the batches taken while the other one's had not come.
    private var held: [FilledBatch?] = [nil, nil]

    /// - Parameters:
    ///   - isInTurns: two lanes, of which batches are taken in pairs.
    ///   - make: a batch as the lane's reader fills it.
    init(lanes: Int, depth: Int, isInTurns: Bool = false, make: (_ lane: Int) -> RecordBatch) {
        let filled = filled
        rings = (0..<lanes).map { lane in
            isInTurns
                ? BatchRing(depth: depth) { make(lane) } : BatchRing(depth: depth, filled: filled) { make(lane) }
        }
        hasEnded = Array(repeating: false, count: lanes)
        self.isInTurns = isInTurns
    }

    /// Ends a wait, for any thread to call.
    var waker: @Sendable () -> Void {
        let filled = filled
        return { filled.signal() }
    }

    /// - Parameter seconds: nil = as long as it takes.
    func next(waiting seconds: Double?) -> Next {
        if isInTurns { return nextPair(seconds) }
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

    private func nextPair(_ seconds: Double?) -> Next {
        guard hasEnded.contains(false) else { return .end }
        for lane in 0..<2 where !hasEnded[lane] && held[lane] == nil {
            guard rings[lane].waitForReady(seconds) else { return .nothing }
            held[lane] = rings[lane].nextFilled()
            guard held[lane] == nil else { continue }
            hasEnded[lane] = true
            if hasEnded.contains(false) { return .ended(lane: lane) }
        }
        guard held[0] != nil || held[1] != nil else { return .end }
        defer { held = [nil, nil] }
        return .pair(held[0], held[1])
    }

    /// How the lanes ended, the worst first.
    var outcome: StreamEnd {
        for ring in rings { if case .failed = ring.outcome { return ring.outcome } }
        for ring in rings { if case .lost = ring.outcome { return ring.outcome } }
        for ring in rings { if case .stopped = ring.outcome { return .stopped } }
        return .endOfInput
    }
}
