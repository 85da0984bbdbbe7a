import CBytes
import Records
import Statistics

/// How records are divided into parts.
public enum SplitMethod: String, Sendable, CaseIterable {
    /// By the hash of the id, or of the whole record.
    case hash
    /// By time: earlier records first.
    case time
    /// Every k-th record, as the shares say.
    case every
}

/// A split that cannot be made: what to do about it.
public struct SplitError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// Decides which part each record goes to. The same records in the same order go to the same parts, however they come
/// in batches.
///
/// An id stays where its first record went: where that disagrees with the shares, the strata or the times, the id wins.
public struct SplitRule {
    /// Shares of the parts; they sum to 1.
    public let shares: [Double]
    private let method: SplitMethod
    private let seed: UInt64
    private let hasStrata: Bool
    /// Times that the second and later parts begin at, ascending.
    private let boundaries: [Double]
    private var strata: [UInt64: [Int]] = [:]
    private var ids = IdentifierTable()
    /// Records in a round, and how many of them each part gets.
    private let round: [Int]
    private static let maximumStrata = 100_000

    /// - Parameters:
    ///   - shares: any positive weights.
    ///   - boundaries: one less than parts, for `time`.
    public init(
        shares: [Double], method: SplitMethod, seed: UInt64, hasStrata: Bool, boundaries: [Double] = []
    ) {
        let sum = shares.reduce(0, +)
        self.shares = shares.map { $0 / sum }
        self.method = method
        self.seed = HashMixing.mix(seed)
        self.hasStrata = hasStrata
        self.boundaries = boundaries
        round = Self.round(self.shares)
    }

    /// The fewest records, at most 1,000, of which every part gets a whole number, to a hundredth.
    private static func round(_ shares: [Double]) -> [Int] {
        for size in 1...1000 {
            let counts = shares.map { ($0 * Double(size)).rounded() }
            let isClose = zip(shares, counts).allSatisfy { abs($0 * Double(size) - $1) < 0.01 }
            if isClose, Int(counts.reduce(0, +)) == size { return counts.map { Int($0) } }
        }
        // The largest share takes up what rounding leaves.
        var counts = shares.map { Int(($0 * 1000).rounded()) }
        if let largest = counts.indices.max(by: { counts[$0] < counts[$1] }) {
            counts[largest] += 1000 - counts.reduce(0, +)
        }
        return counts
    }

    /// Ids seen.
    public var idCount: Int { ids.count }

    /// The part of a record; nil: it has no time, and the split is by time.
    /// - Parameters:
    ///   - id: nil = the record has none.
    public mutating func part(
        of record: ByteRange, id: ByteRange?, stratum: ByteRange?, time: Double?
    ) throws(SplitError) -> Int? {
        let name = id.flatMap { $0.count > 0 ? $0 : nil }
        let hash = Self.hash(name ?? record)
        if method == .hash, !hasStrata { return part(share: uniform(hash)) }
        if name != nil, let known = ids.find(hash) { return known }
        guard let part = try decide(hash, stratum, time) else { return nil }
        if name != nil { try ids.insert(hash, part) }
        return part
    }

    private mutating func decide(_ hash: UInt64, _ stratum: ByteRange?, _ time: Double?) throws(SplitError) -> Int? {
        if method == .time {
            guard let time else { return nil }
            return boundaries.count { $0 <= time }
        }
        let key = hasStrata ? stratum.map(Self.hash) ?? 0 : 0
        guard strata[key] != nil || strata.count < Self.maximumStrata else {
            throw SplitError(
                "--stratify: the field has more than \(Self.maximumStrata) different values; it takes a field of classes"
            )
        }
        var left = strata[key] ?? round
        let total = left.reduce(0, +)
        // By hash a random one of the places left in the round, else the next part that is behind its share.
        let part =
            method == .hash
            ? Self.index(of: uniform(hash) * Double(total), left.map(Double.init)) : Self.mostBehind(left, round)
        left[part] -= 1
        strata[key] = total == 1 ? round : left
        return part
    }

    /// The part with the largest share of its places left; of equals the first.
    private static func mostBehind(_ left: [Int], _ round: [Int]) -> Int {
        var best = 0
        for part in left.indices where left[part] * max(round[best], 1) > left[best] * max(round[part], 1) {
            best = part
        }
        return best
    }

    private func part(share: Double) -> Int { Self.index(of: share, shares) }

    private static func index(of value: Double, _ widths: [Double]) -> Int {
        var sum = 0.0
        for (index, width) in widths.enumerated() {
            sum += width
            if value < sum { return index }
        }
        return widths.lastIndex(where: { $0 > 0 }) ?? 0
    }

    /// In [0, 1), of a hash and the seed.
    private func uniform(_ hash: UInt64) -> Double { Double(HashMixing.mix(hash ^ seed) >> 11) * 0x1p-53 }

    private static func hash(_ text: ByteRange) -> UInt64 { bytes_xxh3(text.start, text.count) }
}

/// Which part each id went to: exact, and bounded by refusing more ids than it has room for.
struct IdentifierTable {
    static let maximum = 20_000_000
    private var hashes: [UInt64] = Array(repeating: 0, count: 1024)
    private var parts: [UInt8] = Array(repeating: 0, count: 1024)
    private(set) var count = 0

    func find(_ hash: UInt64) -> Int? {
        let slot = slot(hash | 1)
        return hashes[slot] == 0 ? nil : Int(parts[slot])
    }

    mutating func insert(_ hash: UInt64, _ part: Int) throws(SplitError) {
        guard count < Self.maximum else {
            throw SplitError(
                "more than \(Self.maximum) different ids; --by hash without --stratify splits any number of them")
        }
        if count * 2 >= hashes.count { grow() }
        let slot = slot(hash | 1)
        hashes[slot] = hash | 1
        parts[slot] = UInt8(part)
        count += 1
    }

    private func slot(_ hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: HashMixing.mix(hash)) & (hashes.count - 1)
        while hashes[slot] != 0, hashes[slot] != hash { slot = (slot + 1) & (hashes.count - 1) }
        return slot
    }

    private mutating func grow() {
        let old = zip(hashes, parts).filter { $0.0 != 0 }
        hashes = Array(repeating: 0, count: hashes.count * 2)
        parts = Array(repeating: 0, count: hashes.count)
        for (hash, part) in old {
            let slot = slot(hash)
            hashes[slot] = hash
            parts[slot] = part
        }
    }
}
