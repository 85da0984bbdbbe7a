import State

/// A Hoeffding tree that splits a leaf as soon as the best split is surely better than none, and looks at its splits
/// again later (Manapragada, Webb and Salehi, Extremely Fast Decision Tree, KDD 2018, algorithms 1 to 3).
///
/// A split goes on gathering the statistics of a leaf: in a leaf beside the tree, so that statistics have one place, one
/// layout and one limit. Where memory is short such a leaf may lose its block, and its split stays as it is.
final class AnytimeTree: ChangingTree {
    /// What a split is judged by.
    enum Merit: String, CaseIterable {
        /// Its merit now (River).
        case last
        /// The mean of its merits at all looks.
        case mean
        /// As `mean`, but a split divides what its leaf has added up by its own looks alone (MOA).
        case sum
    }

    struct Settings {
        var tree = TreeSettings()
        /// Between two looks at a split: weight that it got, or records of the stream.
        var interval = 2000.0
        var countsStream = false
        var merit = Merit.last
    }

    /// Places in a node's numbers; the attributes' merits follow.
    private enum Number {
        static let looks = 0
        static let evaluated = 1
        static let none = 2
        static let attributes = 3
    }

    let tree: HoeffdingTree
    private let settings: Settings
    private let records = StateArray<Int64>(count: 1)
    /// By node: 1 + the leaf that keeps a split's statistics; 0 = none.
    private let keepers: StateArray<Int32>
    /// By node: looks, weight at the last one, added-up merits.
    private let numbers: StateArray<Double>
    private let size: Int
    private var store: TreeStore { tree.store }
    /// Splits above the leaf that learns.
    @exclusivity(unchecked) private var path: [Int] = []
    private var scratch: [Double] = []

    init(_ settings: Settings, classes: Int, rooms: [Int64]) {
        self.settings = settings
        tree = HoeffdingTree(settings.tree, classes: classes, rooms: rooms)
        size = Number.attributes + rooms.count
        keepers = StateArray(count: 0, marksChanges: true, grows: true)
        numbers = StateArray(count: 0, marksChanges: true, grows: true)
        tree.extraNodeBytes = size * 8 + 4
        tree.didMake = { [unowned self] node in begin(node) }
        tree.decide = { [unowned self] leaf, seen in decide(leaf, seen) }
    }

    var state: [StateEntry] {
        tree.state + [StateEntry("records", records), StateEntry("keepers", keepers), StateEntry("merits", numbers)]
    }

    func stateDidChange() { tree.stateDidChange() }

    private func begin(_ node: Int) {
        if store.nodeRoom > keepers.count {
            keepers.extend(to: store.nodeRoom)
            numbers.extend(to: store.nodeRoom * size)
        }
        if !store.nodes[node].isSplit { clear(node) }
    }

    private func clear(_ node: Int) {
        keepers[node] = 0
        for index in 0..<size { numbers[node * size + index] = 0 }
    }

    /// Frees a subtree and the leaves that keep its statistics.
    private func drop(_ top: Int) {
        var kept: [Int] = []
        store.free(top) { node in
            if keepers.base[node] > 0 { kept.append(Int(keepers.base[node]) - 1) }
            clear(node)
        }
        for leaf in kept { store.free(leaf) }
    }

    // MARK: Learning

    func predictThenLearn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ votes: UnsafeMutablePointer<Double>
    ) {
        let place = tree.reach(row, from: store.root)
        let judgement = tree.judge(place, row, votes)
        let isTurn = records.base[0] % Int64(max(settings.interval, 1)) == 0
        records[0] += 1
        path.removeAll(keepingCapacity: true)
        var at = store.root
        while at >= 0, store.nodes[at].isSplit {
            path.append(at)
            let keeper = Int(keepers.base[at]) - 1
            if keeper >= 0 {
                tree.observe(keeper, row, target, weight)
                if settings.countsStream ? isTurn : isDue(at, keeper), reconsider(at, keeper) { return }
            }
            guard at != place.node, at != place.parent else { break }
            at = child(at, row)
        }
        tree.learn(place, row, target, weight, judgement)
    }

    func learn(_ row: UnsafePointer<Double>, _ target: Int, _ weight: Double) {
        if scratch.count < store.classes { scratch = Array(repeating: 0, count: store.classes) }
        scratch.withUnsafeMutableBufferPointer { scratch in
            if let votes = scratch.baseAddress { predictThenLearn(row, target, weight, votes) }
        }
    }

    private func isDue(_ node: Int, _ keeper: Int) -> Bool {
        tree.total(keeper).sum - numbers.base[node * size + Number.evaluated] >= settings.interval
    }

    private func child(_ at: Int, _ row: UnsafePointer<Double>) -> Int {
        let node = store.nodes[at]
        let value = row[Int(node.attribute)]
        if value.isNaN { return Int(node.block) }
        switch node.kind {
        case TreeNode.Kind.numeric: return Int(value <= node.threshold ? node.left : node.right)
        case TreeNode.Kind.equal: return Int(value == node.threshold ? node.left : node.right)
        default: return store.child(node, Int(value))
        }
    }

    // MARK: Decisions

    /// What one look found.
    private struct Look {
        var best: SplitSuggestion
        /// Of the best, of not splitting, and of the attribute in force.
        var merit = 0.0
        var none = 0.0
        var current = 0.0
    }

    /// Looks at the splits of a leaf and notes what they are worth for a node.
    private func look(_ leaf: Int, for node: Int) -> Look? {
        let suggestions = tree.suggestions(leaf)
        let base = node * size
        numbers[base + Number.looks] += 1
        guard var best = suggestions.first else { return nil }
        let current = Int(store.nodes[node].attribute)
        var look = Look(best: best)
        for suggestion in suggestions where suggestion.merit > -.infinity {
            let place = base + (suggestion.attribute < 0 ? Number.none : Number.attributes + suggestion.attribute)
            numbers[place] += suggestion.merit
            if suggestion.merit >= best.merit { best = suggestion }
            if suggestion.attribute == current { look.current = suggestion.merit }
        }
        look.best = best
        look.merit = best.merit
        guard settings.merit != .last else { return look }
        let looks = numbers.base[base + Number.looks]
        func mean(_ attribute: Int) -> Double {
            numbers.base[base + (attribute < 0 ? Number.none : Number.attributes + attribute)] / looks
        }
        (look.merit, look.none) = (mean(best.attribute), mean(-1))
        if store.nodes[node].isSplit { look.current = mean(current) }
        return look
    }

    /// Whether a leaf splits.
    private func decide(_ leaf: Int, _ seen: Double) {
        guard let look = look(leaf, for: leaf), look.best.merit >= 1e-10, look.best.attribute >= 0 else { return }
        let bound = tree.bound(classes: Int(store.nodes[leaf].classes), seen)
        guard look.merit - look.none > bound || bound < settings.tree.tieThreshold else { return }
        let isUsed = path.contains {
            store.nodes[$0].kind > TreeNode.Kind.numeric && Int(store.nodes[$0].attribute) == look.best.attribute
        }
        guard settings.merit == .last || !isUsed else { return }
        split(leaf, look.best, seen)
    }

    /// Splits a leaf, whose statistics go on in another.
    private func split(_ leaf: Int, _ best: SplitSuggestion, _ seen: Double) {
        guard store.hasRoom(tree.budget, nodes: best.branches + 1) else { return }
        let keeper = store.hasRoom(tree.budget, blocks: 1) ? makeKeeper(leaf) : -1
        tree.split(leaf, best)
        keepers[leaf] = Int32(keeper + 1)
        numbers[leaf * size + Number.evaluated] = seen
        if settings.merit == .sum { numbers[leaf * size + Number.looks] = 0 }
    }

    private func makeKeeper(_ leaf: Int) -> Int {
        let keeper = store.makeLeaf(isActive: true)
        begin(keeper)
        store.weights(keeper).update(from: store.weights(leaf), count: store.classes)
        store.nodes[keeper].classes = store.nodes[leaf].classes
        store.block(store.nodes[keeper].block).update(
            from: store.block(store.nodes[leaf].block), count: store.layout.size)
        return keeper
    }

    /// Looks at a split again.
    ///
    /// - Returns: whether another split, or a leaf, has taken its place.
    private func reconsider(_ node: Int, _ keeper: Int) -> Bool {
        guard store.nodes[keeper].kind == TreeNode.Kind.active else { return false }
        let seen = tree.total(keeper).sum
        numbers[node * size + Number.evaluated] = seen
        guard let look = look(keeper, for: node) else { return false }
        let bound = tree.bound(classes: Int(store.nodes[node].classes), seen)
        let gain = look.merit - look.current
        let tie = settings.tree.tieThreshold
        guard gain > bound || bound < tie && (settings.merit == .last || gain > tie / 2) else { return false }
        if look.best.attribute == Int(store.nodes[node].attribute) {
            // The children stay as they are.
            if look.best.kind == TreeNode.Kind.numeric {
                store.nodes[node].threshold = look.best.threshold
                store.markNode(node)
            }
            return false
        }
        for child in store.children(of: node) { drop(child) }
        keepers[node] = 0
        store.replace(node, by: keeper)
        store.block(store.nodes[node].block)[HoeffdingTree.Header.evaluated] = seen
        if look.best.attribute >= 0 { split(node, look.best, seen) }
        return true
    }
}
