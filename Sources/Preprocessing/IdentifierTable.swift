import CBytes
import Components
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
        ])

    let capacity: Int
    private let admit: UInt32
    private let expire: UInt64
    private let table: KeyedSlots
    /// By slot: the record it was seen in last.
    private let seen: StateArray<UInt64>
    private let candidates: KeyedSlots
    private let counts: StateArray<UInt32>
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
        totals = StateArray(count: 2)
    }

    var state: [StateEntry] {
        table.state.prefixed("table") + [StateEntry("seen", seen)] + candidates.state.prefixed("candidates")
            + [StateEntry("counts", counts), StateEntry("totals", totals)]
    }

    var notes: [StepNote] {
        [StepNote("identifiers", count: UInt64(table.used)), StepNote("expired", count: totals[1])]
    }

    /// A learned record begins.
    func beginRecord() { totals[0] += 1 }

    /// The slot of a category, from 0; nil: it has none.
    ///
    /// - Parameter learning: counts the category, and gives it a slot when it is due.
    func slot(_ hash: UInt64, learning: Bool) -> UInt32? {
        let key = nonZero(hash)
        let known = table.find(key)
        guard learning else { return known.map(UInt32.init) }
        if let known {
            _ = table.use(key)
            seen[known] = totals[0]
            return UInt32(known)
        }
        if isAdmitted(key), hasRoom { give(key) }
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

    private func give(_ key: UInt64) {
        if table.used == capacity { totals[1] += 1 }
        let (slot, _) = table.use(key)
        table.makeRoom(in: seen)
        seen[slot] = totals[0]
    }
}
