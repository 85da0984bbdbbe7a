import CBytes
import JSON
import Records

/// Logged decisions as Vowpal Wabbit's `--dsjson` reads them, one JSON object a line: `c` holds the context and, as `_multi`,
/// the actions; `_label_cost` what the chosen action cost, `_label_probability` how likely it was, `_labelIndex` which
/// one it was, from 0. Without `_labelIndex` the first of `a` (or `_label_Action`) says it, from 1, without
/// `_label_probability` the first of `p`. `EventId` names the record; `_skipLearn` leaves the cost out.
///
/// A line without a cost is a decision to be made. A cost without a probability over 0, or of an action that is not there,
/// is rejected: nothing can be learned from it that is fair to the other actions.
public final class DecisionDecoder: RecordDecoder {
    public var context = ""
    private let parser = JSONParser()
    private var shape: DecisionFeatures

    private let isForDecisions: Bool

    public init(schema: Schema, bits: Int) {
        shape = DecisionFeatures(bits: bits)
        isForDecisions = schema.task == .bandit
    }

    public func beginPart() {}

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        guard isForDecisions else {
            throw FormatError("logged decisions (dsjson) are for the task bandit, and the model has another")
        }
        guard let features = batch.features else {
            throw FormatError("logged decisions bring their own features: the batch needs room for them")
        }
        guard let last = bytes_last_newline(chunk.base + offset, chunk.count - offset) else { return offset }
        let base = UnsafePointer(chunk.base)
        let limit = base.distance(to: last) + 1
        var cursor = offset
        if chunk.position.offset + cursor == 0 { cursor += byteOrderMarkCount(base, limit) }
        var position = RecordPosition(
            part: chunk.position.part, offset: chunk.position.offset + cursor, line: batch.endPosition.line)
        var sink = FeatureSink(features)
        defer { sink.end() }
        batch.retain(chunk)
        while cursor < limit, batch.rows < batch.capacity {
            let start = base + cursor
            var end = start
            while end.pointee != UInt8(ascii: "\n") { end += 1 }
            let count = end > start && end[-1] == 0x0d ? end - start - 1 : end - start
            let line = UnsafeBufferPointer(start: start, count: count)
            if !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { decodeLine(line, position, batch, &sink) }
            cursor = base.distance(to: end) + 1
            position.offset = chunk.position.offset + cursor
            position.line += 1
        }
        batch.endPosition = position
        return cursor
    }

    private func decodeLine(
        _ line: UnsafeBufferPointer<UInt8>, _ position: RecordPosition, _ batch: RecordBatch, _ sink: inout FeatureSink
    ) {
        let raw = ByteRange(line.baseAddress, line.count)
        func reject(_ reason: String) {
            sink.beginRow()
            batch.reject(reason, at: position, raw: raw)
        }
        let tape: JSONTape
        do throws(JSONError) { tape = try parser.parse(line) } catch { return reject("not JSON: \(error.description)") }
        guard tape.kind(at: JSONTape.rootIndex) == .object else { return reject("not a JSON object") }
        let frame = DecisionFrame(tape)
        if let failure = frame.failure { return reject(failure) }
        sink.append(DecisionRow.mark, Float(frame.probability))
        sink.append(DecisionRow.mark, Float(frame.chosen))
        if let failure = addFeatures(tape, frame, &sink) { return reject(failure) }
        let row = batch.rows
        batch.targetNumbers[row] = frame.cost ?? .nan
        batch.targetTexts[row] = .empty
        batch.weights[row] = 1
        // The parser's bytes do not last: the id as it stands in the line, where it stands there as it is.
        batch.ids[row] = frame.id.flatMap { Self.find($0, in: line) } ?? .empty
        batch.positions[row] = position
        batch.raw[row] = raw
        sink.commitRow()
        batch.rows &+= 1
    }

    private func addFeatures(_ tape: JSONTape, _ frame: DecisionFrame, _ sink: inout FeatureSink) -> String? {
        if let failure = shape.add(tape, frame.context, to: &sink) { return failure }
        var at = frame.actions + 1
        let end = tape.close(of: frame.actions)
        while at < end {
            guard tape.kind(at: at) == .object else { return "an action in _multi is not an object" }
            sink.append(DecisionRow.mark, 0)
            if let failure = shape.add(tape, at, to: &sink) { return failure }
            at = tape.next(after: at)
        }
        return nil
    }

    private static func find(_ text: UnsafeBufferPointer<UInt8>, in line: UnsafeBufferPointer<UInt8>) -> ByteRange? {
        guard let first = text.first, let base = line.baseAddress, text.count <= line.count else { return nil }
        for start in 0...line.count - text.count
        where line[start] == first && line[start..<start + text.count].elementsEqual(text) {
            return ByteRange(base + start, text.count)
        }
        return nil
    }
}

/// What frames a logged decision: everything but its features.
struct DecisionFrame {
    /// nil: not known, or not to be learned.
    private(set) var cost: Double?
    private(set) var probability = 0.0
    /// From 0; -1 = not known.
    private(set) var chosen = -1
    private(set) var id: UnsafeBufferPointer<UInt8>?
    /// Where the context and the list of actions stand.
    private(set) var context = 0
    private(set) var actions = 0
    private(set) var actionCount = 0
    private(set) var failure: String?

    init(_ tape: JSONTape) {
        var given = Given()
        var at = JSONTape.rootIndex + 1
        let end = tape.close(of: JSONTape.rootIndex)
        while at < end {
            given.take(tape.string(at: at), tape, at + 1)
            at = tape.next(after: at + 1)
        }
        id = given.id
        guard let context = given.context else {
            failure = "no context: a logged decision has an object 'c' with the actions as '_multi'"
            return
        }
        self.context = context
        guard findActions(tape) else {
            failure = "no actions: 'c' has an array '_multi' with one object for each action"
            return
        }
        settle(given)
    }

    private mutating func findActions(_ tape: JSONTape) -> Bool {
        var at = context + 1
        let end = tape.close(of: context)
        while at < end {
            if tape.string(at: at).elementsEqual("_multi".utf8), tape.kind(at: at + 1) == .array { actions = at + 1 }
            at = tape.next(after: at + 1)
        }
        guard actions > 0 else { return false }
        at = actions + 1
        while at < tape.close(of: actions) {
            actionCount += 1
            at = tape.next(after: at)
        }
        return actionCount > 0
    }

    /// Which action was chosen, how likely it was and what it cost.
    private mutating func settle(_ given: Given) {
        chosen = given.index ?? given.number.map { $0 - 1 } ?? -1
        probability = given.probability ?? given.firstProbability ?? 0
        guard let cost = given.cost, !given.isSkipped else {
            if chosen >= actionCount || chosen < 0 { chosen = -1 }
            return
        }
        guard chosen >= 0, chosen < actionCount else {
            failure = "the chosen action is number \(chosen + 1) of \(actionCount)"
            return
        }
        guard probability > 0, probability <= 1 else {
            failure = "the chosen action has the probability \(probability): it takes one over 0 up to 1"
            return
        }
        guard cost.isFinite, abs(cost) < 1e100 else {
            failure = "the cost is too large"
            return
        }
        self.cost = cost
    }

    /// The members that say something, as they come.
    private struct Given {
        var cost: Double?
        var probability: Double?
        var firstProbability: Double?
        var index: Int?
        var number: Int?
        var id: UnsafeBufferPointer<UInt8>?
        var context: Int?
        var isSkipped = false

        mutating func take(_ key: UnsafeBufferPointer<UInt8>, _ tape: JSONTape, _ value: Int) {
            func whole(_ at: Int) -> Int? { tape.number(at: at).flatMap { Int(exactly: $0) } }
            /// The first item of a list.
            var first: Int? { tape.kind(at: value) == .array && tape.close(of: value) > value + 1 ? value + 1 : nil }
            switch String(decoding: key, as: UTF8.self) {
            case "_label_cost": cost = tape.number(at: value)
            case "_label_probability": probability = tape.number(at: value)
            case "_labelIndex": index = whole(value)
            case "_label_Action", "_label_action": number = whole(value)
            case "a": number = number ?? first.flatMap(whole)
            case "p": firstProbability = first.flatMap { tape.number(at: $0) }
            case "EventId": id = tape.kind(at: value) == .string ? tape.string(at: value) : nil
            case "_skipLearn": isSkipped = tape.kind(at: value) == .yes
            case "c": context = tape.kind(at: value) == .object ? value : nil
            default: break
            }
        }
    }
}

/// Takes part in telling what a stream is: logged decisions have one task.
public final class DecisionSampler: RecordSampler {
    public init() {}

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        sample.declaredTask = .bandit
        return sampleLines(chunk, limit: limit, into: &sample) { start, end in
            UnsafeBufferPointer(start: start, count: end - start).contains { $0 > 0x20 } ? .empty : nil
        }
    }
}
