import Drift
import Records
import State

/// One tree of an adaptive random forest, with what watches it and what may take its place.
///
/// On a warning a background tree begins to learn beside it, and takes its place at a drift. Members know nothing of each
/// other: any thread may work on any of them.
final class ForestMember: Stateful {
    struct Settings {
        var tree = TreeSettings()
        var warning = AdaptiveWindow(delta: 0.01, direction: .up, rows: 20)
        var drift = AdaptiveWindow(delta: 0.001, direction: .up, rows: 20)
        /// Of a record; nil: its own.
        var weight: PoissonDraw? = PoissonDraw(mean: 6)
        var watches = true
        var growsBackground = true
        var weighsVotes = true
        /// A background tree learns with the weight that was drawn for the record, else with the record's own.
        var drawsForBackground = false
        /// All trees draw the attributes of their leaves from the same sequence, which begins anew with each (MOA).
        var drawsAlike = false
    }

    private enum Register {
        /// Which of the two trees predicts.
        static let front = 0
        /// 1: the other one learns in the background.
        static let hasBackground = 1
        static let drifts = 2
        static let warnings = 3
        static let count = 4
    }

    private let settings: Settings
    private let trees: [HoeffdingTree]
    private let registers: StateArray<Int64>
    /// Weight predicted rightly and in all, then the windows of drift and warning.
    private let numbers: StateArray<Double>
    private let generator: RandomGenerator
    private static let windows = 2
    private let warningOffset: Int
    @exclusivity(unchecked) private var after: [Double]

    init(_ settings: Settings, classes: Int, rooms: [Int64], seed: UInt64) {
        self.settings = settings
        trees = (0..<2).map { slot in
            HoeffdingTree(
                settings.tree, classes: classes, rooms: rooms,
                seed: settings.drawsAlike ? 1 : seed &+ UInt64(slot))
        }
        registers = StateArray(count: Register.count)
        warningOffset = Self.windows + settings.drift.scalarCount
        numbers = StateArray(count: warningOffset + settings.warning.scalarCount)
        generator = RandomGenerator(seed: seed)
        after = Array(repeating: 0, count: classes)
    }

    var state: [StateEntry] {
        [StateEntry("registers", registers), StateEntry("numbers", numbers)] + generator.state
            + trees[0].state.prefixed("tree-0") + trees[1].state.prefixed("tree-1")
    }

    func stateDidChange() {
        for tree in trees { tree.stateDidChange() }
        after = Array(repeating: 0, count: classes)
    }

    func grow(toClasses count: Int) {
        for tree in trees { tree.grow(toClasses: count) }
        after = Array(repeating: 0, count: classes)
    }

    var classCount: Int { classes }
    private var classes: Int { trees[0].store.classes }
    private var front: HoeffdingTree { trees[Int(registers.base[Register.front]) & 1] }
    private var background: HoeffdingTree { trees[1 - Int(registers.base[Register.front]) & 1] }

    /// Votes for a record, adding up to this member's weight; all 0 = it has none.
    func vote(_ row: UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) {
        let tree = front
        _ = tree.vote(tree.reach(row, from: tree.store.root), row, votes)
        weigh(votes)
    }

    private func weigh(_ votes: UnsafeMutablePointer<Double>) {
        let sum = ClassVotes.sum(votes, classes)
        guard sum > 0 else { return }
        let accuracy = numbers.base[1] > 0 ? 100 * numbers.base[0] / numbers.base[1] : 0
        let scale = (settings.weighsVotes && accuracy > 0 ? accuracy : 1) / sum
        for index in 0..<classes { votes[index] *= scale }
    }

    /// Votes for a record as `vote` does, then learns it.
    func voteThenLearn(
        _ row: UnsafePointer<Double>, learning learned: UnsafePointer<Double>, _ target: Int, _ weight: Double,
        _ votes: UnsafeMutablePointer<Double>
    ) {
        let tree = front
        let place = tree.reach(row, from: tree.store.root)
        let judgement = tree.judge(place, row, votes)
        weigh(votes)
        numbers.base[1] += weight
        if judgement.best == target { numbers.base[0] += weight }
        let count = settings.weight.map { $0(generator.nextUniform()) } ?? 1
        guard count > 0 else { return }
        if learned == row {
            tree.learn(place, row, target, weight * Double(count), judgement)
        } else {
            tree.learn(learned, target, weight * Double(count))
        }
        if registers.base[Register.hasBackground] == 1 {
            background.learn(learned, target, settings.drawsForBackground ? weight * Double(count) : weight)
        }
        if settings.watches { watch(learned, target) }
    }

    /// Looks how the tree does on what it has just learned.
    private func watch(_ row: UnsafePointer<Double>, _ target: Int) {
        let tree = front
        let best = after.withUnsafeMutableBufferPointer { votes in
            votes.baseAddress.map { tree.vote(tree.reach(row, from: tree.store.root), row, $0) } ?? 0
        }
        let error = best == target ? 0.0 : 1.0
        if settings.growsBackground, settings.warning.update(numbers.base + warningOffset, error) {
            registers[Register.warnings] += 1
            renew(background)
            registers[Register.hasBackground] = 1
            settings.warning.reset(numbers.base + warningOffset)
        }
        guard settings.drift.update(numbers.base + Self.windows, error) else { return }
        registers[Register.drifts] += 1
        renew(tree)
        if registers[Register.hasBackground] == 1 {
            registers[Register.front] = 1 - registers[Register.front]
            registers[Register.hasBackground] = 0
            settings.warning.reset(numbers.base + warningOffset)
        }
        settings.drift.reset(numbers.base + Self.windows)
        (numbers[0], numbers[1]) = (0, 0)
    }

    /// Lets a tree begin anew, on other attributes where all its leaves share theirs.
    private func renew(_ tree: HoeffdingTree) {
        tree.clear(random: settings.tree.sharesSubspace && settings.tree.subspace > 0 ? generator.next() : nil)
    }
}
