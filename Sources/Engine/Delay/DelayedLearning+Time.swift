import Records

/// Whose time is over, and whose target has come.
extension DelayedLearning {
    /// Records before the one that is taken next.
    var arrival: Int { counts[.arrivals] + segment.count }

    /// No row of a segment may be due before its last.
    var isSegmentFull: Bool {
        switch options.withheld ?? options.timeout {
        case .records(let count)?: segment.count >= max(count, 1)
        case .seconds(let seconds)?: !segment.isEmpty && segmentTime + seconds <= now
        case nil: false
        }
    }

    var isDue: Bool { due != nil }

    /// The oldest record, when its time is over.
    var due: Int? {
        guard let span = options.withheld ?? options.timeout, let oldest = pending.waiting.oldest else { return nil }
        let words = pending.waiting.content(of: oldest)
        guard words.count >= PendingRecord.headerWords else { return oldest }
        switch span {
        case .records(let count): return arrival - Int(truncatingIfNeeded: words[0]) >= count ? oldest : nil
        case .seconds(let seconds):
            let time = Double(bitPattern: words[1])
            return !time.isNaN && time + seconds <= now ? oldest : nil
        }
    }

    /// Learns what is due: targets that were withheld, or the default of records whose time is over.
    func learnDue() {
        while let entry = due { expire(entry) }
        expireEarly()
    }

    func expire(_ entry: Int) {
        let content = pending.waiting.content(of: entry)
        guard let record = PendingRecord(content) else { return pending.waiting.remove(entry) }
        if options.withheld != nil {
            let text = record.targetText(content)
            return _ = join(entry, record, DelayedTarget(number: record.targetNumber, text: text, time: now))
        }
        counts.add(.expired)
        guard var value = options.defaultTarget else {
            pending.settle(pending.waiting.key(of: entry), 0)
            return pending.waiting.remove(entry)
        }
        let number = Double(value) ?? .nan
        value.withUTF8 { text in
            let target = DelayedTarget(number: number, text: text, time: now)
            if join(entry, record, target) { counts.add(.defaulted) }
        }
    }

    /// Targets for which no record came in all the time that records wait for targets.
    func expireEarly() {
        while let oldest = pending.early.oldest {
            let words = pending.early.content(of: oldest)
            guard words.count >= 4 else { return }
            switch options.timeout {
            case .records(let count)?: guard arrival - Int(truncatingIfNeeded: words[0]) >= count else { return }
            case .seconds(let seconds)?:
                guard Double(bitPattern: words[1]) + seconds <= now else { return }
            case nil: return
            }
            pending.early.remove(oldest)
            counts.add(.unknown)
        }
    }

    /// Between batches: learns what is due by the clock. Returns whether anything was.
    func tick() -> Bool {
        guard case .seconds? = options.timeout, clock != nil, options.withheld == nil else { return false }
        readClock()
        guard isDue else { return false }
        learnDue()
        reveal.learn()
        noteWaiting()
        return true
    }

    /// Seconds until something is due by the clock; nil: nothing will be.
    var secondsUntilDue: Double? {
        guard case .seconds(let seconds)? = options.timeout, clock != nil, let oldest = pending.waiting.oldest
        else { return nil }
        let words = pending.waiting.content(of: oldest)
        guard words.count >= PendingRecord.headerWords else { return 0.05 }
        return min(max(Double(bitPattern: words[1]) + seconds - now, 0.05), 1)
    }

    /// At the end of the stream: learns all targets that are still withheld, as if no record came any more.
    func finish() {
        guard options.withheld != nil else { return }
        while let entry = pending.waiting.oldest { expire(entry) }
        reveal.learn()
        noteWaiting()
    }

    // MARK: Targets

    func takeTarget(_ row: Int, _ batch: RecordBatch, isRequest: Bool) {
        let id = batch.ids[row].buffer
        let time = hasTime && !batch.times[row].isNaN ? batch.times[row] : now
        let target = DelayedTarget(
            number: batch.targetNumbers[row], text: batch.targetTexts[row].buffer, time: time)
        guard id.count > 0, !target.isMissing else { return counts.add(.withoutID) }
        if let entry = pending.waiting.find(id) {
            let content = pending.waiting.content(of: entry)
            guard let record = PendingRecord(content) else { return pending.waiting.remove(entry) }
            _ = join(entry, record, target)
        } else if let before = pending.settledDigest(id) {
            let digest = pipeline.digest(ofTarget: target.number, target.text)
            counts.add(before == 0 ? .late : before == digest ? .duplicates : .corrections)
            if isRequest { unmatchedOffsets.append(batch.positions[row].offset) }
        } else if isRequest {
            counts.add(.unknown)
            unmatchedOffsets.append(batch.positions[row].offset)
        } else {
            counts.add(.unknown, pending.keepEarly(id, target, arrival: arrival))
        }
    }

    /// Gives a record its target, to be learned with those before it. Returns whether it can be learned.
    func join(_ entry: Int, _ record: PendingRecord, _ target: DelayedTarget) -> Bool {
        let place =
            pipeline.schema.task == .regression && target.number.isNaN
            ? TargetEncoder.Place.none : pipeline.place(ofTarget: target.text)
        // A class that comes now must not split the others' batch.
        if reveal.isFull || place == .new { reveal.learn() }
        defer { pending.waiting.remove(entry) }
        guard place != .none,
            reveal.add(
                record, pending.waiting.content(of: entry), number: target.number, text: target.text)
        else {
            pipeline.evaluation.countRejected(1)
            return false
        }
        pending.settle(pending.waiting.key(of: entry), pipeline.digest(ofTarget: target.number, target.text))
        counts.add(.joined)
        counts.addLag(records: arrival - record.arrival, seconds: target.time - record.time)
        if place == .new { reveal.learn() }
        return true
    }
}
