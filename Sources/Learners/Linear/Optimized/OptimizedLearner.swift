import Records
import State

/// A linear model under a gradient optimizer: scores z = w·x + b, one a class where there are several.
///
/// Per record: g = clip(d loss / dz · weight), then for every feature of the record d = g x + l2 w and the rule's step,
/// then the cumulative L1 penalty (Tsuruoka, Tsujii and Ananiadou 2009): weights no record touches do not move.
/// State: `weights`, a block of slots per feature index, one slot a class; `intercepts`, one slot a class; `clocks`.
final class OptimizedLearner<Head: OutputHead, Rule: UpdateRule>: Learner {
    let head: Head
    let rule: Rule
    let interceptRule: Rule
    let settings: OptimizedSettings
    let slotCount: Int
    /// Numbers of a slot: the rule's, the spent L1 penalty, the batch's gradient; a power of two.
    let lanes: Int
    /// Where in a slot the L1 penalty already applied stands.
    let penaltyLane = Rule.lanes
    /// Where in a slot the summed gradient of a batch stands; 0 between batches.
    let sumLane: Int
    let weights: StateArray<Double>
    let intercepts: StateArray<Double>
    let clocks: StateArray<Double>
    /// Slots side by side for one feature index: a power of two, at least the number of models.
    private(set) var classCapacity = 1
    /// Scores a row.
    private(set) var modelCount: Int
    /// Numbers a feature index.
    var blockLanes: Int { classCapacity * lanes }
    var scratch: RowScratch
    let touched: TouchedSlots

    init(_ head: Head, _ settings: OptimizedSettings, slotCount: Int) {
        self.head = head
        self.settings = settings
        self.slotCount = max(slotCount, 1)
        rule = Rule(settings, isIntercept: false)
        interceptRule = Rule(settings, isIntercept: true)
        let used = Rule.lanes + (settings.learnerL1 > 0 ? 1 : 0)
        sumLane = used
        lanes = Self.powerOfTwo(used + (settings.batchMode == .mean ? 1 : 0))
        modelCount = Head.isMulticlass ? 0 : 1
        weights = StateArray(count: self.slotCount, lanes: lanes, marksChanges: true)
        intercepts = StateArray(count: modelCount, lanes: lanes)
        clocks = StateArray(count: modelCount, lanes: Clock.lanes)
        scratch = RowScratch(capacity: 1)
        touched = TouchedSlots(slotCount: settings.batchMode == .mean ? self.slotCount : 0)
        if modelCount == 1 { clock(0).reset() }
    }

    var state: [StateEntry] {
        [StateEntry("weights", weights), StateEntry("intercepts", intercepts), StateEntry("clocks", clocks)]
    }

    var classCount: Int { Head.isMulticlass ? modelCount : head.classCount }

    func stateDidChange() {
        modelCount = clocks.count
        classCapacity = max(weights.count / slotCount, 1)
        if scratch.capacity < modelCount { scratch = RowScratch(capacity: classCapacity) }
    }

    func grow(toClasses count: Int) {
        guard Head.isMulticlass, count > modelCount else { return }
        let old = modelCount
        if count > classCapacity { widenBlocks(to: Self.powerOfTwo(count)) }
        intercepts.resize(to: count)
        clocks.resize(to: count)
        modelCount = count
        for index in old..<count { clock(index).reset() }
        if scratch.capacity < count { scratch = RowScratch(capacity: classCapacity) }
    }

    @inline(__always) func clock(_ model: Int) -> Clock { Clock(clocks.base + model * Clock.lanes) }

    /// Moves every block to its place among wider ones, from the last to the first.
    private func widenBlocks(to capacity: Int) {
        let old = blockLanes
        classCapacity = capacity
        weights.resize(to: slotCount * capacity)
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

/// Which feature indices a batch touched, in the order of their first touch, and how many records did. Empty between
/// batches, so not state.
final class TouchedSlots {
    private(set) var indices: [UInt32] = []
    /// The class of every record.
    private(set) var classes: [Int] = []
    var records: Int { classes.count }
    private let marks: UnsafeMutablePointer<UInt64>

    init(slotCount: Int) {
        let words = (slotCount + 63) / 64
        marks = .allocate(capacity: max(words, 1))
        marks.initialize(repeating: 0, count: max(words, 1))
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
        classes.removeAll(keepingCapacity: true)
        for index in indices { marks[Int(index >> 6)] = 0 }
        indices.removeAll(keepingCapacity: true)
    }
}
