import State

/// A tree of numbers whose splits watch their error and grow alternatives where it rises (Ikonomovska, Gama and Džeroski,
/// Learning model trees from evolving data streams, 2011: FIMT-DD).
///
/// Every split takes part in the absolute error of its tree, in thirds of the targets' standard deviation, by a Page-Hinkley
/// test (Page 1954). Where it finds a rise, an empty tree begins to learn beside the split, which grows no more. The one
/// whose faded squared error is less at a comparison stays; an alternative that has not won by its end goes.
final class AdaptiveRegressionTree: Stateful {
    /// Numbers of a node.
    private enum Watch {
        /// Of the records that passed: weight, and their weighted errors.
        static let weight = 0
        static let errors = 1
        /// Of the Page-Hinkley test: the sum, and the least that it was.
        static let sum = 2
        static let least = 3
        /// 1: no rise is looked for, as something above has an alternative.
        static let isBlind = 4
        /// Faded squared errors of the tree and of the alternative, and weight since that began.
        static let loss = 5
        static let otherLoss = 6
        static let seen = 7
        static let count = 8
    }

    /// Rise of an error that is none.
    private static let tolerance = 0.005
    private static let fading = 0.995
    /// Weight between two comparisons, and that an alternative has until it goes.
    private static let interval = 150.0
    private static let lifetime = 1500.0

    let tree: RegressionTree
    private let threshold: Double
    /// By node: 1 + the root of its alternative, 0 = none.
    private let alternates: StateArray<Int32>
    private let watches: StateArray<Double>
    private var store: TreeStore { tree.store }

    /// - Parameter threshold: of the Page-Hinkley tests.
    init(_ tree: RegressionTree, threshold: Double) {
        self.tree = tree
        self.threshold = threshold
        alternates = StateArray(count: 0, marksChanges: true, grows: true)
        watches = StateArray(count: 0, marksChanges: true, grows: true)
        tree.extraNodeBytes = Watch.count * 8 + 4
        tree.didMake = { [unowned self] node in begin(node) }
    }

    var state: [StateEntry] { tree.state + [StateEntry("alternates", alternates), StateEntry("watches", watches)] }

    func stateDidChange() { tree.stateDidChange() }

    /// A node's place is new: nothing was seen there.
    private func begin(_ node: Int) {
        if store.nodeRoom > alternates.count {
            alternates.extend(to: store.nodeRoom)
            watches.extend(to: store.nodeRoom * Watch.count)
        }
        setAlternate(of: node, to: -1)
        watch(node).update(repeating: 0, count: Watch.count)
    }

    /// A node's numbers, about to be written.
    @inline(__always)
    private func watch(_ node: Int) -> UnsafeMutablePointer<Double> {
        watches.markChanged(node &* Watch.count, Watch.count)
        return watches.base + node &* Watch.count
    }

    /// The root of a node's alternative; -1 = it has none.
    @inline(__always)
    func alternate(of node: Int) -> Int { Int(alternates.base[node]) - 1 }

    private func setAlternate(of node: Int, to other: Int) {
        alternates.markChanged(node, 1)
        alternates.base[node] = Int32(other + 1)
    }

    /// Frees a subtree with the alternatives in it.
    private func drop(_ top: Int) {
        var others: [Int] = []
        store.free(top) { node in
            if alternate(of: node) >= 0 { others.append(alternate(of: node)) }
            setAlternate(of: node, to: -1)
        }
        for other in others { drop(other) }
    }

    // MARK: Learning

    /// A record on its way down.
    private struct Passage {
        let row: UnsafePointer<Double>
        let target: Double
        let weight: Double
        /// What the tree predicted, and how far off that was, in thirds of the targets' deviation.
        let prediction: Double
        let error: Double
    }

    /// Learns a record in the tree whose root is `top`; -1 = there is none yet.
    ///
    /// - Parameter prediction: what the tree predicted for it.
    /// - Returns: where it ended: a leaf, which may be a split now; -1 = there was no room for one.
    func learn(
        _ row: UnsafePointer<Double>, _ given: Double, _ weight: Double, predicted prediction: Double, from top: Int
    ) -> Int {
        let target = ObserverLayout.bounded(given)
        let unit = 3 * tree.deviation
        let error = unit > 0 ? abs(target - prediction) / unit : 0
        return learn(
            Passage(row: row, target: target, weight: weight, prediction: prediction, error: error), from: top,
            isAlternate: false)
    }

    private func learn(_ passage: Passage, from top: Int, isAlternate: Bool) -> Int {
        var at = top
        var grows = true
        while at >= 0, store.nodes[at].isSplit {
            note(passage, at)
            if !isAlternate {
                if alternate(of: at) >= 0 {
                    if !decide(at, passage, grows: grows) { grows = false }
                } else {
                    look(at, passage)
                }
                if !store.nodes[at].isSplit { break }
            }
            let next = store.next(passage.row, from: at)
            guard next >= 0 else { return learnCode(of: at, passage) }
            at = next
        }
        return learnLeaf(at, passage, grows: grows)
    }

    @inline(__always)
    private func note(_ passage: Passage, _ node: Int) {
        let watch = watch(node)
        watch[Watch.weight] += passage.weight
        watch[Watch.errors] += passage.weight * passage.error
    }

    /// Learns a record whose code has no child yet: it gets one.
    private func learnCode(of split: Int, _ passage: Passage) -> Int {
        let value = passage.row[Int(store.nodes[split].attribute)]
        guard !value.isNaN else { return -1 }
        let place = TreeStore.Place(node: -1, parent: split, branch: Int(value))
        return tree.learn(passage.row, passage.target, passage.weight, at: place)
    }

    private func learnLeaf(_ leaf: Int, _ passage: Passage, grows: Bool) -> Int {
        var isBlind = 0.0
        if leaf >= 0 {
            let unit = 3 * tree.deviation
            let watch = watch(leaf)
            watch[Watch.weight] += passage.weight
            if unit > 0 {
                watch[Watch.errors] += passage.weight * abs(passage.target - tree.predict(passage.row, at: leaf)) / unit
            }
            isBlind = watch[Watch.isBlind]
        }
        let place = TreeStore.Place(node: leaf, parent: -1, branch: -1)
        let learned = tree.learn(passage.row, passage.target, passage.weight, at: place, grows: grows)
        if isBlind > 0, store.nodes[leaf].isSplit {
            for child in store.children(of: leaf) { watch(child)[Watch.isBlind] = 1 }
        }
        return learned
    }

    // MARK: Alternatives

    /// Begins an alternative where the error has risen.
    @inline(__always)
    private func look(_ node: Int, _ passage: Passage) {
        let watch = watches.base + node &* Watch.count
        guard watch[Watch.isBlind] == 0 else { return }
        let rise = passage.error - watch[Watch.errors] / watch[Watch.weight] - Self.tolerance
        watch[Watch.sum] += passage.weight * rise
        // Least begins at the first sum, not at 0.
        let isFirst = watch[Watch.seen] == 0
        watch[Watch.seen] = 1
        watch[Watch.least] = isFirst ? watch[Watch.sum] : min(watch[Watch.least], watch[Watch.sum])
        if watch[Watch.sum] - watch[Watch.least] > threshold { beginAlternate(of: node) }
    }

    private func beginAlternate(of node: Int) {
        guard store.hasRoom(tree.budget, nodes: 1) else { return }
        let made = tree.makeLeaf()
        setAlternate(of: node, to: made)
        let watch = watch(node)
        (watch[Watch.loss], watch[Watch.otherLoss], watch[Watch.seen]) = (0, 0, 0)
        eachBelow(node, stopsAtAlternates: false) { self.watch($0)[Watch.isBlind] = 1 }
    }

    /// Compares a split with its alternative, which learns the record if it stays what it is.
    ///
    /// - Returns: whether the alternative has gone: it is in the split's place, or nowhere.
    private func decide(_ node: Int, _ passage: Passage, grows: Bool) -> Bool {
        let other = alternate(of: node)
        let watch = watch(node)
        let distance = passage.target - passage.prediction
        let otherDistance = passage.target - tree.predict(passage.row, from: other)
        watch[Watch.loss] = Self.fading * watch[Watch.loss] + distance * distance
        watch[Watch.otherLoss] = Self.fading * watch[Watch.otherLoss] + otherDistance * otherDistance
        let before = watch[Watch.seen]
        watch[Watch.seen] += passage.weight
        let seen = watch[Watch.seen]
        if (seen / Self.interval).rounded(.down) > (before / Self.interval).rounded(.down) {
            if watch[Watch.loss] > watch[Watch.otherLoss] {
                replace(node, by: other)
                return true
            }
            if seen >= Self.lifetime {
                setAlternate(of: node, to: -1)
                drop(other)
                if grows { restart(node) }
                return true
            }
        }
        _ = learn(passage, from: other, isAlternate: true)
        return false
    }

    private func replace(_ node: Int, by other: Int) {
        for child in store.children(of: node) { drop(child) }
        setAlternate(of: node, to: alternate(of: other))
        setAlternate(of: other, to: -1)
        watch(node).update(from: watch(other), count: Watch.count)
        store.replace(node, by: other)
    }

    /// Rises are looked for again, from now on.
    private func restart(_ top: Int) {
        eachBelow(top, stopsAtAlternates: true) { node in
            let watch = watch(node)
            (watch[Watch.sum], watch[Watch.least]) = (0, 0)
            (watch[Watch.isBlind], watch[Watch.seen]) = (0, 0)
        }
    }

    private func eachBelow(_ top: Int, stopsAtAlternates: Bool, _ body: (Int) -> Void) {
        var open = [top]
        while let node = open.popLast() {
            if stopsAtAlternates, alternate(of: node) >= 0 { continue }
            body(node)
            open += store.children(of: node)
        }
    }
}
