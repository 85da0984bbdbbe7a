import Records
import State

/// Predicted records that wait for their targets, by id; targets that wait for their record; and, for a while, the ids
/// whose target came, so that a second one is known as such. All bounded; in every case the oldest goes first.
final class PendingTargets: Stateful {
    let options: DelayOptions
    /// Content: `PendingRecord`. Records without an id are here only where their target is withheld.
    let waiting: KeyedLog
    /// Content: arrival, time, the target as a number, bytes of its text, the text.
    let early: KeyedLog
    /// Content: the target's digest; 0 = the time was over and nothing was learned.
    private let settled: KeyedLog

    init(_ options: DelayOptions) {
        self.options = options
        let (count, bytes) = (options.maximumPending, options.maximumBytes)
        waiting = KeyedLog(maximumEntries: count, maximumBytes: bytes / 4 * 3)
        early = KeyedLog(maximumEntries: count, maximumBytes: bytes / 8)
        settled = KeyedLog(maximumEntries: count, maximumBytes: bytes / 8)
    }

    var state: [StateEntry] {
        waiting.state.prefixed("pending") + early.state.prefixed("early") + settled.state.prefixed("settled")
    }

    func stateDidChange() {
        for log in [waiting, early, settled] { log.stateDidChange() }
    }

    /// Whether what a snapshot brought can be used.
    var isSound: Bool { waiting.isSound && early.isSound && settled.isSound }

    /// Adds to a log of which the oldest entries leave for it. Returns how many did.
    private static func append(
        _ key: UnsafeBufferPointer<UInt8>, _ content: some Collection<UInt64>, to log: KeyedLog
    ) -> Int {
        var left = 0
        while log.isFull(for: key, content.count), let oldest = log.oldest {
            log.remove(oldest)
            left += 1
        }
        log.append(key, content)
        return left
    }

    /// Keeps a record. Returns whether it takes the place of one of the same id, and how many others left for it.
    func keep(_ id: UnsafeBufferPointer<UInt8>, _ record: [UInt64]) -> (overwritten: Bool, evicted: Int) {
        let before = waiting.find(id)
        if let before { waiting.remove(before) }
        return (before != nil, Self.append(id, record, to: waiting))
    }

    /// Keeps a target whose record has not come. Returns how many others left for it; a later target of the same id
    /// takes the place of the earlier one.
    func keepEarly(_ id: UnsafeBufferPointer<UInt8>, _ target: DelayedTarget, arrival: Int) -> Int {
        let before = early.find(id)
        if let before { early.remove(before) }
        var content: [UInt64] = [
            UInt64(arrival), target.time.bitPattern, target.number.bitPattern, UInt64(target.text.count),
        ]
        content.append(bytes: target.text)
        return Self.append(id, content, to: early) + (before != nil ? 1 : 0)
    }

    /// The target that waits for a record of that id; valid until this changes.
    func earlyTarget(_ id: UnsafeBufferPointer<UInt8>) -> (entry: Int, target: DelayedTarget)? {
        guard let entry = early.find(id) else { return nil }
        let content = early.content(of: entry)
        guard content.count >= 4, content[3] <= UInt64((content.count - 4) * 8), let base = content.baseAddress
        else { return nil }
        let text = UnsafeRawPointer(base + 4).assumingMemoryBound(to: UInt8.self)
        let target = DelayedTarget(
            number: Double(bitPattern: content[2]),
            text: UnsafeBufferPointer(start: text, count: Int(content[3])), time: Double(bitPattern: content[1]))
        return (entry, target)
    }

    /// Remembers that an id has had its target (0: that its time was over).
    func settle(_ id: UnsafeBufferPointer<UInt8>, _ digest: UInt64) {
        guard id.count > 0 else { return }
        if let before = settled.find(id) { settled.remove(before) }
        _ = Self.append(id, CollectionOfOne(digest), to: settled)
    }

    /// The digest of the target that an id has had; nil: it is not remembered.
    func settledDigest(_ id: UnsafeBufferPointer<UInt8>) -> UInt64? {
        settled.find(id).flatMap { settled.content(of: $0).first }
    }
}

/// A target on its way to its record.
struct DelayedTarget {
    /// NaN = it is none.
    let number: Double
    /// Empty = missing. Points into the memory it was read from.
    let text: UnsafeBufferPointer<UInt8>
    /// Seconds since 1970; NaN = not known.
    let time: Double

    var isMissing: Bool { number.isNaN && text.count == 0 }
}
