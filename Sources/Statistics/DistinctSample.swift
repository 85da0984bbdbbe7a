import State

/// How often hashes repeat, in bounded memory, mergeable: adaptive sampling of distinct values (Wegman; Flajolet, "On
/// adaptive sampling", Computing 43, 1990). It keeps the count of every hash that begins with `depth` zero bits; when
/// there are more than `capacity` of them, `depth` grows by one and half of them leave.
///
/// Exact up to `capacity` different hashes. After that a uniform sample of the different values: the standard error of
/// `distinct` is at most 1.1 / sqrt(capacity / 2) of it, and where nothing repeats `repeated` is 0, not noise.
public final class DistinctSample: Stateful {
    public let capacity: Int
    private let mask: Int
    /// By slot, open addressing; hash 0 = free.
    private let hashes: StateArray<UInt64>
    private let counts: StateArray<Int64>
    /// Kept hashes, depth.
    private let totals: StateArray<Int64>

    /// - Parameter slots: a power of two; half of them are used.
    public init(slots: Int = 1 << 17) {
        let slots = max(slots, 16)
        precondition(slots & (slots - 1) == 0, "slots must be a power of two")
        capacity = slots / 2
        mask = slots - 1
        hashes = StateArray(count: slots)
        counts = StateArray(count: slots)
        totals = StateArray(count: 2)
    }

    public var state: [StateEntry] {
        [StateEntry("hashes", hashes), StateEntry("counts", counts), StateEntry("totals", totals)]
    }

    private var depth: Int { Int(totals.base[1]) }

    /// Nothing was left out.
    public var isExact: Bool { depth == 0 }

    /// Learns a hash of 64 well-spread bits.
    @inline(__always)
    public func learn(_ hash: UInt64) {
        guard hash.leadingZeroBitCount >= depth else { return }
        add(hash == 0 ? 1 : hash, 1)
    }

    private func add(_ hash: UInt64, _ times: Int64) {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while hashes.base[slot] != 0 {
            if hashes.base[slot] == hash {
                counts.base[slot] += times
                return
            }
            slot = (slot + 1) & mask
        }
        hashes.base[slot] = hash
        counts.base[slot] = times
        totals.base[0] += 1
        while Int(totals.base[0]) > capacity { deepen(to: depth + 1) }
    }

    private func deepen(to depth: Int) {
        let old = zip(hashes.elements, counts.elements).filter { $0.0 != 0 && $0.0.leadingZeroBitCount >= depth }
        hashes.clear()
        counts.clear()
        totals[0] = 0
        totals[1] = Int64(depth)
        for (hash, count) in old { add(hash, count) }
    }

    public func merge(_ other: DistinctSample) {
        precondition(capacity == other.capacity, "samples of different size do not merge")
        if other.depth > depth { deepen(to: other.depth) }
        for slot in 0...mask where other.hashes[slot] != 0 && other.hashes[slot].leadingZeroBitCount >= depth {
            add(other.hashes[slot], other.counts[slot])
        }
    }

    /// Different values.
    public var distinct: Int { scaled(Int(totals[0])) }

    /// Values that had come before.
    public var repeated: Int {
        var sum = 0
        for slot in 0...mask where hashes[slot] != 0 { sum += Int(counts[slot]) - 1 }
        return scaled(sum)
    }

    private func scaled(_ count: Int) -> Int { count << depth }
}
