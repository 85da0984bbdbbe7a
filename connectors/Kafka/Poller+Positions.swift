import CRdkafka
import Connectors

/// Where partitions go on.
extension Poller {
    /// Finds the positions of unsettled parts as far as they can be known now, and goes there.
    func settleAndPlace(_ numbers: [Int]) {
        guard !numbers.isEmpty, !isFailed else { return }
        let settled = settle(numbers)
        // What nothing may be handed out of need not be fetched either.
        syncPauses()
        if !settled.isEmpty { place(settled) }
    }

    /// A position that is known.
    struct Settled {
        let number: Int
        let offset: Int
    }

    /// Claims parts and finds where they go on; the others stay unsettled.
    func settle(_ numbers: [Int]) -> [Settled] {
        var claims: [(number: Int, next: Int?)] = []
        var settled: [Settled] = []
        for number in numbers {
            switch parts[number].phase {
            case .unsettled(.resume(let offset)): settled.append(Settled(number: number, offset: offset))
            case .unsettled(.reset): claims.append((number, nil))
            default: if let next = claim(number) { claims.append((number, next)) }
            }
        }
        guard !isFailed, !claims.isEmpty, let facts = lookUp(claims) else { return settled }
        for (number, next) in claims {
            guard let offset = position(number, next, facts) else { continue }
            settled.append(Settled(number: number, offset: offset))
            if options.untilEnd, parts[number].end == nil { parts[number].end = facts.latest[number] }
        }
        return settled
    }

    /// The ledger's position of a part; nil outside: it is not to be had now, nil inside: nothing was consumed of it.
    private func claim(_ number: Int) -> Int?? {
        do throws(ConnectorError) {
            switch try ledger.claim(parts[number].name) {
            case .granted(let next):
                parts[number].isClaimed = true
                return .some(next)
            case .held(let worker):
                if !parts[number].isWarned {
                    parts[number].isWarned = true
                    warner.warn(
                        "held \(parts[number].name)",
                        "kafka: \(parts[number].name) is still held by \(worker); waiting until it lets go")
                }
                return .none
            }
        } catch {
            fail(error)
            return .none
        }
    }

    /// What was asked of the brokers, by part.
    private struct Facts {
        var committed: [Int: (offset: Int, metadata: String)] = [:]
        var earliest: [Int: Int] = [:]
        var latest: [Int: Int] = [:]
        var timed: [Int: Int] = [:]
    }

    private func position(_ number: Int, _ next: Int?, _ facts: Facts) -> Int? {
        if parts[number].phase == .unsettled(.reset) { return resetPosition(number, facts) }
        if let committed = facts.committed[number], isForeign(committed.metadata), committed.offset > next ?? -1 {
            return committed.offset
        }
        if let known = next ?? parts[number].first { return known }
        switch start {
        case .stored:
            if let committed = facts.committed[number] { return committed.offset }
            fallthrough
        case .earliest:
            parts[number].isAtEarliest = true
            return facts.earliest[number]
        case .latest: return facts.latest[number]
        case .offset(let offset): return offset
        case .beforeEnd(let count):
            guard let earliest = facts.earliest[number], let latest = facts.latest[number] else { return nil }
            return max(earliest, latest - count)
        case .time: return facts.timed[number]
        }
    }

    private func resetPosition(_ number: Int, _ facts: Facts) -> Int? {
        let isEarliest = options.onOutOfRange != .latest || parts[number].isAtEarliest
        guard let offset = (isEarliest ? facts.earliest : facts.latest)[number] else { return nil }
        let missed = max(0, offset - parts[number].next)
        counters.gaps.add(missed, ordering: .relaxed)
        warner.warn(
            "range \(parts[number].name)",
            "kafka: \(parts[number].name) has no offset \(parts[number].next) any more; going on at \(offset), "
                + "\(missed) messages are missed")
        return offset
    }

    var start: KafkaStart { options.start ?? (isGroup ? .stored : .earliest) }

    /// Whether a committed offset was written by another worker, who learned up to there.
    private func isForeign(_ metadata: String) -> Bool {
        metadata.hasPrefix("thalweg:") && metadata != "thalweg:\(ledger.worker)"
    }

    /// Asks the brokers what is needed to place these parts; nil: they did not answer, ask again.
    private func lookUp(_ claims: [(number: Int, next: Int?)]) -> Facts? {
        var facts = Facts()
        let numbers = claims.map(\.number)
        if isGroup {
            let ledgered = numbers.filter { parts[$0].phase == .unsettled(.ledger) }
            guard let committed = committedOffsets(ledgered) else { return nil }
            facts.committed = committed
        }
        let new = claims.filter { $0.next == nil && parts[$0.number].first == nil }.map(\.number)
        let reset = numbers.filter { parts[$0].phase == .unsettled(.reset) }
        let ending = options.untilEnd ? numbers.filter { parts[$0].end == nil } : []
        var (early, late, timed): ([Int], [Int], [Int]) = (reset, reset + ending, [])
        switch start {
        case .stored, .earliest: early += new
        case .latest: late += new
        case .beforeEnd: (early, late) = (early + new, late + new)
        case .time: (timed, late) = (new, late + new)
        case .offset: break
        }
        guard let earliest = offsets(Int64(RD_KAFKA_OFFSET_BEGINNING), early),
            let latest = offsets(Int64(RD_KAFKA_OFFSET_END), late)
        else { return nil }
        (facts.earliest, facts.latest) = (earliest, latest)
        if case .time(let milliseconds) = start, !timed.isEmpty {
            guard let found = offsets(Int64(milliseconds), timed) else { return nil }
            // No message is that late: the next one will be the first.
            for number in timed { facts.timed[number] = found[number] ?? latest[number] }
        }
        return facts
    }

    /// The group's committed offsets of these parts.
    private func committedOffsets(_ numbers: [Int]) -> [Int: (offset: Int, metadata: String)]? {
        guard !numbers.isEmpty else { return [:] }
        let list = TopicPartitions(capacity: numbers.count)
        for number in numbers { list.add(parts[number].topic, parts[number].partition) }
        let code = rd_kafka_committed(handle, list.list, 5000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return noAnswer("committed offsets", code) }
        var result: [Int: (offset: Int, metadata: String)] = [:]
        for element in list.elements {
            guard element.error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                return noAnswer("committed offsets", element.error)
            }
            guard element.offset >= 0, let number = parts.find(element.topic, element.partition) else { continue }
            result[number] = (Int(element.offset), element.metadata ?? "")
        }
        return result
    }

    /// The offsets of these parts at a time; -1 and -2 are the end and the beginning.
    private func offsets(_ time: Int64, _ numbers: [Int]) -> [Int: Int]? {
        guard !numbers.isEmpty else { return [:] }
        let list = TopicPartitions(capacity: numbers.count)
        for number in Set(numbers).sorted() { list.add(parts[number].topic, parts[number].partition, offset: time) }
        let code = rd_kafka_offsets_for_times(handle, list.list, 5000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return noAnswer("offsets", code) }
        var result: [Int: Int] = [:]
        for element in list.elements {
            guard element.error == RD_KAFKA_RESP_ERR_NO_ERROR else { return noAnswer("offsets", element.error) }
            guard element.offset >= 0, let number = parts.find(element.topic, element.partition) else { continue }
            result[number] = Int(element.offset)
        }
        return result
    }

    private func noAnswer<T>(_ what: String, _ code: rd_kafka_resp_err_t) -> T? {
        counters.errors.add(1, ordering: .relaxed)
        warner.warn("errors", "kafka: cannot read \(what): \(meaning(code)); trying again")
        return nil
    }

    // MARK: going there

    /// Notes that a part goes on somewhere; call before or after the consumer is told.
    func run(_ settled: Settled) {
        let number = settled.number
        parts[number].next = settled.offset
        if parts[number].first == nil { parts[number].first = settled.offset }
        parts[number].phase = .running
        handOver.monitor.update { $0.handedOut[number] = settled.offset }
    }

    private func place(_ settled: [Settled]) {
        let list = TopicPartitions(capacity: settled.count)
        for one in settled {
            list.add(parts[one.number].topic, parts[one.number].partition, offset: Int64(one.offset))
            parts[one.number].isPaused = false
        }
        // First resumed, then moved: a resumed partition goes where it was paused.
        rd_kafka_resume_partitions(handle, list.list)
        let moving = TopicPartitions(capacity: settled.count)
        for one in settled {
            moving.add(parts[one.number].topic, parts[one.number].partition, offset: Int64(one.offset))
        }
        let error = rd_kafka_seek_partitions(handle, moving.list, 5000)
        defer { if let error { rd_kafka_error_destroy(error) } }
        let hasFailed = error != nil || moving.elements.contains { $0.error != RD_KAFKA_RESP_ERR_NO_ERROR }
        for one in settled { run(one) }
        // A partition that failed has no fetcher any more, and only a new assignment brings one.
        if hasFailed { reassign(settled.map(\.number)) }
        syncPauses()
    }

    private func reassign(_ numbers: [Int]) {
        let isIncremental = isCooperative
        let moved = isIncremental ? numbers : parts.assigned
        let list = TopicPartitions(capacity: moved.count)
        for number in moved {
            list.add(parts[number].topic, parts[number].partition, offset: Int64(parts[number].next))
            parts[number].isPaused = false
        }
        if isIncremental {
            complain("unassign", rd_kafka_incremental_unassign(handle, list.list))
            complain("assign", rd_kafka_incremental_assign(handle, list.list))
        } else {
            let code = rd_kafka_assign(handle, list.list)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { complain("assign", code) }
        }
        parts.forgetHandles()
    }

    func complain(_ what: String, _ error: OpaquePointer?) {
        guard let error else { return }
        complain(what, rd_kafka_error_code(error))
        rd_kafka_error_destroy(error)
    }

    func complain(_ what: String, _ code: rd_kafka_resp_err_t) {
        counters.errors.add(1, ordering: .relaxed)
        warner.warn("errors", "kafka: cannot \(what): \(meaning(code))")
    }

    // MARK: the end

    /// Takes the end that the first fetch told when it lies behind the looked-up one.
    func seeEnd(_ number: Int) {
        parts[number].isEndSeen = true
        var (low, high): (Int64, Int64) = (0, 0)
        let code = rd_kafka_get_watermark_offsets(handle, parts[number].topic, parts[number].partition, &low, &high)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let end = parts[number].end else { return }
        parts[number].end = max(end, Int(high))
    }

    func reachedEnd(_ number: Int) {
        guard options.untilEnd, parts[number].phase == .running else { return }
        parts[number].phase = .ended
        syncPauses()
        let assigned = parts.assigned
        guard !isEndSaid, assigned.allSatisfy({ parts[$0].phase == .ended }) else { return }
        isEndSaid = true
        passOnAnyway()
        handOver.put(.end)
    }
}
