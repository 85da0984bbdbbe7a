import Components
import State

/// Gives every category a slot of its own, in order of appearance, up to a capacity; later ones share hashed slots.
///
/// Open addressing with linear probing; keys are salted 64-bit hashes, so two categories meet by chance once in 2^64.
final class OneHotTable: Stateful {
    static let descriptor = Descriptor(
        "one-hot", "a slot of its own for each category, as long as there is room; without it categories are hashed",
        fields: [
            HyperparameterField(
                "capacity", .integer(1...1 << 26), default: "65536", "categories of all fields with a slot of their own"
            )
        ])

    let capacity: Int
    /// Salted hash by place; 0 = free.
    private let keys: StateArray<UInt64>
    /// Slot by place.
    private let slots: StateArray<UInt32>
    private let used: StateArray<UInt64>
    private let mask: Int

    init(capacity: Int) {
        self.capacity = capacity
        var places = 16
        while places < capacity * 2 { places *= 2 }
        keys = StateArray(count: places, marksChanges: true)
        slots = StateArray(count: places, marksChanges: true)
        used = StateArray(count: 1)
        mask = places - 1
    }

    var state: [StateEntry] { [StateEntry("keys", keys), StateEntry("slots", slots), StateEntry("used", used)] }

    /// The slot of a category, from 0; nil when it has none and gets none.
    ///
    /// - Parameter adding: gives an unknown category the next free slot.
    func slot(_ hash: UInt64, adding: Bool) -> UInt32? {
        let key = hash == 0 ? 1 : hash
        var place = Int(truncatingIfNeeded: key &* 0x9e37_79b9_7f4a_7c15 >> 20) & mask
        while keys.base[place] != 0 {
            if keys.base[place] == key { return slots.base[place] }
            place = (place + 1) & mask
        }
        guard adding, Int(used[0]) < capacity else { return nil }
        let slot = UInt32(used[0])
        keys[place] = key
        slots[place] = slot
        used[0] += 1
        return slot
    }
}
