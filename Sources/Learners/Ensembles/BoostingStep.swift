import State

/// One step of gradient boosting: a regression tree a class (one in all for numbers and two classes), all in one store,
/// that split at the same attributes.
final class BoostingStep: Stateful {
    private let tree: RegressionTree
    /// What lets the trees change; nil: nothing does.
    private let adaptive: AdaptiveRegressionTree?
    /// By class: the root of its tree, -1 = none yet.
    private let roots: StateArray<Int32>

    /// - Parameter driftThreshold: of Page-Hinkley tests of the splits; 0: there are none.
    init(
        _ settings: RegressionTree.Settings, driftThreshold: Double, outputs: Int, rooms: [Int64], seed: UInt64
    ) {
        tree = RegressionTree(settings, rooms: rooms, seed: seed)
        adaptive = driftThreshold > 0 ? AdaptiveRegressionTree(tree, threshold: driftThreshold) : nil
        roots = StateArray(count: 0, grows: true)
        grow(to: outputs)
    }

    var state: [StateEntry] { (adaptive?.state ?? tree.state) + [StateEntry("roots", roots)] }

    func stateDidChange() { tree.stateDidChange() }

    /// Trees there are.
    var outputs: Int { roots.count }

    func grow(to outputs: Int) {
        let old = roots.count
        guard outputs > old else { return }
        roots.resize(to: outputs)
        for index in old..<outputs { roots[index] = -1 }
    }

    @inline(__always)
    func predict(_ row: UnsafePointer<Double>, _ output: Int) -> Double {
        let root = Int(roots.base[output])
        return root < 0 ? 0 : tree.predict(row, from: root)
    }

    /// Learns a record.
    ///
    /// - Returns: what the tree predicted for it before, and what it does now.
    @inline(__always)
    func learn(
        _ row: UnsafePointer<Double>, _ output: Int, _ target: Double, _ weight: Double
    ) -> (before: Double, after: Double) {
        let root = Int(roots.base[output])
        let place = tree.store.reach(row, from: root, stays: false)
        let before = root < 0 ? 0 : tree.predict(row, at: place.node >= 0 ? place.node : place.parent)
        let leaf =
            adaptive?.learn(row, target, weight, predicted: before, from: root)
            ?? tree.learn(row, target, weight, at: place)
        if root < 0 { roots[output] = Int32(leaf) }
        return (before, leaf < 0 ? before : tree.predict(row, from: leaf))
    }
}
