import CBytes

/// Finds the number of a key by its bytes: open addressing over XXH3, insertion order kept, never shrinking.
struct KeyTable {
    private(set) var keys: [[UInt8]] = []
    /// Bytes of all keys.
    private(set) var byteCount = 0
    private var hashes: [UInt64] = []
    /// Index + 1 into `keys`; 0 = free.
    private var slots: [Int32] = Array(repeating: 0, count: 64)

    /// The number of a key, nil when unknown.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? {
        let hash = bytes_xxh3(key.baseAddress, key.count)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if hashes[index] == hash, keys[index].elementsEqual(key) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a key that is not there; returns its number.
    mutating func insert(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        keys.append(Array(key))
        byteCount += key.count
        hashes.append(bytes_xxh3(key.baseAddress, key.count))
        if keys.count * 2 > slots.count {
            slots = Array(repeating: 0, count: slots.count * 2)
            for index in keys.indices { place(index) }
        } else {
            place(keys.count - 1)
        }
        return keys.count - 1
    }

    private mutating func place(_ index: Int) {
        var slot = Int(truncatingIfNeeded: hashes[index]) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index + 1)
    }
}
