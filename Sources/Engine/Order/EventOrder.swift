import Components
import Preprocessing
import Records
import State

/// Puts records in the order of their times: each waits until the latest time seen lies `lateness` beyond its own, so
/// that no earlier one can come that is not late. Records of one time keep their order. The bounded store is part of the
/// state, so that a resumed run goes on with the same records waiting.
final class EventOrder: Stateful {
    private struct Waiting {
        let time: Double
        let sequence: UInt64

        /// Whether its turn is before another's.
        func isBefore(_ other: Waiting) -> Bool {
            time != other.time ? time < other.time : sequence < other.sequence
        }
    }

    private enum Count: Int, CaseIterable {
        case sequence, late, forced, withoutTime
    }

    let options: OrderOptions
    /// By sequence number.
    private let log: KeyedLog
    private let clock: EventClock
    private let counts: StateArray<UInt64>
    /// A binary heap, the earliest first; made of the log when it is asked for.
    private var heap: [Waiting] = []
    private var isIndexed = false
    private var words: [UInt64] = []

    init(_ options: OrderOptions) {
        self.options = options
        log = KeyedLog(maximumEntries: options.maximumRecords, maximumBytes: options.maximumBytes)
        clock = EventClock(ahead: options.ahead)
        counts = StateArray(count: Count.allCases.count)
    }

    var state: [StateEntry] {
        log.state.prefixed("waiting") + clock.state + [StateEntry("counts", counts)]
    }

    func stateDidChange() {
        log.stateDidChange()
        isIndexed = false
    }

    var isSound: Bool { log.isSound }

    var status: OrderStatus {
        func count(_ kind: Count) -> Int { Int(truncatingIfNeeded: counts[kind.rawValue]) }
        return OrderStatus(
            waiting: log.count, late: count(.late), forced: count(.forced), withoutTime: count(.withoutTime))
    }

    private func count(_ kind: Count) { counts.base[kind.rawValue] += 1 }

    // MARK: Taking

    /// Takes the records of a batch, and hands on those whose turn it is, in batches.
    ///
    /// - Parameters:
    ///   - isLast: nothing more comes; everything has its turn.
    ///   - emit: called with records in the order of their times, and with what is rejected.
    func take(_ batch: RecordBatch, isLast: Bool, into ordered: OrderedBatch, emit: (RecordBatch) -> Void) {
        index()
        ordered.records.rejected += batch.rejected
        for row in 0..<batch.rows {
            take(row, batch, ordered, emit)
            let due = (clock.latest ?? .infinity) - options.lateness
            while let first = heap.first, first.time <= due { release(ordered, emit) }
        }
        if isLast { while !heap.isEmpty { release(ordered, emit) } }
        ordered.emit(emit)
    }

    private func take(_ row: Int, _ batch: RecordBatch, _ ordered: OrderedBatch, _ emit: (RecordBatch) -> Void) {
        var time = batch.times[row]
        let behind = clock.note(time)
        let latest = clock.latest ?? 0
        if !time.isFinite { count(.withoutTime) }
        // What is taken for an error must not wait for ever.
        if !time.isFinite || behind < 0 { time = latest }
        if behind > options.lateness {
            count(.late)
            switch options.late {
            case .drop: return
            case .keep: break
            case .reject:
                return ordered.records.reject(
                    "late: \(Int(min(behind, 1e15))) s behind the latest record (--lateness)", at: batch.positions[row],
                    raw: batch.raw[row])
            }
        }
        words.removeAll(keepingCapacity: true)
        StoredRecord.append(row, of: batch, time: time, to: &words)
        let sequence = counts.base[Count.sequence.rawValue]
        count(.sequence)
        withKey(sequence) { key in
            while log.isFull(for: key, words.count), !heap.isEmpty {
                count(.forced)
                release(ordered, emit)
            }
            log.append(key, words)
        }
        push(Waiting(time: time, sequence: sequence))
    }

    private func release(_ ordered: OrderedBatch, _ emit: (RecordBatch) -> Void) {
        guard let first = pop() else { return }
        withKey(first.sequence) { key in
            guard let entry = log.find(key) else { return }
            _ = ordered.add(log.content(of: entry))
            log.remove(entry)
        }
        if ordered.isFull { ordered.emit(emit) }
    }

    private func withKey(_ sequence: UInt64, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        withUnsafeBytes(of: sequence.littleEndian) { bytes in body(bytes.bindMemory(to: UInt8.self)) }
    }

    // MARK: Heap

    private func index() {
        guard !isIndexed else { return }
        isIndexed = true
        heap.removeAll(keepingCapacity: true)
        log.forEach { entry in
            let key = log.key(of: entry)
            let words = log.content(of: entry)
            guard key.count == 8, let first = words.first else { return }
            var sequence: UInt64 = 0
            for (place, byte) in key.enumerated() { sequence |= UInt64(byte) << UInt64(8 * place) }
            push(Waiting(time: Double(bitPattern: first), sequence: sequence))
        }
    }

    private func push(_ waiting: Waiting) {
        heap.append(waiting)
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].isBefore(heap[parent]) else { return }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    private func pop() -> Waiting? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            guard least != place else { return first }
            heap.swapAt(place, least)
            place = least
        }
    }
}

extension Configuration {
    /// - Throws: when records have no time to go by.
    func checkOrder(_ schema: Schema) throws(SettingError) {
        guard order != nil else { return }
        guard !schema.isFeatureNative, !schema.fields(.time).isEmpty else {
            throw SettingError("--lateness needs records with named fields, one of them the time: --time FIELD")
        }
    }
}
