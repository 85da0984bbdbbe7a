import CBytes
import Components
import Records
import State

/// Gives categories slots of their own, like `one-hot`, on a stream whose categories come and go: a category gets one
/// once it was seen `admit` times, and when there is no room takes that of the category used least recently, if that was
/// not seen for `expire` records. Until it has one it shares a hashed slot.
///
/// A slot that changes hands keeps what was learned for it: the newcomer starts there. Candidates are counted for the
/// `capacity` used last.
final class IdentifierTable: Stateful {
    static let descriptor = Descriptor(
        "identifiers", "a slot of its own for each common category, given on when it is not seen any more",
        fields: [
            HyperparameterField(
                "capacity", .integer(1...1 << 24), default: "65536", "categories with a slot of their own"),
            HyperparameterField("admit", .integer(1...1_000_000), default: "3", "records with it before it gets one"),
            HyperparameterField(
                "expire", .integer(0...1 << 53), default: "1000000",
                "records without it before it may lose it; 0 = never"
            ),
            HyperparameterField(
                "names", .boolean, default: "true", "remember what is in each slot, so that features have names"),
        ])

    let capacity: Int
    private let admit: UInt32
    private let expire: UInt64
    private let table: KeyedSlots
    /// By slot: the record it was seen in last.
    private let seen: StateArray<UInt64>
    private let candidates: KeyedSlots
    private let counts: StateArray<UInt32>
    /// By slot: the category column, bytes of the text, its first bytes. Empty: names are not kept.
    private let names: StateArray<UInt8>?
    private static let nameBytes = 46
    /// Records learned, slots that changed hands.
    private let totals: StateArray<UInt64>

    init(_ parameters: Hyperparameters) {
        capacity = parameters.integer("capacity")
        admit = UInt32(parameters.integer("admit"))
        expire = UInt64(max(0, parameters.integer("expire")))
        table = KeyedSlots(capacity: capacity)
        seen = StateArray(count: 0, marksChanges: true, grows: true)
        candidates = KeyedSlots(capacity: capacity)
        counts = StateArray(count: 0, marksChanges: true, grows: true)
        names =
            parameters.boolean("names")
            ? StateArray(count: 0, lanes: Self.nameBytes + 2, marksChanges: true, grows: true) : nil
        totals = StateArray(count: 2)
    }

    var state: [StateEntry] {
        table.state.prefixed("table") + [StateEntry("seen", seen)] + candidates.state.prefixed("candidates")
            + [StateEntry("counts", counts), StateEntry("totals", totals)]
            + (names.map { [StateEntry("names", $0)] } ?? [])
    }

    var notes: [StepNote] {
        [StepNote("identifiers", count: UInt64(table.used)), StepNote("expired", count: totals[1])]
    }

    /// A learned record begins.
    func beginRecord() { totals[0] += 1 }

    /// The slot of a category, from 0; nil: it has none.
    ///
    /// - Parameters:
    ///   - learning: counts the category, and gives it a slot when it is due.
    ///   - column: the category column.
    ///   - text: the category as people write it.
    func slot(_ hash: UInt64, learning: Bool, column: Int = 0, text: @autoclosure () -> ByteRange = .empty) -> UInt32? {
        let key = nonZero(hash)
        let known = table.find(key)
        guard learning else { return known.map(UInt32.init) }
        if let known {
            _ = table.use(key)
            seen[known] = totals[0]
            return UInt32(known)
        }
        if isAdmitted(key), hasRoom { give(key, column, text()) }
        // The record itself was transformed with what was known before it.
        return nil
    }

    private func isAdmitted(_ key: UInt64) -> Bool {
        let (place, isNew) = candidates.use(key)
        candidates.makeRoom(in: counts)
        counts[place] = isNew ? 1 : min(counts[place], .max - 1) + 1
        return counts[place] >= admit
    }

    private var hasRoom: Bool {
        guard table.used == capacity, let oldest = table.leastRecent else { return true }
        return expire > 0 && totals[0] - min(seen[oldest], totals[0]) > expire
    }

    private func give(_ key: UInt64, _ column: Int, _ text: ByteRange) {
        if table.used == capacity { totals[1] += 1 }
        let (slot, _) = table.use(key)
        table.makeRoom(in: seen)
        seen[slot] = totals[0]
        guard let names else { return }
        table.makeRoom(in: names)
        let bytes = text.buffer.prefix(Self.nameBytes)
        let first = slot * names.lanes
        names[first] = UInt8(min(column, 255))
        names[first + 1] = UInt8(bytes.count)
        for (place, byte) in bytes.enumerated() { names[first + 2 + place] = byte }
    }

    /// The category column and the text of what has a slot; nil: it is not known.
    func name(of slot: Int) -> (column: Int, text: String)? {
        guard let names, slot < table.used, slot < names.count else { return nil }
        let first = slot * names.lanes
        let count = min(Int(names[first + 1]), Self.nameBytes)
        guard count > 0 else { return nil }
        let text = String(decoding: (0..<count).map { names[first + 2 + $0] }, as: UTF8.self)
        return (Int(names[first]), count == Self.nameBytes ? text + "..." : text)
    }
}
