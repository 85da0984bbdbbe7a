import Drift
import State

/// A tree of a bagging ensemble, with the window over its errors.
final class BaggingMember: Stateful {
    let tree: HoeffdingTree
    private let rule: AdaptiveWindow?
    private let window: StateArray<Double>
    private let generator: RandomGenerator
    private let weight: PoissonDraw
    @exclusivity(unchecked) private var after: [Double]

    /// - Parameter rule: nil = errors are not watched.
    init(
        _ settings: TreeSettings, classes: Int, rooms: [Int64], weight: PoissonDraw, rule: AdaptiveWindow?, seed: UInt64
    ) {
        tree = HoeffdingTree(settings, classes: classes, rooms: rooms, seed: seed)
        self.weight = weight
        self.rule = rule
        window = StateArray(count: rule?.scalarCount ?? 0)
        generator = RandomGenerator(seed: seed)
        after = Array(repeating: 0, count: classes)
    }

    var state: [StateEntry] {
        generator.state + tree.state.prefixed("tree") + (rule == nil ? [] : [StateEntry("errors", window)])
    }

    func stateDidChange() {
        tree.stateDidChange()
        after = Array(repeating: 0, count: tree.store.classes)
    }

    func grow(toClasses count: Int) {
        tree.grow(toClasses: count)
        after = Array(repeating: 0, count: tree.store.classes)
    }

    /// Mean of the errors in the window.
    var error: Double { rule?.mean(window.base) ?? 0 }

    /// Votes for a record that add up to 1; all 0 = it has none.
    func vote(_ row: UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) {
        _ = tree.vote(tree.reach(row, from: tree.store.root), row, votes)
        normalize(votes)
    }

    private func normalize(_ votes: UnsafeMutablePointer<Double>) {
        let sum = ClassVotes.sum(votes, tree.store.classes)
        guard sum > 0 else { return }
        for index in 0..<tree.store.classes { votes[index] /= sum }
    }

    /// Votes for a record as `vote` does, then learns it.
    ///
    /// - Returns: whether its errors have risen.
    func voteThenLearn(
        _ row: UnsafePointer<Double>, learning learned: UnsafePointer<Double>, _ target: Int, _ weight: Double,
        _ votes: UnsafeMutablePointer<Double>
    ) -> Bool {
        let place = tree.reach(row, from: tree.store.root)
        let judgement = tree.judge(place, row, votes)
        normalize(votes)
        let count = self.weight(generator.nextUniform())
        if count > 0 {
            if learned == row {
                tree.learn(place, row, target, weight * Double(count), judgement)
            } else {
                tree.learn(learned, target, weight * Double(count))
            }
        }
        guard let rule else { return false }
        let best = after.withUnsafeMutableBufferPointer { votes in
            votes.baseAddress.map { tree.vote(tree.reach(learned, from: tree.store.root), learned, $0) } ?? 0
        }
        return rule.update(window.base, best == target ? 0 : 1)
    }

    func restart() {
        tree.store.clear()
        rule?.reset(window.base)
    }
}
