import Records

/// Takes batches through the model where targets may come later than their records: predicts and keeps records, joins
/// targets with them, learns what they were joined to, and what is due.
///
/// Works row by row as far as rows affect each other, so that the batch size does not matter: rows are predicted
/// together as long as nothing is learned between them.
final class DelayedLearning {
    /// Told of every record of a stream once it is predicted, as `Pipeline.process` tells it.
    typealias Scored = (
        _ row: Int, _ records: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch, _ version: Int,
        _ known: Int
    ) -> Void

    /// What the rows of a batch are.
    enum Rows {
        /// Records of the input: those without a target wait for it.
        case records
        /// What came over HTTP: every row says what it is.
        case requests
        /// An id and its target.
        case targets
    }

    let pipeline: Pipeline
    let options: DelayOptions
    let pending: PendingTargets
    let counts: TargetCounts
    let work: RecordBatch
    let reveal: RevealBatch
    /// Seconds since 1970, where records say none; nil: nobody needs to know.
    let clock: (() -> Double)?
    let hasTime: Bool
    /// Rows of `current` that are not yet predicted.
    var segment = 0..<0
    var current: RecordBatch?
    /// The earliest time of its rows.
    var segmentTime = 0.0
    /// The targets that `work`'s records brought and that are withheld, and those that had come before them.
    var heldTexts: [ByteRange] = []
    var heldNumbers: [Double] = []
    /// Of the target a row of `work` was given because it had come before: its digest.
    var joinedEarly: [UInt64?] = []
    var words: [UInt64] = []
    /// The latest time of a record.
    var now = -Double.infinity
    /// Whether a row was a target nobody waited for, in the batch of requests at work.
    var unmatchedOffsets: [Int] = []
    /// The records at work have been through the filters.
    private var isFiltered = false

    /// - Parameter clock: used where records have no time and it matters.
    init?(_ pipeline: Pipeline, clock: @escaping () -> Double, isServed: Bool) {
        guard let pending = pipeline.pending, let counts = pipeline.targetCounts else { return nil }
        self.pipeline = pipeline
        self.pending = pending
        self.counts = counts
        options = pending.options
        hasTime = !pipeline.schema.fields(.time).isEmpty
        var needsClock = isServed
        if case .seconds? = options.timeout { needsClock = true }
        self.clock = !hasTime && needsClock ? clock : nil
        pipeline.keepsOriginals = true
        work = pipeline.makeRecordBatch()
        reveal = RevealBatch(pipeline)
    }

    // MARK: Batches

    /// - Parameters:
    ///   - features: room to work in.
    ///   - predictions: likewise.
    func process(
        _ batch: RecordBatch, _ rows: Rows, _ features: FeatureBatch, _ predictions: PredictionBatch, scored: Scored
    ) {
        if rows == .records, mayPassWhole(batch) {
            pipeline.keepsOriginals = false
            defer { pipeline.keepsOriginals = true }
            unmatchedOffsets.removeAll(keepingCapacity: true)
            readClock()
            pipeline.process(batch, features, predictions, learning: true) { row, features, version, known in
                scored(row, batch, features, predictions, version, known)
            }
            return counts.add(.arrivals, batch.rows)
        }
        begin(batch, rows)
        for row in 0..<batch.rows { take(row, batch, rows, features, predictions, scored) }
        end(batch, features, predictions, scored)
    }

    /// Whether nothing waits, and nothing of a batch will: then it goes as any batch does.
    func mayPassWhole(_ batch: RecordBatch) -> Bool {
        guard options.withheld == nil, pending.waiting.count == 0, pending.early.count == 0 else { return false }
        if pipeline.schema.task.learnsWithoutTarget { return true }
        if pipeline.schema.task == .regression {
            return (0..<batch.rows).allSatisfy { !batch.targetNumbers[$0].isNaN }
        }
        return (0..<batch.rows).allSatisfy { batch.targetTexts[$0].count > 0 }
    }

    /// Takes a row of records, a row of targets, and so on: bounded inputs are joined the same way each time.
    func process(
        inTurns records: RecordBatch, _ targets: RecordBatch, _ features: FeatureBatch,
        _ predictions: PredictionBatch, scored: Scored
    ) {
        begin(records, .records)
        begin(targets, .targets)
        for row in 0..<max(records.rows, targets.rows) {
            if row < records.rows { take(row, records, .records, features, predictions, scored) }
            if row < targets.rows { take(row, targets, .targets, features, predictions, scored) }
        }
        end(records, features, predictions, scored)
    }

    func begin(_ batch: RecordBatch, _ rows: Rows) {
        // Before anything is counted, so that how records are grouped does not matter.
        if rows == .records { pipeline.filter(batch) }
        isFiltered = rows == .records
        while let refused = pipeline.refusal(batch) { batch.rejectRow(refused.row, refused.reason) }
        pipeline.evaluation.countRejected(batch.rejected.count)
        unmatchedOffsets.removeAll(keepingCapacity: true)
        readClock()
    }

    func readClock() { if let clock { now = max(now, clock()) } }

    func end(
        _ batch: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch, _ scored: Scored
    ) {
        predict(features, predictions, scored)
        reveal.learn()
        noteWaiting()
    }

    func noteWaiting() {
        counts.set(.pending, pending.waiting.count)
        counts.set(.early, pending.early.count)
    }

    func take(
        _ row: Int, _ batch: RecordBatch, _ rows: Rows, _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ scored: Scored
    ) {
        let kind = rows == .requests ? RequestMark(batch.raw[row].buffer) : nil
        if rows == .targets || kind == .target || rows == .requests && kind == nil && isWaiting(row, batch) {
            predict(features, predictions, scored)
            return takeTarget(row, batch, isRequest: rows == .requests)
        }
        if hasTime, !batch.times[row].isNaN {
            now = options.withheld == nil ? max(now, batch.times[row]) : batch.times[row]
        }
        if isSegmentFull || isDue { predict(features, predictions, scored) }
        learnDue()
        if case .served(let answer)? = kind {
            predict(features, predictions, scored)
            return keepServed(row, batch, answer)
        }
        if current !== batch || segment.isEmpty || segment.upperBound != row {
            predict(features, predictions, scored)
            current = batch
            segment = row..<row
            segmentTime = now
        }
        segmentTime = min(segmentTime, now)
        segment = segment.lowerBound..<row + 1
    }

    /// Whether a record that comes with its target was predicted before, under its id.
    func isWaiting(_ row: Int, _ batch: RecordBatch) -> Bool {
        let hasTarget = batch.targetTexts[row].count > 0 || !batch.targetNumbers[row].isNaN
        return hasTarget && pending.waiting.find(batch.ids[row].buffer) != nil
    }

    // MARK: Records

    /// Predicts the rows of the segment, and keeps those that wait.
    func predict(_ features: FeatureBatch, _ predictions: PredictionBatch, _ scored: Scored) {
        guard let current, !segment.isEmpty else { return }
        reveal.learn()
        work.copyRows(segment, of: current)
        segment = 0..<0
        if !isFiltered { pipeline.filter(work) }
        if options.withheld != nil { withhold() } else { joinEarly() }
        pipeline.process(work, features, predictions, learning: true, isFiltered: true) {
            row, features, version, known in
            scored(row, work, features, predictions, version, known)
            settle(row, features, predictions, version, known)
            counts.add(.arrivals)
        }
        current.rejected += work.rejected
    }

    func withhold() {
        heldTexts.removeAll(keepingCapacity: true)
        heldNumbers.removeAll(keepingCapacity: true)
        for row in 0..<work.rows {
            heldTexts.append(work.targetTexts[row])
            heldNumbers.append(work.targetNumbers[row])
            work.targetTexts[row] = .empty
            work.targetNumbers[row] = .nan
        }
    }

    /// Gives records the targets that have come before them.
    func joinEarly() {
        joinedEarly.removeAll(keepingCapacity: true)
        guard pending.early.count > 0 else { return }
        for row in 0..<work.rows {
            joinedEarly.append(nil)
            guard work.targetTexts[row].count == 0, work.targetNumbers[row].isNaN,
                let (entry, target) = pending.earlyTarget(work.ids[row].buffer)
            else { continue }
            let home = Chunk(capacity: target.text.count + 1)
            home.append(ByteRange(target.text.baseAddress, target.text.count))
            if target.text.count > 0, pipeline.place(ofTarget: target.text) == .none {
                counts.add(.unknown)
            } else {
                work.chunks.append(home)
                work.targetTexts[row] = ByteRange(UnsafePointer(home.base), target.text.count)
                work.targetNumbers[row] = target.number
                joinedEarly[row] = pipeline.digest(ofTarget: target.number, target.text)
            }
            pending.early.remove(entry)
        }
    }

    /// After a row was predicted, and learned where it had its target: what becomes of it.
    func settle(
        _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, _ version: Int, _ known: Int
    ) {
        let id = work.ids[row].buffer
        if options.withheld != nil {
            guard heldTexts[row].count > 0 || !heldNumbers[row].isNaN else { return }
            return keep(row, UnsafeBufferPointer(start: nil, count: 0), features, predictions, version, known)
        }
        let isLearned =
            pipeline.schema.task == .regression
            ? !features.targets[row].isNaN
            : pipeline.schema.task.learnsWithoutTarget || features.classes[row] >= 0
        guard isLearned else {
            guard id.count > 0 else { return counts.add(.withoutID) }
            return keep(row, id, features, predictions, version, known)
        }
        if joinedEarly.indices.contains(row), let digest = joinedEarly[row] {
            pending.settle(id, digest)
            counts.add(.kept)
            counts.add(.joined)
            counts.addLag(records: 0, seconds: now.isFinite ? 0 : .nan)
        } else if let before = pending.waiting.find(id) {
            // It has come again, with its target.
            pending.waiting.remove(before)
            counts.add(.overwritten)
        }
    }

    func keep(
        _ row: Int, _ id: UnsafeBufferPointer<UInt8>, _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ version: Int, _ known: Int
    ) {
        var record = PendingRecord()
        describe(&record, row, work)
        record.version = version
        record.predictedClass = pipeline.schema.task == .regression ? -1 : predictions.classes[row]
        record.known = Int32(clamping: known)
        let isWithheld = options.withheld != nil
        let text = isWithheld ? heldTexts[row].buffer : UnsafeBufferPointer(start: nil, count: 0)
        record.targetNumber = isWithheld ? heldNumbers[row] : .nan
        let featureWords = pipeline.keepsFeatures ? features.featureCount(of: row) : 0
        let width = predictions.width
        words.removeAll(keepingCapacity: true)
        begin(record, row, work, outputs: width, features: featureWords, targetBytes: text.count)
        for output in 0..<width { words.append(predictions.outputs(of: row)[output].bitPattern) }
        appendFields(
            row, work, numbers: { pipeline.originalNumbers[$0] }, categories: { pipeline.originalCategories[$0] })
        if pipeline.keepsFeatures { words.append(featuresOf: row, features) }
        words.append(bytes: text)
        store(id)
    }

    func keepServed(_ row: Int, _ batch: RecordBatch, _ answer: ServedAnswer) {
        var record = PendingRecord()
        describe(&record, row, batch)
        record.version = answer.version
        record.predictedClass = answer.predictedClass
        record.known = answer.known
        record.isServed = true
        let features = pipeline.keepsFeatures ? answer.features : []
        words.removeAll(keepingCapacity: true)
        begin(record, row, batch, outputs: answer.outputs.count, features: features.count, targetBytes: 0)
        words += answer.outputs
        appendFields(row, batch, numbers: { batch.numbers[$0] }, categories: { batch.categories[$0] })
        words += features
        counts.add(.arrivals)
        store(batch.ids[row].buffer)
    }

    func describe(_ record: inout PendingRecord, _ row: Int, _ batch: RecordBatch) {
        record.arrival = counts[.arrivals]
        record.time = hasTime && !batch.times[row].isNaN ? batch.times[row] : now.isFinite ? now : .nan
        record.weight = batch.weights[row]
        record.position = batch.positions[row]
    }

    /// Writes the header of what follows.
    func begin(
        _ record: PendingRecord, _ row: Int, _ batch: RecordBatch, outputs: Int, features: Int, targetBytes: Int
    ) {
        let relearns = pipeline.relearnsFields
        record.write(
            into: &words, outputs: outputs, numbers: pipeline.keepsNumbers ? batch.numericCount : 0,
            categories: relearns ? batch.categoricalCount : 0, tokens: relearns ? tokens(row, batch).count : 0,
            texts: relearns ? texts(row, batch).reduce(0) { $0 + PendingRecord.words(ofText: $1.count) } : 0,
            features: features, targetBytes: targetBytes)
    }

    func tokens(_ row: Int, _ batch: RecordBatch) -> Range<Int> {
        guard batch.tokenEnds.indices.contains(row) else { return 0..<0 }
        return (row > 0 ? batch.tokenEnds[row - 1] : 0)..<batch.tokenEnds[row]
    }

    /// What steps may go by: the id, and the fields that are kept as they came.
    func texts(_ row: Int, _ batch: RecordBatch) -> [ByteRange] {
        [batch.ids[row]] + (0..<batch.rawCount).map { batch.rawFields[$0 * batch.columnStride + row] }
    }

    func appendFields(
        _ row: Int, _ batch: RecordBatch, numbers: (Int) -> Double, categories: (Int) -> UInt64
    ) {
        let stride = batch.columnStride
        if pipeline.keepsNumbers {
            for column in 0..<batch.numericCount {
                // What steps make is made anew.
                let isMade = column >= batch.decodedNumericCount
                words.append((isMade ? .nan : numbers(column * stride + row)).bitPattern)
            }
        }
        guard pipeline.relearnsFields else { return }
        for column in 0..<batch.categoricalCount {
            words.append(column >= batch.decodedCategoricalCount ? 0 : categories(column * stride + row))
        }
        words.append(contentsOf: batch.tokens[tokens(row, batch)])
        for text in texts(row, batch) {
            words.append(UInt64(text.count))
            words.append(bytes: text.buffer)
        }
    }

    func store(_ id: UnsafeBufferPointer<UInt8>) {
        let (overwritten, evicted) = pending.keep(id, words)
        counts.add(.kept)
        if overwritten { counts.add(.overwritten) }
        counts.add(.evicted, evicted)
    }
}
