import CRdkafka
import Connectors
import Glibc
import Synchronization

/// The thread that polls the consumer: everything of librdkafka's happens here, callbacks included, so nothing in it is
/// locked. What others want of it comes through `HandOver`.
final class Poller: @unchecked Sendable {
    let options: KafkaSourceOptions
    let ledger: any PartLedger
    let handOver: HandOver
    let counters: SourceCounters
    let warner: Warner
    /// Nil once closed.
    var client: Client?
    var handle: OpaquePointer
    var parts = PartTable()
    var builder: BlockBuilder
    /// What the builder's block has of each part, and where in `spans` a part's stands.
    private var spans: [Span] = []
    private var spanOfPart: [Int] = []
    var epoch = 0
    /// Whether this client must not be destroyed before it was given partitions once.
    var isFragile = false
    var isPressed = false
    var isFailed = false
    var isEndSaid = false
    var isCommitting = false
    var commitIsDue = false
    var nextCommit = 0.0
    private var nextSettling = 0.0
    private var nextStatus = 0.0
    private var nextProbe = 0.0
    var nextTopicCheck: Double
    var isTopicMissing = false

    init(
        _ options: KafkaSourceOptions, _ client: Client, _ ledger: any PartLedger, _ handOver: HandOver,
        _ counters: SourceCounters
    ) {
        self.options = options
        self.client = client
        self.ledger = ledger
        self.handOver = handOver
        self.counters = counters
        handle = client.handle
        warner = client.hooks.warner
        builder = BlockBuilder(options)
        nextTopicCheck = monotonicSeconds() + options.silentSeconds
    }

    var isGroup: Bool { options.group != nil }

    /// Polls until the source is closed.
    func run(assigning partitions: [(topic: String, partition: Int32)]) {
        begin(partitions)
        while !handOver.monitor.read({ $0.isClosing }) {
            serveWishes()
            guard !isFailed else {
                _ = handOver.monitor.wait(seconds: 1) { $0.isClosing ? true : nil }
                continue
            }
            // Between two looks at the clock there may be a block's worth of messages.
            serveTimers()
            if builder.isFull, !passOn(waiting: isPressed ? 0.1 : 1) { press() } else { fill() }
        }
        finish()
    }

    private func begin(_ partitions: [(topic: String, partition: Int32)]) {
        client?.hooks.onRebalance = { [unowned self] code, list in rebalance(code, list) }
        client?.hooks.onCommit = { [unowned self] code, list in committed(code, list) }
        guard isGroup else { return assign(partitions) }
        let topics = TopicPartitions(capacity: options.topics.count)
        for topic in options.topics { topics.add(topic, -1) }
        let code = rd_kafka_subscribe(handle, topics.list)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            fail(ConnectorError("cannot join the group '\(options.group ?? "")': \(meaning(code))"))
        }
    }

    // MARK: messages

    /// Reads until the block is full, or handed over because nothing more is there.
    private func fill() {
        var timeout: Int32 = builder.isEmpty ? 50 : 0
        while !builder.isFull, !isFailed, !handOver.hasWishes.load(ordering: .acquiring) {
            if let message = rd_kafka_consumer_poll(handle, timeout) {
                take(message)
                rd_kafka_message_destroy(message)
                timeout = 0
            } else if builder.isEmpty {
                return
            } else if handOver.isBusy {
                if timeout > 0 { return }
                timeout = 2
            } else {
                passOn(waiting: 0)
                return
            }
        }
    }

    private func take(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { return serve(event: message) }
        if isDown { client?.hooks.isDown.store(false, ordering: .relaxed) }
        guard let number = parts.find(message), parts[number].phase == .running else { return }
        let offset = Int(message.pointee.offset)
        let next = parts[number].next
        // No broker counts that far; the next one must be a number, too.
        guard offset >= 0, offset < Int.max else { return }
        guard offset >= next else {
            counters.duplicates.add(1, ordering: .relaxed)
            return
        }
        if options.untilEnd, !parts[number].isEndSeen { seeEnd(number) }
        if let end = parts[number].end, offset >= end { return reachedEnd(number) }
        if offset > next { counters.gaps.add(offset - next, ordering: .relaxed) }
        // A large message gets a block of its own rather than making this one's buffer grow.
        if builder.wouldGrow(message), handOver.hasRoom() { passOn(waiting: 0) }
        builder.append(message, part: number)
        note(number, offset)
        parts[number].next = offset + 1
        parts[number].isAtEarliest = false
        if let end = parts[number].end, offset + 1 >= end { reachedEnd(number) }
    }

    private func note(_ number: Int, _ offset: Int) {
        while spanOfPart.count <= number { spanOfPart.append(-1) }
        let index = spanOfPart[number]
        if index >= 0 {
            spans[index].next = offset + 1
        } else {
            spanOfPart[number] = spans.count
            spans.append(Span(part: number, first: offset, next: offset + 1))
        }
    }

    private func clearSpans() {
        for span in spans { spanOfPart[span.part] = -1 }
        spans.removeAll(keepingCapacity: true)
    }

    /// Hands the block over; false when there is no room after waiting.
    @discardableResult func passOn(waiting seconds: Double) -> Bool {
        guard !builder.isEmpty else { return true }
        guard handOver.hasRoom() || seconds > 0 && handOver.waitForRoom(seconds: seconds) else { return false }
        passOnAnyway()
        return true
    }

    /// Hands the block over, room or not.
    func passOnAnyway() {
        guard !builder.isEmpty else { return }
        builder.block.parts = parts.names
        if !isTopicMissing { nextTopicCheck = monotonicSeconds() + options.silentSeconds }
        let spans = spans
        builder.exchange { handOver.put($0, spans: spans, epoch: epoch) }
        clearSpans()
        counters.empty.store(builder.emptyCount, ordering: .relaxed)
        if isPressed {
            isPressed = false
            syncPauses()
        }
    }

    /// Forgets the block that is being filled; the first offset of each part in it.
    func dropBuilder() -> [Span] {
        let dropped = spans
        builder.discard()
        clearSpans()
        // There is room now.
        isPressed = false
        return dropped
    }

    /// There is no room: pauses what is read, but goes on polling, because a consumer that does not loses its
    /// partitions.
    private func press() {
        if !isPressed {
            isPressed = true
            counters.pauses.add(1, ordering: .relaxed)
            syncPauses()
        }
        // What arrives all the same goes into the block, whose buffer grows.
        while let message = rd_kafka_consumer_poll(handle, 0) {
            take(message)
            rd_kafka_message_destroy(message)
        }
    }

    /// Pauses the partitions nothing is wanted of, and resumes the others.
    func syncPauses() {
        let assigned = parts.assigned
        let (pause, resume) = (TopicPartitions(capacity: assigned.count), TopicPartitions(capacity: assigned.count))
        for number in assigned {
            let isWanted = !isPressed && parts[number].phase == .running
            guard parts[number].isPaused == isWanted else { continue }
            (isWanted ? resume : pause).add(parts[number].topic, parts[number].partition)
            parts[number].isPaused = !isWanted
        }
        if pause.count > 0 { rd_kafka_pause_partitions(handle, pause.list) }
        if resume.count > 0 { rd_kafka_resume_partitions(handle, resume.list) }
    }

    // MARK: what others want, and when

    private func serveWishes() {
        guard handOver.hasWishes.exchange(false, ordering: .acquiringAndReleasing) else { return }
        commitIsDue = true
        let rewindTo: Int? = handOver.monitor.update { state in
            defer { state.rewinds = false }
            return state.rewinds ? state.epoch : nil
        }
        guard let rewindTo, !isFailed else { return }
        epoch = rewindTo
        _ = dropBuilder()
        isEndSaid = false
        for number in parts.assigned { parts[number].phase = .unsettled(.ledger) }
        syncPauses()
        nextSettling = 0
    }

    private func serveTimers() {
        let now = monotonicSeconds()
        if now >= nextSettling {
            nextSettling = now + 0.1
            settleAndPlace(parts.unsettled)
        }
        if commitIsDue, !isCommitting, now >= nextCommit { commitAcknowledged() }
        if now >= nextTopicCheck {
            nextTopicCheck = now + options.silentSeconds
            checkTopics()
        }
        if isDown, now >= nextProbe {
            nextProbe = now + 0.5
            probe()
        }
        if now >= nextStatus {
            nextStatus = now + 0.1
            refreshStatus()
            if let reason = client?.fatalReason { fail(ConnectorError("kafka: \(reason)")) }
        }
    }

    private var isDown: Bool { client?.hooks.isDown.load(ordering: .relaxed) ?? false }

    /// Asks whether brokers are there again: where no message waits, nothing else would tell.
    private func probe() {
        guard let client, let topic = options.topics.first else { return }
        let lookup = TopicLookup(client: client, brokers: options.brokers, seconds: 0.2, mayBeCreated: false)
        if lookup.isAnswered(topic) { client.hooks.isDown.store(false, ordering: .relaxed) }
    }

    private func refreshStatus() {
        var highs: [(Int, String, Int?)] = []
        for number in parts.assigned {
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_get_watermark_offsets(
                handle, parts[number].topic, parts[number].partition, &low, &high)
            let isKnown = code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0
            highs.append((number, parts[number].name, isKnown ? Int(high) : parts[number].end))
        }
        counters.highs.withLock { $0 = highs }
    }

    /// Ends the source: what was read is handed out, then the error.
    func fail(_ error: ConnectorError) {
        guard !isFailed else { return }
        isFailed = true
        passOnAnyway()
        handOver.put(.failure(error))
    }
}
