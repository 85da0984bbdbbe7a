import Connectors
import Synchronization

/// What a block has of one part.
struct Span {
    let part: Int
    var first: Int
    /// The offset after the last one.
    var next: Int
}

/// The bounded queue from the thread that polls to the one that learns, and the wishes that go the other way.
final class HandOver: Sendable {
    enum Item {
        case block(MessageBlock, spans: [Span], bytes: Int)
        case release([String])
        case lost([String])
        case end
        case failure(ConnectorError)
    }

    struct State {
        var items: [Item] = []
        var blocks = 0
        var bytes = 0
        var spare: [MessageBlock] = []
        /// Raised by every rewind; what was read before must not be handed out.
        var epoch = 0
        var rewinds = false
        var isReleasing = false
        var isClosing = false
        /// The group is left, nothing is held any more.
        var isLeft = false
        /// The client is freed as well.
        var isFinished = false
        /// By part: the offset after what was handed out.
        var handedOut: [Int: Int] = [:]
        var acknowledged: [String: Int] = [:]
    }

    static let maximumBlocks = 16
    static let maximumBytes = 8 << 20
    /// Above this it pays to fill blocks rather than to hand them over at once: they wait anyway.
    static let busyBlocks = 3

    let monitor = Monitor(State())
    /// Whether there are wishes to look at; looked at before every message, so no lock.
    let hasWishes = Atomic<Bool>(false)

    // MARK: the thread that polls

    /// Whether a block can be put in without exceeding the bounds.
    func hasRoom() -> Bool { monitor.read(Self.hasRoom) }

    private static func hasRoom(_ state: State) -> Bool {
        state.blocks == 0 || state.blocks < maximumBlocks && state.bytes < maximumBytes
    }

    /// Waits for room; false when there is none after `seconds`, or something else is to be done.
    func waitForRoom(seconds: Double) -> Bool {
        monitor.wait(seconds: seconds) { state -> Bool? in
            if state.isClosing || state.rewinds { return false }
            return Self.hasRoom(state) ? true : nil
        } ?? false
    }

    var isBusy: Bool { monitor.read { $0.blocks >= Self.busyBlocks } }

    /// Puts a block in, beyond the bounds if need be.
    ///
    /// - Returns: an empty block to go on with.
    func put(_ block: MessageBlock, spans: [Span], epoch: Int) -> MessageBlock {
        let bytes = block.chunk.capacity + block.keys.count
        let spare: MessageBlock? = monitor.update { state in
            guard state.epoch == epoch else { return block }
            state.items.append(.block(block, spans: spans, bytes: bytes))
            state.blocks += 1
            state.bytes += bytes
            return state.spare.popLast()
        }
        let next = spare ?? MessageBlock()
        next.recycle()
        return next
    }

    func put(_ item: Item) { monitor.update { $0.items.append(item) } }

    /// Drops the blocks not handed out yet; the first offset of each part that was dropped.
    func dropBlocks() -> [Int: Int] {
        monitor.update { state in Self.dropBlocks(&state) }
    }

    @discardableResult private static func dropBlocks(_ state: inout State) -> [Int: Int] {
        var first: [Int: Int] = [:]
        state.items.removeAll { item in
            guard case .block(let block, let spans, _) = item else { return false }
            for span in spans { first[span.part] = min(first[span.part] ?? span.first, span.first) }
            if state.spare.count < maximumBlocks { state.spare.append(block) }
            return true
        }
        (state.blocks, state.bytes) = (0, 0)
        return first
    }

    // MARK: the thread that learns

    func next(waiting seconds: Double, recycling recycled: MessageBlock?) throws(ConnectorError) -> MessageEvent {
        if let recycled, recycled.isFree() {
            monitor.update { state in
                // One given back twice would be filled while it is read.
                let isKnown = state.spare.contains { $0 === recycled }
                if !isKnown, state.spare.count < Self.maximumBlocks { state.spare.append(recycled) }
            }
        }
        let item: Item? = monitor.wait(seconds: seconds, until: Self.takeFirst)
        switch item {
        case nil: return .idle
        case .block(let block, _, _): return .messages(block)
        case .release(let parts): return .release(parts)
        case .lost(let parts): return .lost(parts)
        case .end: return .end
        case .failure(let error): throw error
        }
    }

    private static func takeFirst(_ state: inout State) -> Item? {
        guard let item = state.items.first else { return nil }
        switch item {
        case .block(_, let spans, let bytes):
            state.blocks -= 1
            state.bytes -= bytes
            for span in spans { state.handedOut[span.part] = span.next }
        case .release, .lost: break
        // They stay true.
        case .end, .failure: return item
        }
        state.items.removeFirst()
        return item
    }

    func rewind() {
        monitor.update { state in
            state.epoch += 1
            state.rewinds = true
            Self.dropBlocks(&state)
            state.items.removeAll { if case .end = $0 { true } else { false } }
        }
        hasWishes.store(true, ordering: .releasing)
    }

    func completeRelease() { monitor.update { $0.isReleasing = false } }

    // MARK: any thread

    func acknowledge(_ positions: [PartPosition]) {
        monitor.update { state in
            for position in positions { state.acknowledged[position.name] = position.offset }
        }
        hasWishes.store(true, ordering: .releasing)
    }

    /// Asks the polling thread to finish and waits for it; false when it did not leave in time.
    func close(seconds: Double) -> Bool {
        monitor.update { $0.isClosing = true }
        hasWishes.store(true, ordering: .releasing)
        guard monitor.wait(seconds: seconds, until: { $0.isLeft ? true : nil }) != nil else { return false }
        // librdkafka 2.0.2 may never end its threads after a topic was deleted; nothing depends on it.
        _ = monitor.wait(seconds: 2) { $0.isFinished ? true : nil }
        return true
    }
}
