import CBytes
import State

/// Slots for the keys used last: a hash table of fixed capacity that gives the slot of the least recently used key to a
/// new one when it is full.
///
/// Open addressing with linear probing and backward-shift deletion (Knuth 6.4, algorithm R); recency is a doubly linked
/// list through the slots. What is kept by slot grows with the slots in use, up to the capacity.
final class KeyedSlots: Stateful {
    let capacity: Int
    /// Slot + 1 by place; 0 = free.
    private let places: StateArray<UInt32>
    /// By slot.
    private let keys: StateArray<UInt64>
    /// By slot: the slots used next before (lane 0) and next after (lane 1), + 1; 0 = none.
    private let links: StateArray<UInt32>
    /// Slots in use, the slot used last + 1, the one used least recently + 1, keys that lost their slot.
    private let counts: StateArray<UInt64>
    private let mask: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        var size = 16
        while size < self.capacity * 2 { size *= 2 }
        places = StateArray(count: size, marksChanges: true)
        keys = StateArray(count: 0, marksChanges: true, grows: true)
        links = StateArray(count: 0, lanes: 2, marksChanges: true, grows: true)
        counts = StateArray(count: 4)
        mask = size - 1
    }

    var state: [StateEntry] {
        [
            StateEntry("places", places), StateEntry("keys", keys), StateEntry("links", links),
            StateEntry("counts", counts),
        ]
    }

    /// Slots in use.
    var used: Int { Int(counts[0]) }
    /// Keys that lost their slot to others.
    var evicted: UInt64 { counts[3] }
    /// The slot whose key was used longest ago.
    var leastRecent: Int? { counts[2] == 0 ? nil : Int(counts[2]) - 1 }

    func key(of slot: Int) -> UInt64 { keys[slot] }

    private func home(_ key: UInt64) -> Int { Int(truncatingIfNeeded: bytes_mix(key)) & mask }

    /// The key's slot; changes nothing. Key 0 (missing) has none.
    func find(_ key: UInt64) -> Int? {
        guard key != 0 else { return nil }
        var place = home(key)
        while places.base[place] != 0 {
            let slot = Int(places.base[place]) - 1
            if keys.base[slot] == key { return slot }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Gives the key a slot if it has none, and makes it the most recently used.
    ///
    /// - Returns: the slot, and whether it is new to the key, so that what stood there must be cleared.
    func use(_ key: UInt64) -> (slot: Int, isNew: Bool) {
        let key = key == 0 ? 1 : key
        if let slot = find(key) {
            touch(slot)
            return (slot, false)
        }
        let slot: Int
        if used < capacity {
            slot = used
            if slot == keys.count {
                let grown = min(capacity, max(64, keys.count * 2))
                keys.extend(to: grown)
                links.extend(to: grown)
            }
            counts[0] += 1
        } else {
            slot = Int(counts[2]) - 1
            remove(keys[slot])
            unlink(slot)
            counts[3] += 1
        }
        keys[slot] = key
        var place = home(key)
        while places[place] != 0 { place = (place + 1) & mask }
        places[place] = UInt32(slot + 1)
        linkFirst(slot)
        return (slot, true)
    }

    /// Makes an array as long as there may be slots, and `extra` elements.
    func makeRoom(in array: AnyStateArray, extra: Int = 0) {
        if array.count < keys.count + extra { array.extend(to: keys.count + extra) }
    }

    private func touch(_ slot: Int) {
        guard Int(counts[1]) != slot + 1 else { return }
        unlink(slot)
        linkFirst(slot)
    }

    private func unlink(_ slot: Int) {
        let newer = links[2 * slot]
        let older = links[2 * slot + 1]
        if newer == 0 { counts[1] = UInt64(older) } else { links[2 * (Int(newer) - 1) + 1] = older }
        if older == 0 { counts[2] = UInt64(newer) } else { links[2 * (Int(older) - 1)] = newer }
    }

    private func linkFirst(_ slot: Int) {
        let first = UInt32(counts[1])
        links[2 * slot] = 0
        links[2 * slot + 1] = first
        if first != 0 { links[2 * (Int(first) - 1)] = UInt32(slot + 1) } else { counts[2] = UInt64(slot + 1) }
        counts[1] = UInt64(slot + 1)
    }

    private func remove(_ key: UInt64) {
        var hole = home(key)
        while places[hole] != 0, keys[Int(places[hole]) - 1] != key { hole = (hole + 1) & mask }
        var next = (hole + 1) & mask
        while places[next] != 0 {
            let wanted = home(keys[Int(places[next]) - 1])
            // It may move into the hole when its own place does not lie between the two.
            if (next - wanted) & mask >= (next - hole) & mask {
                places[hole] = places[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        places[hole] = 0
    }
}

extension StateArray where Element: BinaryFloatingPoint {
    /// Zeros the scalars of one element.
    func clearElement(_ index: Int) { for lane in 0..<lanes { self[index * lanes + lane] = 0 } }
}
