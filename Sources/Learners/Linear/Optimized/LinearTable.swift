import State

/// The state of a linear model under a gradient optimizer, and the buffers its kernels work in.
///
/// `weights` is a block of slots per feature index, one slot a model; `intercepts` one slot a model; `clocks` one a
/// model. Regression and binary tasks have one model, others one a class.
final class LinearTable: Stateful {
    private let isMulticlass: Bool
    private let singleClassCount: Int
    private let slotCount: Int
    /// Numbers of a slot: the rule's, the L1 penalty already paid, the batch's gradient; a power of two.
    let lanes: Int
    /// Where in a slot the L1 penalty already paid stands.
    let penaltyLane: Int
    /// Where in a slot the summed gradient of a batch stands; 0 between batches.
    let sumLane: Int
    let weights: StateArray<Double>
    let intercepts: StateArray<Double>
    let clocks: StateArray<Double>
    /// Slots side by side for one feature index: a power of two, at least the number of models.
    private var capacity = 1
    private(set) var modelCount: Int
    private(set) var scratch = RowScratch(capacity: 1)
    let touched: TouchedSlots

    init<Head: OutputHead, Rule: UpdateRule>(
        _: Head.Type, _: Rule.Type, _ settings: OptimizedSettings, slotCount: Int
    ) {
        isMulticlass = Head.isMulticlass
        singleClassCount = Head.singleClassCount
        self.slotCount = max(slotCount, 1)
        penaltyLane = Rule.lanes
        sumLane = Rule.lanes + (settings.learnerL1 > 0 ? 1 : 0)
        lanes = Self.powerOfTwo(sumLane + (settings.batchMode == .mean ? 1 : 0))
        modelCount = isMulticlass ? 0 : 1
        weights = StateArray(count: self.slotCount, lanes: lanes, marksChanges: true)
        intercepts = StateArray(count: modelCount, lanes: lanes)
        clocks = StateArray(count: modelCount, lanes: Clock.lanes)
        touched = TouchedSlots(slotCount: settings.batchMode == .mean ? self.slotCount : 0)
        if modelCount == 1 { Clock(clocks.base).reset() }
    }

    var state: [StateEntry] {
        [StateEntry("weights", weights), StateEntry("intercepts", intercepts), StateEntry("clocks", clocks)]
    }

    var classCount: Int { isMulticlass ? modelCount : singleClassCount }

    /// Numbers a feature index.
    var blockLanes: Int { capacity * lanes }

    func stateDidChange() {
        modelCount = clocks.count
        capacity = max(weights.count / slotCount, 1)
        if scratch.capacity < capacity { scratch = RowScratch(capacity: capacity) }
    }

    func grow(toClasses count: Int) {
        guard isMulticlass, count > modelCount else { return }
        if count > capacity { widenBlocks(to: Self.powerOfTwo(count)) }
        intercepts.resize(to: count)
        clocks.resize(to: count)
        for index in modelCount..<count { Clock(clocks.base + index * Clock.lanes).reset() }
        modelCount = count
    }

    /// Moves every block to its place among wider ones, from the last to the first.
    private func widenBlocks(to newCapacity: Int) {
        let old = blockLanes
        capacity = newCapacity
        scratch = RowScratch(capacity: newCapacity)
        weights.resize(to: slotCount * newCapacity)
        guard modelCount > 0 else { return }
        let new = blockLanes
        let base = weights.base
        for slot in stride(from: slotCount - 1, through: 0, by: -1) {
            let source = base + slot * old
            let target = base + slot * new
            // Untouched memory stays untouched: a sparse table costs only what it uses.
            if Self.isZero(source, old), Self.isZero(target, new) { continue }
            target.update(from: source, count: old)
            (target + old).update(repeating: 0, count: new - old)
        }
    }

    private static func isZero(_ start: UnsafePointer<Double>, _ count: Int) -> Bool {
        for index in 0..<count where start[index].bitPattern != 0 { return false }
        return true
    }

    private static func powerOfTwo(_ count: Int) -> Int {
        var power = 1
        while power < count { power *= 2 }
        return power
    }
}

/// Buffers of one row, reused for every row: a number a model.
final class RowScratch {
    let capacity: Int
    let raw: UnsafeMutablePointer<Double>
    let outputs: UnsafeMutablePointer<Double>
    let gradients: UnsafeMutablePointer<Double>
    let scales: UnsafeMutablePointer<StepScale>

    init(capacity: Int) {
        self.capacity = capacity
        raw = .allocate(capacity: 3 * capacity)
        raw.initialize(repeating: 0, count: 3 * capacity)
        outputs = raw + capacity
        gradients = outputs + capacity
        scales = .allocate(capacity: capacity)
        scales.initialize(repeating: StepScale(first: 0, second: 0), count: capacity)
    }

    deinit {
        raw.deallocate()
        scales.deallocate()
    }
}

/// Which feature indices a batch touched, in the order of their first touch, and the classes of its records. Empty
/// between batches, so not state.
final class TouchedSlots {
    private(set) var indices: [UInt32] = []
    /// The class of every record learned.
    private(set) var classes: [Int] = []
    /// One bit a feature index.
    private let marks: UnsafeMutablePointer<UInt64>

    init(slotCount: Int) {
        let words = max((slotCount + 63) / 64, 1)
        marks = .allocate(capacity: words)
        marks.initialize(repeating: 0, count: words)
    }

    deinit { marks.deallocate() }

    @inline(__always) func insert(_ index: UInt32) {
        let word = Int(index >> 6)
        let bit: UInt64 = 1 << UInt64(index & 63)
        guard marks[word] & bit == 0 else { return }
        marks[word] |= bit
        indices.append(index)
    }

    func countRecord(of index: Int) { classes.append(index) }

    func removeAll() {
        for index in indices { marks[Int(index >> 6)] = 0 }
        indices.removeAll(keepingCapacity: true)
        classes.removeAll(keepingCapacity: true)
    }
}
