import CRdkafka
import Connectors

/// What the group gives and takes, and what is written to it.
extension Poller {
    var isCooperative: Bool {
        guard isGroup, let name = rd_kafka_rebalance_protocol(handle) else { return false }
        return String(cString: name) == "COOPERATIVE"
    }

    /// Fixed partitions: never taken away.
    func assign(_ partitions: [(topic: String, partition: Int32)]) {
        take(partitions) { list in
            let code = rd_kafka_assign(handle, list)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                fail(ConnectorError("the partitions cannot be assigned: \(meaning(code))"))
            }
        }
    }

    func rebalance(_ code: rd_kafka_resp_err_t, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {
        counters.rebalances.add(1, ordering: .relaxed)
        let partitions = TopicPartitions.elements(list).map { (topic: $0.topic, partition: $0.partition) }
        switch code {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            // One assignment is often followed by another.
            nextCommit = monotonicSeconds() + 1
            take(partitions) { list in
                if isCooperative {
                    complain("take partitions", rd_kafka_incremental_assign(handle, list))
                } else {
                    let code = rd_kafka_assign(handle, list)
                    if code != RD_KAFKA_RESP_ERR_NO_ERROR { complain("take partitions", code) }
                }
            }
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            giveBack(partitions.compactMap { parts.find($0.topic, $0.partition) })
            if isCooperative {
                complain("give partitions back", rd_kafka_incremental_unassign(handle, list))
            } else {
                rd_kafka_assign(handle, nil)
            }
            resumeSurvivors()
        default:
            complain("rebalance", code)
            giveBack(parts.assigned)
            rd_kafka_assign(handle, nil)
        }
        parts.forgetHandles()
    }

    private func take(
        _ partitions: [(topic: String, partition: Int32)],
        _ assign: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Void
    ) {
        let numbers = partitions.map { parts.number($0.topic, $0.partition) }
        for number in numbers {
            parts[number].phase = .unsettled(.ledger)
            (parts[number].isPaused, parts[number].isWarned) = (false, false)
            (parts[number].end, parts[number].isEndSeen, parts[number].committed) = (nil, false, -1)
        }
        let isClosing = handOver.monitor.read { $0.isClosing }
        let settled = isClosing || isFailed ? [] : settle(numbers)
        for one in settled { run(one) }
        let list = TopicPartitions(capacity: numbers.count)
        for number in numbers {
            // Where an unsettled one begins does not matter: it is paused, and moved before it is resumed.
            let offset = parts[number].phase == .running ? parts[number].next : 0
            list.add(parts[number].topic, parts[number].partition, offset: Int64(offset))
        }
        assign(list.list)
        parts.forgetHandles()
        if !numbers.isEmpty { isEndSaid = false }
        syncPauses()
    }

    /// Lets go of partitions: in order when they are taken back, at once when they are lost.
    private func giveBack(_ numbers: [Int]) {
        let claimed = numbers.filter { parts[$0].isClaimed }
        let isClosing = handOver.monitor.read { $0.isClosing }
        let isLost = rd_kafka_assignment_lost(handle) != 0
        if isLost, !claimed.isEmpty, !isClosing {
            lose(claimed)
        } else if !claimed.isEmpty {
            if !isClosing, !isFailed { waitForRelease(claimed) }
            // All of it: librdkafka takes a commit that comes while it joins again for a sign that it lost everything.
            commitNow(parts.assigned, seconds: 5)
            nextCommit = monotonicSeconds() + 5
        }
        for number in claimed { ledger.release(parts[number].name) }
        for number in numbers {
            parts[number].phase = .away
            parts[number].isClaimed = false
        }
    }

    private func waitForRelease(_ numbers: [Int]) {
        passOnAnyway()
        let names = numbers.map { parts[$0].name }
        handOver.monitor.update { state in
            state.isReleasing = true
            state.items.append(.release(names))
        }
        // However long the learner takes to make it durable: letting go earlier would learn records twice.
        _ = handOver.monitor.wait(seconds: .infinity) { state in
            state.isReleasing && !state.isClosing ? nil : true
        }
    }

    /// Drops what is not handed out yet. Parts that stay go back to where the dropped begins.
    private func lose(_ numbers: [Int]) {
        var first = handOver.dropBlocks()
        for span in dropBuilder() { first[span.part] = min(first[span.part] ?? span.first, span.first) }
        for (number, offset) in first where !numbers.contains(number) && parts[number].phase != .away {
            parts[number].phase = .unsettled(.resume(offset))
        }
        handOver.put(.lost(numbers.map { parts[$0].name }))
    }

    private func resumeSurvivors() {
        let survivors = parts.unsettled.filter {
            if case .unsettled(.resume) = parts[$0].phase { true } else { false }
        }
        settleAndPlace(survivors)
        syncPauses()
    }

    // MARK: the committed offset

    private func acknowledgedList(_ numbers: [Int]) -> TopicPartitions? {
        guard isGroup, ledger.isDurable else { return nil }
        let acknowledged = handOver.monitor.read { $0.acknowledged }
        let list = TopicPartitions(capacity: numbers.count)
        for number in numbers where parts[number].isClaimed {
            guard let offset = acknowledged[parts[number].name], offset > parts[number].committed, offset >= 0 else {
                continue
            }
            list.add(
                parts[number].topic, parts[number].partition, offset: Int64(offset),
                metadata: "thalweg:\(ledger.worker)")
            parts[number].committed = offset
        }
        return list.count > 0 ? list : nil
    }

    /// Writes what was acknowledged, without waiting.
    func commitAcknowledged() {
        commitIsDue = false
        guard let list = acknowledgedList(parts.assigned) else { return }
        isCommitting = true
        let code = rd_kafka_commit(handle, list.list, 1)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { committed(code, list.list) }
    }

    func committed(_ code: rd_kafka_resp_err_t, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) {
        isCommitting = false
        let elements = TopicPartitions.elements(list)
        let failed = elements.filter { code != RD_KAFKA_RESP_ERR_NO_ERROR || $0.error != RD_KAFKA_RESP_ERR_NO_ERROR }
        guard let first = failed.first, code != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
        for element in failed {
            if let number = parts.find(element.topic, element.partition) { parts[number].committed = -1 }
        }
        complain("commit offsets", code == RD_KAFKA_RESP_ERR_NO_ERROR ? first.error : code)
        commitIsDue = true
        nextCommit = monotonicSeconds() + 1
    }

    /// Writes what was acknowledged and waits until it is written, for a bounded time.
    func commitNow(_ numbers: [Int], seconds: Double) {
        for number in numbers where isCommitting { parts[number].committed = -1 }
        guard let list = acknowledgedList(numbers), let queue = rd_kafka_queue_new(handle) else { return }
        defer { rd_kafka_queue_destroy(queue) }
        let code = rd_kafka_commit_queue(handle, list.list, queue, nil, nil)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return complain("commit offsets", code) }
        guard let event = rd_kafka_queue_poll(queue, Int32(seconds * 1000)) else {
            return complain("commit offsets", RD_KAFKA_RESP_ERR__TIMED_OUT)
        }
        defer { rd_kafka_event_destroy(event) }
        let result = rd_kafka_event_error(event)
        if result != RD_KAFKA_RESP_ERR_NO_ERROR { complain("commit offsets", result) }
    }

    // MARK: the end

    /// Leaves the group and frees the client, each for a bounded time.
    func finish() {
        let assigned = parts.assigned
        commitNow(assigned, seconds: 5)
        for number in assigned where parts[number].isClaimed {
            ledger.release(parts[number].name)
            parts[number].isClaimed = false
        }
        leave(seconds: 8)
        if isFragile, counters.rebalances.load(ordering: .relaxed) == 0 { client?.abandonIfFragile() }
        handOver.monitor.update { $0.isLeft = true }
        client = nil
        handOver.monitor.update { $0.isFinished = true }
    }

    private func leave(seconds: Double) {
        guard let queue = rd_kafka_queue_new(handle) else { return }
        defer { rd_kafka_queue_destroy(queue) }
        if let error = rd_kafka_consumer_close_queue(handle, queue) { return rd_kafka_error_destroy(error) }
        let deadline = monotonicSeconds() + seconds
        while rd_kafka_consumer_closed(handle) == 0, monotonicSeconds() < deadline {
            // Takes callbacks and what was read ahead; the call for callbacks alone aborts on messages (librdkafka
            // 2.16).
            if let message = rd_kafka_consume_queue(queue, 50) { rd_kafka_message_destroy(message) }
        }
    }
}
