import State

/// The most frequent values with their counts, in bounded memory, mergeable: the Misra-Gries summary with purges by the
/// median (Anderson et al., "A High-Performance Algorithm for Identifying Frequent Items in Data Streams", IMC 2017).
///
/// A value kept has its count since it was last admitted; when the table is full, the median of all counts is taken off
/// every one, and what is left with nothing leaves. `purged` is the sum of what was taken: a true count lies in
/// `count ... count + purged`, and a value that is not kept occurred at most `purged` times.
/// Error: `purged` is at most 2 n / capacity for n values (each purge takes at least half the kept values' number times
/// the median). Exact, with `purged` 0, up to `capacity` different values.
public final class FrequentItems: Stateful {
    /// Bytes kept of a value's text.
    public static let textBytes = 63
    private static let textStride = 64

    /// Values kept at most.
    public let capacity: Int
    private let keepsText: Bool
    @usableFromInline let mask: Int
    /// By slot, open addressing: keys (0 = free), counts, texts with their lengths in front.
    @usableFromInline let keys: StateArray<UInt64>
    @usableFromInline let counts: StateArray<Int64>
    private let texts: StateArray<UInt8>
    /// Values kept, `purged`, values learned.
    @usableFromInline let totals: StateArray<Int64>

    /// - Parameters:
    ///   - slots: a power of two; three quarters of them are used.
    ///   - keepsText: whether `learn` is given texts to keep.
    public init(slots: Int = 1024, keepsText: Bool) {
        let slots = max(slots, 16).nextPowerOfTwo
        capacity = slots / 4 * 3
        self.keepsText = keepsText
        mask = slots - 1
        keys = StateArray(count: slots)
        counts = StateArray(count: slots)
        texts = StateArray(count: keepsText ? slots * Self.textStride : 0)
        totals = StateArray(count: 3)
    }

    public var state: [StateEntry] {
        [
            StateEntry("keys", keys), StateEntry("counts", counts), StateEntry("texts", texts),
            StateEntry("totals", totals),
        ]
    }

    /// Values learned.
    public var count: Int { Int(totals[2]) }
    /// The largest error of a count.
    public var purged: Int { Int(totals[1]) }
    /// Values kept.
    public var keptCount: Int { Int(totals[0]) }

    /// Learns a value by its key (a hash, or any word that identifies it; 0 counts as 1).
    /// - Parameters:
    ///   - text: `length` bytes; nil = none. `textBytes` bytes from its start must be readable.
    ///   - times: how many of it.
    /// - Returns: whether it is new in the table; what is not was seen before.
    @inlinable @inline(__always) @discardableResult
    public func learn(_ key: UInt64, _ text: UnsafePointer<UInt8>? = nil, _ length: Int = 0, times: Int = 1) -> Bool {
        let key = key == 0 ? 1 : key
        totals.base[2] += Int64(times)
        var slot = Self.home(key, mask)
        let keys = keys.base
        while keys[slot] != 0 {
            if keys[slot] == key {
                counts.base[slot] += Int64(times)
                return false
            }
            slot = (slot &+ 1) & mask
        }
        admit(key, slot, text, length, times)
        return true
    }

    /// The table for a loop over many values: what it points to stays where it is.
    public struct Table {
        @usableFromInline let keys: UnsafeMutablePointer<UInt64>
        @usableFromInline let counts: UnsafeMutablePointer<Int64>
        @usableFromInline let mask: Int

        @inlinable init(_ items: FrequentItems) {
            (keys, counts, mask) = (items.keys.base, items.counts.base, items.mask)
        }

        /// Counts a value that is kept; nil: it was. Else the place to `admit` it at.
        /// - Parameter key: not 0.
        @inlinable @inline(__always)
        public func count(_ key: UInt64) -> Int? {
            var slot = FrequentItems.home(key, mask)
            while true {
                let found = keys[slot]
                if found == key {
                    counts[slot] &+= 1
                    return nil
                }
                if found == 0 { return slot }
                slot = (slot &+ 1) & mask
            }
        }
    }

    @inlinable public var table: Table { Table(self) }

    /// Admits a value that the table did not have; `noteLearned` counts it.
    public func admit(_ key: UInt64, at slot: Int, _ text: UnsafePointer<UInt8>, _ length: Int) {
        admit(key, slot, text, length, 1)
    }

    /// Values that were learned through the table.
    public func noteLearned(_ count: Int) { totals.base[2] += Int64(count) }

    @inlinable @inline(__always)
    static func home(_ key: UInt64, _ mask: Int) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    }

    @usableFromInline @inline(never)
    func admit(_ key: UInt64, _ slot: Int, _ text: UnsafePointer<UInt8>?, _ length: Int, _ times: Int) {
        keys.base[slot] = key
        counts.base[slot] = Int64(times)
        if keepsText, let text {
            let home = texts.base + slot * Self.textStride
            home[0] = UInt8(min(length, Self.textBytes))
            (home + 1).update(from: text, count: min(length, Self.textBytes))
        }
        totals[0] += 1
        if keptCount > capacity { purge() }
    }

    /// Takes the median of the counts off all of them.
    private func purge() {
        let median = self.median
        totals[1] += median
        let room = keptCount
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * room) { kept in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(texts.count, 1)) { keptTexts in
                guard let kept = kept.baseAddress, let keptTexts = keptTexts.baseAddress else { return }
                var left = 0
                for slot in 0...mask where keys.base[slot] != 0 && counts.base[slot] > median {
                    kept[2 * left] = keys.base[slot]
                    kept[2 * left + 1] = UInt64(counts.base[slot] - median)
                    if keepsText {
                        (keptTexts + left * Self.textStride).update(
                            from: texts.base + slot * Self.textStride, count: Self.textStride)
                    }
                    left += 1
                }
                keys.clear()
                counts.clear()
                for index in 0..<left {
                    place(kept[2 * index], kept[2 * index + 1], keptTexts + index * Self.textStride)
                }
                totals[0] = Int64(left)
            }
        }
    }

    private func place(_ key: UInt64, _ count: UInt64, _ text: UnsafePointer<UInt8>) {
        var slot = Self.home(key, mask)
        while keys.base[slot] != 0 { slot = (slot + 1) & mask }
        keys.base[slot] = key
        counts.base[slot] = Int64(count)
        if keepsText { (texts.base + slot * Self.textStride).update(from: text, count: Self.textStride) }
    }

    /// The median of the counts, rounded up. Most are small when the table is full of rare values, so they are counted
    /// by size first.
    private var median: Int64 {
        let half = keptCount / 2
        let sizes = 64
        return withUnsafeTemporaryAllocation(of: Int.self, capacity: sizes) { histogram in
            histogram.initialize(repeating: 0)
            for slot in 0...mask where keys.base[slot] != 0 { histogram[Int(min(counts.base[slot], 63))] += 1 }
            var below = 0
            for size in 0..<sizes - 1 {
                below += histogram[size]
                if below > half { return Int64(size) }
            }
            var large: [Int64] = []
            for slot in 0...mask where keys.base[slot] != 0 { large.append(counts.base[slot]) }
            large.sort()
            return large[half]
        }
    }

    /// Learns what another summary has learned: counts and errors add up.
    public func merge(_ other: FrequentItems) {
        let learned = totals[2] + other.totals[2]
        for slot in 0...other.mask where other.keys[slot] != 0 {
            let text = other.keepsText ? UnsafePointer(other.texts.base + slot * Self.textStride) : nil
            learn(
                other.keys[slot], text.map { $0 + 1 }, text.map { Int($0[0]) } ?? 0, times: Int(other.counts[slot]))
        }
        totals[1] += other.totals[1]
        totals[2] = learned
    }

    /// A value kept: it occurred `count` to `count + purged` times.
    public struct Item: Sendable {
        public let key: UInt64
        public let count: Int
        /// At most `textBytes` bytes of it.
        public let text: [UInt8]
    }

    /// The most frequent values, by falling count, then by key.
    public func top(_ limit: Int) -> [Item] {
        var items: [(key: UInt64, count: Int64, slot: Int)] = []
        for slot in 0...mask where keys[slot] != 0 { items.append((keys[slot], counts[slot], slot)) }
        items.sort { ($0.count, $1.key) > ($1.count, $0.key) }
        return items.prefix(limit).map { item in
            var text: [UInt8] = []
            if keepsText {
                let home = texts.base + item.slot * Self.textStride
                text = Array(UnsafeBufferPointer(start: home + 1, count: Int(home[0])))
            }
            return Item(key: item.key, count: Int(item.count), text: text)
        }
    }
}

extension Int {
    /// The smallest power of two of at least this.
    fileprivate var nextPowerOfTwo: Int { 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
