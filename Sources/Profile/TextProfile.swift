import CBytes
import Records
import State
import Statistics

/// One field of texts: counts, distinct and frequent values, lengths, and what it says about the target.
final class TextProfile: Stateful {
    /// Bins that values are hashed into for mutual information: merging values only ever loses information.
    static let hashBins = 256

    let distinct: HyperLogLog
    let frequent: FrequentItems
    let joint: JointCounts
    /// Present, missing, sum of lengths, shortest, longest.
    private let counts: StateArray<Int64>

    init(targetBins: Int) {
        distinct = HyperLogLog()
        frequent = FrequentItems(keepsText: true)
        joint = JointCounts(bins: Self.hashBins + 1, targetBins: targetBins)
        counts = StateArray(count: 5)
    }

    var state: [StateEntry] {
        [StateEntry("counts", counts)] + distinct.state.prefixed("distinct") + frequent.state.prefixed("frequent")
            + joint.state.prefixed("joint")
    }

    var count: Int { Int(counts[0]) }
    var missing: Int { Int(counts[1]) }
    /// In bytes of UTF-8; nil before the first value.
    var lengths: (shortest: Int, mean: Double, longest: Int)? {
        count > 0 ? (Int(counts[3]), Double(counts[2]) / Double(count), Int(counts[4])) : nil
    }

    /// The hash of a value; not 0.
    @inline(__always)
    static func hash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let hash = count > 0 && count <= 16 ? bytes_xxh3_short(start, count) : bytes_xxh3(start, count)
        return hash == 0 ? 1 : hash
    }

    /// - Parameters:
    ///   - column: `rows` values, empty = missing.
    ///   - targetBins: the target's bin of each row; the number of bins = unknown.
    func learn(_ column: UnsafePointer<ByteRange>, _ rows: Int, _ targetBins: UnsafePointer<Int32>) {
        let cells = joint.cells
        let stride = joint.stride
        let table = frequent.table
        var present = 0
        var sum = 0
        var shortest = count > 0 ? Int(counts[3]) : Int.max
        var longest = Int(counts[4])
        for row in 0..<rows {
            let text = column[row]
            guard let start = text.start, text.count > 0 else {
                cells[Int(targetBins[row])] &+= 1
                continue
            }
            let hash = Self.hash(start, text.count)
            cells[(Int(truncatingIfNeeded: hash >> 56) &+ 1) &* stride &+ Int(targetBins[row])] &+= 1
            if let place = table.count(hash) {
                frequent.admit(hash, at: place, start, text.count)
                distinct.learn(hash)
            }
            present &+= 1
            sum &+= text.count
            shortest = min(shortest, text.count)
            longest = max(longest, text.count)
        }
        frequent.noteLearned(present)
        counts[0] += Int64(present)
        counts[1] += Int64(rows - present)
        counts[2] += Int64(sum)
        if present > 0 { counts[3] = Int64(shortest) }
        counts[4] = Int64(longest)
    }

    func merge(_ other: TextProfile) {
        guard other.count > 0 || other.missing > 0 else { return }
        let shortest = count > 0 && other.count > 0 ? min(counts[3], other.counts[3]) : max(counts[3], other.counts[3])
        distinct.merge(other.distinct)
        frequent.merge(other.frequent)
        joint.merge(other.joint)
        for index in 0..<3 { counts[index] += other.counts[index] }
        counts[3] = shortest
        counts[4] = max(counts[4], other.counts[4])
    }
}
