import State
import Statistics

/// One number field: counts, moments, quantiles, frequent values, and what it says about the target.
///
/// Values gather in blocks that are summed and sorted whole, so that results depend on the values and their order, not
/// on how they came in batches, and so that equal values cost one look-up a block.
final class NumberProfile: Stateful {
    /// Accuracy of the quantiles: 0.27 % of rank.
    static let accuracy = 1024

    private static let edgeRoom = 31

    let quantiles: KLLSketch
    let distinct: HyperLogLog
    let frequent: FrequentItems
    let joint: JointCounts
    /// Values and targets of the block that is gathering.
    private let block: StateArray<Double>
    private let sums: StateArray<Double>
    /// Gathered, missing, zeros, negatives.
    private let counts: StateArray<Int64>
    /// Padded with infinity to 31, so that a bin is five comparisons away.
    private let edges: StateArray<Double>
    private let scratch: StateArray<Double>

    init(edges: [Double], targetBins: Int) {
        quantiles = KLLSketch(k: Self.accuracy)
        distinct = HyperLogLog()
        frequent = FrequentItems(keepsText: false)
        joint = JointCounts(bins: Self.edgeRoom + 2, targetBins: targetBins)
        block = StateArray(count: 2 * quantiles.blockCount)
        scratch = StateArray(count: quantiles.blockCount)
        sums = StateArray(count: 1, lanes: PairMoments.lanes)
        counts = StateArray(count: 4)
        let padding = [Double](repeating: .infinity, count: max(Self.edgeRoom - edges.count, 0))
        self.edges = StateArray(Array(edges.prefix(Self.edgeRoom)) + padding)
    }

    var state: [StateEntry] {
        [StateEntry("block", block), StateEntry("sums", sums), StateEntry("counts", counts)]
            + quantiles.state.prefixed("quantiles") + distinct.state.prefixed("distinct")
            + frequent.state.prefixed("frequent") + joint.state.prefixed("joint")
    }

    var count: Int { quantiles.count + Int(counts[0]) }
    var missing: Int { Int(counts[1]) }
    var zeros: Int { Int(counts[2]) }
    var negatives: Int { Int(counts[3]) }
    var moments: PairMoments { PairMoments(sums.base) }

    /// - Parameters:
    ///   - column: `rows` values, NaN = missing.
    ///   - target: the target of each row as a number, NaN = unknown.
    ///   - targetBins: its bin; the number of bins = unknown.
    func learn(
        _ column: UnsafePointer<Double>, _ rows: Int, _ target: UnsafePointer<Double>,
        _ targetBins: UnsafePointer<Int32>
    ) {
        let cells = joint.cells
        let stride = joint.stride
        let edges = UnsafePointer(edges.base)
        let room = quantiles.blockCount
        let values = block.base
        let targets = values + room
        var gathered = Int(counts[0])
        var missing: Int64 = 0
        for row in 0..<rows {
            let value = column[row]
            let bin = value.isNaN ? 0 : Self.bin(value, edges) &+ 1
            cells[bin &* stride &+ Int(targetBins[row])] &+= 1
            if value.isNaN {
                missing &+= 1
                continue
            }
            values[gathered] = value
            targets[gathered] = target[row]
            gathered &+= 1
            if gathered == room {
                take(gathered)
                gathered = 0
            }
        }
        counts.base[0] = Int64(gathered)
        counts.base[1] += missing
    }

    /// How many edges are below the value.
    @inline(__always)
    static func bin(_ value: Double, _ edges: UnsafePointer<Double>) -> Int {
        var bin = 0
        bin &+= value > edges[bin &+ 15] ? 16 : 0
        bin &+= value > edges[bin &+ 7] ? 8 : 0
        bin &+= value > edges[bin &+ 3] ? 4 : 0
        bin &+= value > edges[bin &+ 1] ? 2 : 0
        bin &+= value > edges[bin] ? 1 : 0
        return bin
    }

    /// Takes what has gathered, so that everything asked for includes it.
    func settle() {
        take(Int(counts[0]))
        counts[0] = 0
    }

    private func take(_ size: Int) {
        guard size > 0 else { return }
        let values = block.base
        var sum = PairMoments(sums.base)
        sum.merge(PairMoments(values, values + quantiles.blockCount, size))
        sum.store(sums.base)
        quantiles.sortBlock(values, size, scratch: scratch.base)
        if size == quantiles.blockCount {
            quantiles.learnSorted(values)
        } else {
            for index in 0..<size { quantiles.learn(values[index]) }
        }
        countRuns(values, size)
    }

    /// Counts equal values of a sorted block at once.
    private func countRuns(_ values: UnsafePointer<Double>, _ size: Int) {
        var start = 0
        while start < size {
            let value = values[start]
            var end = start + 1
            while end < size, values[end] == value { end += 1 }
            if value == 0 { counts.base[2] += Int64(end - start) }
            if value < 0 { counts.base[3] += Int64(end - start) }
            // A value's key is its bits inverted, which are never 0.
            if frequent.learn(~(value + 0).bitPattern, times: end - start) { distinct.learn(HashMixing.hash(value)) }
            start = end
        }
    }

    /// Both must be settled.
    func merge(_ other: NumberProfile) {
        quantiles.merge(other.quantiles)
        distinct.merge(other.distinct)
        frequent.merge(other.frequent)
        joint.merge(other.joint)
        var sum = moments
        sum.merge(other.moments)
        sum.store(sums.base)
        for index in 1..<4 { counts[index] += other.counts[index] }
    }
}
