import State

/// One step of gradient boosting: a regression tree a class (one in all for numbers and two classes), all in one store,
/// that split at the same random attributes.
final class BoostingStep: Stateful {
    private let tree: RegressionTree
    /// By class: the root of its tree, -1 = none yet.
    private let roots: StateArray<Int32>

    init(_ settings: RegressionTree.Settings, outputs: Int, rooms: [Int64], seed: UInt64) {
        tree = RegressionTree(settings, rooms: rooms, seed: seed)
        roots = StateArray(count: 0, grows: true)
        grow(to: outputs)
    }

    var state: [StateEntry] { tree.state + [StateEntry("roots", roots)] }

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

    @inline(__always)
    func learn(_ row: UnsafePointer<Double>, _ output: Int, _ target: Double, _ weight: Double) {
        let root = Int(roots.base[output])
        let now = tree.learn(row, target, weight, from: root)
        if now != root { roots[output] = Int32(now) }
    }
}
