import Records

/// The namespaces of the record being decoded: which runs of features belong to which.
///
/// Vowpal Wabbit takes namespaces with the same first byte for one and visits them in the order in which they first
/// had a feature, so features of a repeated namespace move up to those of its first appearance.
final class NamespaceRuns {
    /// The runs of the current record: the first `count` of the buffer.
    @exclusivity(unchecked) private var buffer = UnsafeMutablePointer<NamespaceSpan>.allocate(capacity: 16)
    @exclusivity(unchecked) private var capacity = 16
    @exclusivity(unchecked) private var count = 0
    /// The record (by stamp) in which a first byte was last seen, and its place in the order of that record.
    private let stamps = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    private let groups = UnsafeMutablePointer<Int>.allocate(capacity: 256)
    @exclusivity(unchecked) private var stamp: UInt32 = 0
    /// Different first bytes in the current record.
    @exclusivity(unchecked) private(set) var groupCount = 0
    private var cursors = [Int](repeating: 0, count: 257)
    private var oldIndices: [UInt32] = []
    private var oldValues: [Float] = []

    init() {
        stamps.initialize(repeating: 0, count: 256)
        groups.initialize(repeating: 0, count: 256)
    }

    deinit {
        stamps.deallocate()
        groups.deallocate()
        buffer.deallocate()
    }

    var runs: UnsafeBufferPointer<NamespaceSpan> { UnsafeBufferPointer(start: buffer, count: count) }

    @inline(__always)
    func begin() {
        count = 0
        groupCount = 0
        stamp &+= 1
        if stamp == 0 {
            for initial in 0..<256 { stamps[initial] = 0 }
            stamp = 1
        }
    }

    /// Adds a run of features; an empty one does not count as an appearance.
    @inline(__always)
    func add(_ initial: UInt8, from start: Int, to end: Int) {
        guard end > start else { return }
        if stamps[Int(initial)] != stamp {
            stamps[Int(initial)] = stamp
            groups[Int(initial)] = groupCount
            groupCount += 1
        }
        if count == capacity { grow() }
        buffer[count] = NamespaceSpan(initial: initial, start: start, end: end)
        count &+= 1
    }

    @inline(never)
    private func grow() {
        let grown = UnsafeMutablePointer<NamespaceSpan>.allocate(capacity: 2 * capacity)
        grown.update(from: buffer, count: count)
        buffer.deallocate()
        buffer = grown
        capacity *= 2
    }

    var hasRepeats: Bool { count != groupCount }

    /// Brings repeated namespaces together, keeping the order inside each: a stable counting sort by group.
    func regroup(_ features: FeatureBatch) {
        guard let first = runs.first, let last = runs.last else { return }
        let base = first.start
        let total = last.end - base
        oldIndices.removeAll(keepingCapacity: true)
        oldValues.removeAll(keepingCapacity: true)
        oldIndices.append(contentsOf: UnsafeBufferPointer(start: features.indices + base, count: total))
        oldValues.append(contentsOf: UnsafeBufferPointer(start: features.values + base, count: total))
        for group in 0...groupCount { cursors[group] = 0 }
        for run in runs { cursors[groups[Int(run.initial)] + 1] += run.end - run.start }
        cursors[0] = base
        for group in 0..<groupCount { cursors[group + 1] += cursors[group] }
        var merged: [NamespaceSpan] = []
        for run in runs where groups[Int(run.initial)] == merged.count {
            let group = merged.count
            merged.append(NamespaceSpan(initial: run.initial, start: cursors[group], end: cursors[group + 1]))
        }
        for run in runs {
            let group = groups[Int(run.initial)]
            for old in run.start..<run.end {
                features.indices[cursors[group]] = oldIndices[old - base]
                features.values[cursors[group]] = oldValues[old - base]
                cursors[group] += 1
            }
        }
        buffer.update(from: merged, count: merged.count)
        count = merged.count
    }
}
