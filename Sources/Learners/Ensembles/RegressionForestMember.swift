import Drift
import State

/// One tree of numbers of an adaptive random forest, with what watches it and what may take its place: `ForestMember`'s
/// twin. It watches absolute errors, in quarters of the targets' deviation and at most 1. Errors rise where targets spread
/// more, too: so a background tree takes over at a drift only where it has been nearer since the warning.
final class RegressionForestMember: Stateful {
    struct Settings {
        var tree = RegressionTree.Settings()
        var warning = AdaptiveWindow(delta: 0.01, direction: .up, rows: 20)
        var drift = AdaptiveWindow(delta: 0.001, direction: .up, rows: 20)
        var weight = PoissonDraw(mean: 6)
        var watches = true
        var growsBackground = true
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

    /// Places in `numbers`: the targets' weight, mean and squared deviations; fading errors of both trees since the warning;
    /// then the windows of drift and warning.
    private enum Number {
        static let weight = 0
        static let mean = 1
        static let deviations = 2
        static let error = 3
        static let backgroundError = 4
        static let windows = 5
    }

    private let settings: Settings
    private let trees: [RegressionTree]
    private let registers: StateArray<Int64>
    private let numbers: StateArray<Double>
    private let generator: RandomGenerator
    private let warningOffset: Int

    init(_ settings: Settings, rooms: [Int64], seed: UInt64) {
        self.settings = settings
        trees = (0..<2).map { RegressionTree(settings.tree, rooms: rooms, seed: seed &+ UInt64($0)) }
        registers = StateArray(count: Register.count)
        warningOffset = Number.windows + settings.drift.scalarCount
        numbers = StateArray(count: warningOffset + settings.warning.scalarCount)
        generator = RandomGenerator(seed: seed)
    }

    var state: [StateEntry] {
        [StateEntry("registers", registers), StateEntry("numbers", numbers)] + generator.state
            + trees[0].state.prefixed("tree-0") + trees[1].state.prefixed("tree-1")
    }

    func stateDidChange() {
        for tree in trees { tree.stateDidChange() }
    }

    private var front: RegressionTree { trees[Int(registers.base[Register.front]) & 1] }
    private var background: RegressionTree { trees[1 - Int(registers.base[Register.front]) & 1] }

    func predict(_ row: UnsafePointer<Double>) -> Double {
        front.weightSeen > 0 ? front.predict(row) : numbers.base[Number.mean]
    }

    /// Predicts a record, then learns another (the same, unless targets are late).
    func predictThenLearn(
        _ row: UnsafePointer<Double>, learning learned: UnsafePointer<Double>, _ given: Double, _ weight: Double
    ) -> Double {
        let prediction = predict(row)
        let target = ObserverLayout.bounded(given)
        note(target, weight)
        let count = settings.weight(generator.nextUniform())
        guard count > 0 else { return prediction }
        let hasBackground = registers.base[Register.hasBackground] == 1
        if hasBackground { compare(learned, target, prediction) }
        front.learn(learned, target, weight * Double(count))
        if hasBackground { background.learn(learned, target, weight * Double(count)) }
        if settings.watches { watch(abs(prediction - target)) }
        return prediction
    }

    private static let fading = 0.998

    /// How near both trees are, at most ten deviations.
    private func compare(_ row: UnsafePointer<Double>, _ target: Double, _ prediction: Double) {
        let most = 10 * deviation
        let other = background.weightSeen > 0 ? background.predict(row) : numbers.base[Number.mean]
        let base = numbers.base
        for (place, value) in [(Number.error, prediction), (Number.backgroundError, other)] {
            base[place] = Self.fading * base[place] + min(most, abs(value - target))
        }
    }

    /// Of the targets.
    private var deviation: Double {
        let weight = numbers.base[Number.weight]
        return weight > 0 ? (numbers.base[Number.deviations] / weight).squareRoot() : 0
    }

    private func note(_ target: Double, _ weight: Double) {
        let base = numbers.base
        base[Number.weight] += weight
        let distance = target - base[Number.mean]
        base[Number.mean] += weight * distance / base[Number.weight]
        base[Number.deviations] += weight * distance * (target - base[Number.mean])
    }

    private func watch(_ distance: Double) {
        guard deviation > 0 else { return }
        let error = min(1, distance / (4 * deviation))
        if settings.growsBackground, settings.warning.update(numbers.base + warningOffset, error) { warn() }
        guard settings.drift.update(numbers.base + Number.windows, error) else { return }
        registers[Register.drifts] += 1
        settings.drift.reset(numbers.base + Number.windows)
        guard settings.growsBackground else { return front.clear() }
        guard registers.base[Register.hasBackground] == 1 else { return warn() }
        guard numbers.base[Number.backgroundError] < numbers.base[Number.error] else { return }
        front.clear()
        registers[Register.front] = 1 - registers[Register.front]
        registers[Register.hasBackground] = 0
        settings.warning.reset(numbers.base + warningOffset)
    }

    /// A background tree begins to learn; one that does already goes on.
    private func warn() {
        settings.warning.reset(numbers.base + warningOffset)
        guard registers.base[Register.hasBackground] == 0 else { return }
        registers[Register.warnings] += 1
        background.clear()
        registers[Register.hasBackground] = 1
        (numbers[Number.error], numbers[Number.backgroundError]) = (0, 0)
    }
}
