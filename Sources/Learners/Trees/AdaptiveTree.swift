import Drift
import Glibc
import State

/// A Hoeffding tree whose splits watch their error and grow alternatives where it rises (Bifet and Gavaldà, Adaptive
/// Learning from Evolving Data Streams, IDA 2009: HAT-ADWIN).
///
/// Every node has an ADWIN window over the errors of what is below it. Where a split's error rises, an alternative begins
/// beside it; once both have seen enough, the better one stays. Leaves weigh records by Poisson(1), as MOA's do.
final class AdaptiveTree: ChangingTree {
    struct Settings {
        var tree = TreeSettings()
        var window = AdaptiveWindow(rows: 20)
        /// Errors that both trees must have in their windows before they are compared.
        var leastWidth = 300.0
        var significance = 0.05
        var bootstraps = true
        /// An alternative takes its place as soon as it splits, whatever its error, and is given up only while it is a
        /// leaf: what MOA's implementation does.
        var replacesEarly = false
    }

    let tree: HoeffdingTree
    private let settings: Settings
    /// By node: 1 + the root of its alternative, 0 = none.
    private let alternates: StateArray<Int32>
    /// By node: a window of errors.
    private let windows: StateArray<Double>
    private let windowSize: Int
    private var store: TreeStore { tree.store }
    private var scratch: [Double] = []

    init(_ settings: Settings, classes: Int, rooms: [Int64]) {
        self.settings = settings
        tree = HoeffdingTree(settings.tree, classes: classes, rooms: rooms)
        windowSize = settings.window.scalarCount
        alternates = StateArray(count: 0, grows: true)
        windows = StateArray(count: 0, marksChanges: true, grows: true)
        tree.extraNodeBytes = windowSize * 8 + 4
        tree.didMake = { [unowned self] node in begin(node) }
    }

    var state: [StateEntry] { tree.state + [StateEntry("alternates", alternates), StateEntry("errors", windows)] }

    func stateDidChange() { tree.stateDidChange() }

    private var room: Int { alternates.count }

    /// A node's place is new: it has no alternative, and no errors yet.
    private func begin(_ node: Int) {
        if store.nodeRoom > room {
            alternates.extend(to: store.nodeRoom)
            windows.extend(to: store.nodeRoom * windowSize)
        }
        dropAlternate(of: node)
        settings.window.reset(window(node))
        markWindow(node)
    }

    private func window(_ node: Int) -> UnsafeMutablePointer<Double> { windows.base + node * windowSize }

    private func markWindow(_ node: Int) { windows.markChanged(node * windowSize, windowSize) }

    private func alternate(of node: Int) -> Int { Int(alternates.base[node]) - 1 }

    private func dropAlternate(of node: Int) {
        let alternate = alternate(of: node)
        guard alternate >= 0 else { return }
        alternates[node] = 0
        drop(alternate)
    }

    /// Frees a subtree with the alternatives in it.
    private func drop(_ top: Int) {
        var others: [Int] = []
        store.free(top) { node in
            if alternate(of: node) >= 0 { others.append(alternate(of: node)) }
            alternates[node] = 0
        }
        for other in others { drop(other) }
    }

    // MARK: Learning

    /// Votes for a record, then learns it.
    func predictThenLearn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ votes: UnsafeMutablePointer<Double>
    ) {
        learn(row, target, weight, from: store.root, votes)
    }

    func learn(_ row: UnsafePointer<Double>, _ target: Int, _ weight: Double) {
        if scratch.count < store.classes { scratch = Array(repeating: 0, count: store.classes) }
        scratch.withUnsafeMutableBufferPointer { scratch in
            guard let scratch = scratch.baseAddress else { return }
            learn(row, target, weight, from: store.root, scratch)
        }
    }

    /// Learns a record in the tree whose root is `top`: errors from above to below, then the leaf.
    private func learn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, from top: Int,
        _ votes: UnsafeMutablePointer<Double>
    ) {
        guard top >= 0 else {
            store.root = store.makeLeaf(isActive: true)
            begin(store.root)
            return learn(row, target, weight, from: store.root, votes)
        }
        let place = tree.reach(row, from: top)
        let judgement = tree.judge(place, row, votes)
        let predicted = place.node >= 0 ? judgement.best : 0
        var at = top
        while store.nodes[at].isSplit {
            if noteError(at, row, target, weight, isWrong: predicted != target) { return }
            guard at != place.node, at != place.parent else { return }
            let next = store.next(row, from: at)
            guard next >= 0 else { return }
            at = next
        }
        learnLeaf(at, row, target, weight, judgement)
    }

    private func learnLeaf(
        _ leaf: Int, _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ judgement: HoeffdingTree.Judgement
    ) {
        _ = settings.window.update(window(leaf), judgement.best == target ? 0 : 1)
        markWindow(leaf)
        var weight = weight
        if settings.bootstraps, store.nodes[leaf].kind == TreeNode.Kind.active {
            let block = store.block(store.nodes[leaf].block)
            let kept = block[HoeffdingTree.Header.random]
            var sequence = kept == 0 ? JavaSequence(seed: 1) : JavaSequence(state: UInt64(kept))
            weight *= max(sequence.nextPoisson(), 1)
            block[HoeffdingTree.Header.random] = Double(sequence.state)
        }
        tree.learnLeaf(leaf, row, target, weight, majority: judgement.majority, bayes: judgement.bayes)
    }

    // MARK: Alternatives

    /// Takes an error of a split in, lets its alternative learn the record, and decides between them.
    ///
    /// - Returns: whether the split was replaced, and so the record is learned.
    private func noteError(
        _ node: Int, _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, isWrong: Bool
    ) -> Bool {
        let window = window(node)
        let before = settings.window.mean(window)
        let hasChanged = settings.window.update(window, isWrong ? 1 : 0)
        markWindow(node)
        if hasChanged, before <= settings.window.mean(window) {
            dropAlternate(of: node)
            let made = store.makeLeaf(isActive: true)
            begin(made)
            alternates[node] = Int32(made + 1)
        } else if alternate(of: node) >= 0, decide(node) {
            learn(row, target, weight, from: node)
            return true
        }
        let other = alternate(of: node)
        guard other >= 0 else { return false }
        let wasLeaf = store.nodes[other].isLeaf
        learn(row, target, weight, from: other)
        guard settings.replacesEarly, wasLeaf, store.nodes[other].isSplit else { return false }
        replace(node, by: other)
        return true
    }

    private func learn(_ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, from top: Int) {
        // Deeper alternatives are rare: each takes its own room for votes.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: max(store.classes, 1)) { votes in
            guard let votes = votes.baseAddress else { return }
            learn(row, target, weight, from: top, votes)
        }
    }

    /// Compares a split with its alternative. True: the alternative took its place.
    private func decide(_ node: Int) -> Bool {
        let other = alternate(of: node)
        let rule = settings.window
        let (width, otherWidth) = (rule.width(window(node)), rule.width(window(other)))
        guard width > settings.leastWidth, otherWidth > settings.leastWidth else { return false }
        let error = rule.mean(window(node))
        let otherError = rule.mean(window(other))
        let bound =
            (2 * error * (1 - error) * log(2 / settings.significance) * (1 / otherWidth + 1 / width)).squareRoot()
        if bound < error - otherError {
            replace(node, by: other)
            return true
        }
        if bound < otherError - error, !settings.replacesEarly || store.nodes[other].isLeaf { dropAlternate(of: node) }
        return false
    }

    private func replace(_ node: Int, by other: Int) {
        for child in store.children(of: node) { drop(child) }
        alternates[node] = alternates[other]
        alternates[other] = 0
        window(node).update(from: window(other), count: windowSize)
        markWindow(node)
        store.replace(node, by: other)
    }
}
