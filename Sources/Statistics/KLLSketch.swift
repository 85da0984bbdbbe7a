import Glibc
import State

/// All quantiles of a stream at once, in bounded memory, mergeable: the KLL sketch (Karnin, Lang and Liberty, FOCS 2016,
/// arXiv 1603.05346), with a seeded generator for its coin, so that the same values give the same state.
///
/// Level h holds sorted values that stand for 2^h each. Values gather in level 0; a level over its capacity is
/// compacted: every second value, from a tossed start, moves up. Capacities fall by 2/3 from the top level's `k`, but
/// level 0 has room for `2k`, which costs little and makes a block worth sorting.
///
/// Error: `rank` and the rank of a `quantile` are within `rankError` of the truth with 99 % confidence, whatever the
/// distribution and however many sketches were merged. Exact up to `2k` values. Memory: 16 k bytes a level, log2(n / k)
/// levels. What is not finite is ignored.
public final class KLLSketch: Stateful {
    public static let defaultAccuracy = 256
    /// Enough for more values than an Int64 counts.
    private static let maximumLevels = 56
    private static let minimumCapacity = 8

    /// Accuracy: the capacity of the top level.
    public let k: Int
    /// Level h's values at `h * 2k`: level 0 as they came, the others sorted.
    private let values: StateArray<Double>
    /// The smallest and the largest value.
    private let extremes: StateArray<Double>
    /// Values learned, levels in use, sizes of the levels.
    private let counts: StateArray<Int64>
    private let coin: RandomGenerator
    private var room: Int { 2 * k }

    /// - Parameter k: at least 64.
    public init(k: Int = KLLSketch.defaultAccuracy, seed: UInt64 = 1) {
        self.k = max(k, 64)
        values = StateArray(count: 2 * self.k, grows: true)
        extremes = StateArray(count: 2)
        counts = StateArray(count: 2 + Self.maximumLevels)
        coin = RandomGenerator(seed: seed)
        counts[1] = 1
    }

    public var state: [StateEntry] {
        [StateEntry("values", values), StateEntry("extremes", extremes), StateEntry("counts", counts)]
            + coin.state.prefixed("coin")
    }

    /// Values learned.
    public var count: Int { Int(counts[0]) }
    public var minimum: Double? { count > 0 ? extremes[0] : nil }
    public var maximum: Double? { count > 0 ? extremes[1] : nil }

    /// Largest error of a rank, as a share of the count, with 99 % confidence: DataSketches' measured 2.296 / k^0.9723.
    public var rankError: Double { Self.rankError(k: k) }

    public static func rankError(k: Int) -> Double {
        2.296 / pow(Double(k), 0.9723)
    }

    // MARK: Learning

    @inline(__always)
    public func learn(_ value: Double) {
        guard value.isFinite else { return }
        noteExtremes(value, value)
        let size = Int(counts.base[2])
        values.base[size] = value
        counts.base[0] += 1
        counts.base[2] = Int64(size + 1)
        if size + 1 == room { compactBlock() }
    }

    /// Values a call of `learnSorted` takes.
    public var blockCount: Int { 2 * k }

    /// Sorts finite numbers as `learnSorted` takes them.
    /// - Parameter scratch: room for as many.
    public func sortBlock(_ values: UnsafeMutablePointer<Double>, _ count: Int, scratch: UnsafeMutablePointer<Double>) {
        BlockSort.sort(values, count, scratch: scratch)
    }

    /// Learns a block of `blockCount` finite values in ascending order, of which nothing is kept waiting.
    public func learnSorted(_ block: UnsafePointer<Double>) {
        guard counts[2] == 0 else {
            for index in 0..<blockCount { learn(block[index]) }
            return
        }
        noteExtremes(block[0], block[blockCount - 1])
        counts.base[0] += Int64(blockCount)
        values.base.update(from: block, count: blockCount)
        counts.base[2] = Int64(room)
        halve(0)
        settle()
    }

    @inline(__always)
    private func noteExtremes(_ low: Double, _ high: Double) {
        let range = extremes.base
        let isFirst = counts.base[0] == 0
        if isFirst || low < range[0] { range[0] = low }
        if isFirst || high > range[1] { range[1] = high }
    }

    /// Level 0 is full.
    @inline(never)
    private func compactBlock() {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: room) { scratch in
            guard let scratch = scratch.baseAddress else { return }
            BlockSort.sort(values.base, room, scratch: scratch)
        }
        halve(0)
        settle()
    }

    /// Compacts what is over its capacity, from the bottom up.
    private func settle() {
        var level = 1
        while level < Int(counts[1]) {
            if Int(counts[2 + level]) > capacity(level) { halve(level) }
            level += 1
        }
    }

    private func capacity(_ level: Int) -> Int {
        var capacity = Double(k)
        for _ in 0..<max(Int(counts[1]) - 1 - level, 0) { capacity *= 2.0 / 3 }
        return max(Self.minimumCapacity, Int(capacity.rounded(.up)))
    }

    /// Moves every second value of a sorted level up; of an odd number the smallest stays.
    private func halve(_ level: Int) {
        let levels = Int(counts[1])
        if level + 1 == levels {
            values.resize(to: (levels + 1) * room)
            counts[1] = Int64(levels + 1)
        }
        let from = values.base + level * room
        let to = values.base + (level + 1) * room
        let size = Int(counts[2 + level])
        let kept = size & 1
        let moved = size / 2
        let start = kept + Int(coin.next() >> 63)
        for index in 0..<moved { from[kept + index] = from[start + 2 * index] }
        let upper = Int(counts[3 + level])
        withUnsafeTemporaryAllocation(of: Double.self, capacity: room) { scratch in
            guard let scratch = scratch.baseAddress else { return }
            scratch.update(from: to, count: upper)
            BlockSort.merge(scratch, upper, from + kept, moved, into: to)
        }
        counts[2 + level] = Int64(kept)
        counts[3 + level] = Int64(upper + moved)
    }

    /// Learns what another sketch of the same `k` has learned.
    public func merge(_ other: KLLSketch) {
        precondition(k == other.k, "sketches of different accuracy do not merge")
        guard other.count > 0 else { return }
        let total = counts[0] + other.counts[0]
        noteExtremes(other.extremes[0], other.extremes[1])
        for level in stride(from: Int(other.counts[1]) - 1, through: 1, by: -1) { take(level, of: other) }
        counts[0] = max(counts[0], 1)
        for index in 0..<Int(other.counts[2]) { learn(other.values[index]) }
        counts[0] = total
    }

    /// Adds a level of another sketch to this one's.
    private func take(_ level: Int, of other: KLLSketch) {
        let size = Int(other.counts[2 + level])
        while Int(counts[1]) <= level {
            counts[1] += 1
            values.resize(to: Int(counts[1]) * room)
        }
        // Levels below this one are not yet merged, those above are: room is made by compacting this one upwards.
        if Int(counts[2 + level]) + size > room {
            halve(level)
            settle()
        }
        let to = values.base + level * room
        let own = Int(counts[2 + level])
        withUnsafeTemporaryAllocation(of: Double.self, capacity: room) { scratch in
            guard let scratch = scratch.baseAddress else { return }
            scratch.update(from: to, count: own)
            BlockSort.merge(scratch, own, other.values.base + level * room, size, into: to)
        }
        counts[2 + level] = Int64(own + size)
        settle()
    }

    // MARK: Asking

    /// The values kept, in ascending order, with what they stand for. Asking changes nothing.
    public var sorted: SortedValues {
        var pairs: [(value: Double, weight: Int)] = []
        for level in 0..<Int(counts[1]) {
            let start = level * room
            for index in start..<start + Int(counts[2 + level]) { pairs.append((values[index], 1 << level)) }
        }
        pairs.sort { $0.value < $1.value }
        return SortedValues(pairs, minimum: minimum ?? .nan, maximum: maximum ?? .nan)
    }

    /// All values in ascending order, as long as none was left out; nil from `2k` values on.
    public var exactValues: [Double]? {
        guard counts[1] == 1 else { return nil }
        return (0..<Int(counts[2])).map { values[$0] }.sorted()
    }

    /// The value of rank `share` (0...1) of the count; nil before the first value.
    public func quantile(_ share: Double) -> Double? { sorted.quantile(share) }

    /// The share of values at or below `value`; nil before the first value.
    public func rank(_ value: Double) -> Double? { sorted.rank(value) }
}

/// What a quantile sketch knows at a moment: values in ascending order, and how many values were at or below each.
public struct SortedValues: Sendable {
    private let values: [Double]
    private let ranks: [Int]
    private let minimum: Double
    private let maximum: Double

    init(_ pairs: [(value: Double, weight: Int)], minimum: Double, maximum: Double) {
        self.minimum = minimum
        self.maximum = maximum
        var sum = 0
        values = pairs.map(\.value)
        ranks = pairs.map { pair in
            sum += pair.weight
            return sum
        }
    }

    /// How many values the kept ones stand for: the count.
    public var count: Int { ranks.last ?? 0 }

    /// The smallest value with at least `share` of all at or below it; 0 and 1 are exact.
    public func quantile(_ share: Double) -> Double? {
        guard count > 0, share >= 0, share <= 1 else { return nil }
        if share == 0 { return minimum }
        if share == 1 { return maximum }
        let wanted = max(1, Int((share * Double(count)).rounded(.up)))
        return values[min(firstIndex { ranks[$0] >= wanted }, values.count - 1)]
    }

    /// The value at `share` of the way from the first to the last, between two values in proportion (numpy's and
    /// scikit-learn's `linear`; Hyndman and Fan 1996, definition 7).
    public func interpolated(_ share: Double) -> Double? {
        guard count > 0, share >= 0, share <= 1 else { return nil }
        let place = share * Double(count - 1)
        let whole = Int(place)
        let below = value(at: whole)
        let above = value(at: min(whole + 1, count - 1))
        // Shares instead of a difference, which may overflow.
        let part = place - Double(whole)
        return below == above ? below : below * (1 - part) + above * part
    }

    /// The value of a rank, from 0.
    private func value(at rank: Int) -> Double {
        if rank == 0 { return minimum }
        if rank == count - 1 { return maximum }
        return values[min(firstIndex { ranks[$0] > rank }, values.count - 1)]
    }

    /// The values' distances from a number.
    public func distances(from center: Double) -> SortedValues {
        var before = 0
        var pairs: [(value: Double, weight: Int)] = []
        for (value, rank) in zip(values, ranks) {
            let distance = min(abs(value - center), Double.greatestFiniteMagnitude)
            pairs.append((distance, rank - before))
            before = rank
        }
        pairs.sort { $0.value < $1.value }
        return SortedValues(pairs, minimum: pairs.first?.value ?? .nan, maximum: pairs.last?.value ?? .nan)
    }

    /// How many values are at or below `value`.
    public func countUpTo(_ value: Double) -> Int {
        if value >= maximum { return count }
        let above = firstIndex { values[$0] > value }
        return above > 0 ? ranks[above - 1] : 0
    }

    public func rank(_ value: Double) -> Double? {
        count > 0 ? Double(countUpTo(value)) / Double(count) : nil
    }

    /// The first index that fulfils an ascending condition; the count of them when none does.
    private func firstIndex(_ condition: (Int) -> Bool) -> Int {
        var low = 0
        var high = values.count
        while low < high {
            let middle = (low + high) / 2
            if condition(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
