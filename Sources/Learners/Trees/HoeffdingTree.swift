import Glibc
import State

/// A Hoeffding tree (Domingos and Hulten, Mining High-Speed Data Streams, KDD 2000: VFDT) that grows in a `TreeStore`.
///
/// A leaf splits when the best split beats the second best by the Hoeffding bound sqrt(R² ln(1/delta) / 2n), or the bound
/// is below the tie threshold. Leaves with naive Bayes after Gama, Rocha and Medas (2003) and, adaptively, Holmes, Kirkby
/// and Pfahringer (2005). The decisions, and with `--preset moa` the predictions, are MOA's.
final class HoeffdingTree: Stateful {
    /// Places in a block's header.
    enum Header {
        /// Weight of the records that the majority class, and naive Bayes, would have got right.
        static let majority = 0
        static let bayes = 1
        /// Weight seen when splits were last looked at.
        static let evaluated = 2
        /// 1: it has learned something.
        static let isUsed = 3
        /// A generator of weights (adaptive trees); 0 = it has not begun.
        static let random = 4
    }

    typealias Place = TreeStore.Place

    let settings: TreeSettings
    private let firstRandom: UInt64
    /// What a node costs its owner beside the tree.
    var extraNodeBytes = 0
    let store: TreeStore
    @exclusivity(unchecked) private var search: SplitSearch
    @exclusivity(unchecked) private var suggestions: [SplitSuggestion] = []
    /// Room for the votes of naive Bayes, by class.
    @exclusivity(unchecked) private var scratch: UnsafeMutablePointer<Double>
    private var scratchCount: Int
    /// Called for every node that has begun anew: a leaf that was made, or that became a split.
    var didMake: ((_ node: Int) -> Void)?
    /// Decides in the tree's place whether a leaf splits.
    var decide: ((_ leaf: Int, _ seen: Double) -> Void)?

    init(_ settings: TreeSettings, classes: Int, rooms: [Int64], seed: UInt64 = 0) {
        self.settings = settings
        store = TreeStore(
            classes: classes, rooms: rooms, shape: ObserverLayout.Shape(observed: settings.subspace))
        firstRandom = JavaSequence(seed: seed).state
        store.random = firstRandom
        search = SplitSearch(
            store.layout, settings.criterion, points: settings.splitPoints, binaryOnly: settings.binaryOnly)
        scratchCount = max(classes, 1)
        scratch = .allocate(capacity: scratchCount)
    }

    deinit { scratch.deallocate() }

    var state: [StateEntry] { store.state }

    func stateDidChange() {
        store.stateDidChange()
        prepare()
    }

    func grow(toClasses count: Int) {
        stateDidChange()
        guard count > store.classes else { return }
        adopt(store.layout(classes: count))
    }

    /// Makes room for a row's codes, unless a leaf would take too much of it: then they are passed over.
    private func makeRoom(for row: UnsafePointer<Double>) {
        let made = store.layout(for: row)
        guard made.size * 8 <= settings.maximumBytes / 4 else { return }
        adopt(made)
    }

    private func adopt(_ layout: ObserverLayout) {
        shareMemory(blockBytes: layout.size * 8, activates: false)
        store.adopt(layout)
        prepare()
    }

    /// After the layout may have changed.
    private func prepare() {
        if !search.fits(store.layout) {
            search = SplitSearch(
                store.layout, settings.criterion, points: settings.splitPoints, binaryOnly: settings.binaryOnly)
        }
        if store.classes > scratchCount {
            scratch.deallocate()
            scratchCount = store.classes
            scratch = .allocate(capacity: scratchCount)
        }
    }

    // MARK: The way to a leaf

    @inline(__always)
    func reach(_ row: UnsafePointer<Double>, from top: Int) -> Place {
        store.reach(row, from: top, stays: settings.missing == .stay)
    }

    // MARK: Predictions

    /// Votes of what was reached. Changes nothing but its own room for votes.
    ///
    /// - Returns: the class with the most votes.
    @inline(__always)
    func vote(_ place: Place, _ row: UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>) -> Int {
        let node = place.node >= 0 ? place.node : place.parent
        guard node >= 0 else {
            votes.update(repeating: 0, count: store.classes)
            return 0
        }
        if store.nodes[node].kind == TreeNode.Kind.active {
            let block = store.block(store.nodes[node].block)
            if usesBayes(block) {
                return store.layout.bayes(
                    block, row, store.weights(node), underflows: settings.underflows, votes)
            }
        }
        votes.update(from: store.weights(node), count: store.classes)
        return ClassVotes.best(votes, store.classes)
    }

    @inline(__always)
    private func usesBayes(_ block: UnsafePointer<Double>) -> Bool {
        switch settings.leaf {
        case .majority: false
        case .bayes: true
        case .adaptive: block[Header.majority] <= block[Header.bayes]
        }
    }

    // MARK: Learning

    /// What was predicted for a record, in both ways where the leaf has to judge them.
    struct Judgement {
        /// The class with the most votes.
        var best: Int
        /// The class of the most weight; -1 = none.
        var majority = -1
        /// The class that naive Bayes predicts.
        var bayes = 0
    }

    /// Votes for a record, and what is needed to learn it afterwards.
    @inline(__always)
    func judge(
        _ place: Place, _ row: UnsafePointer<Double>, _ votes: UnsafeMutablePointer<Double>
    ) -> Judgement {
        guard settings.leaf == .adaptive, place.node >= 0, store.nodes[place.node].kind == TreeNode.Kind.active else {
            return Judgement(best: vote(place, row, votes))
        }
        let leaf = store.nodes[place.node]
        let block = store.block(leaf.block)
        let weights = store.weights(place.node)
        let bayes = store.layout.bayes(block, row, weights, underflows: settings.underflows, votes)
        let majority = leaf.classes > 0 ? ClassVotes.best(weights, store.classes) : -1
        guard !usesBayes(block) else { return Judgement(best: bayes, majority: majority, bayes: bayes) }
        votes.update(from: weights, count: store.classes)
        return Judgement(best: max(majority, 0), majority: majority, bayes: bayes)
    }

    /// Predicts a record, then learns it.
    ///
    /// - Returns: the class with the most votes.
    @inline(__always)
    func predictThenLearn(
        _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ votes: UnsafeMutablePointer<Double>
    ) -> Int {
        let place = reach(row, from: store.root)
        let judgement = judge(place, row, votes)
        learn(place, row, target, weight, judgement)
        return judgement.best
    }

    func learn(_ row: UnsafePointer<Double>, _ target: Int, _ weight: Double) {
        let place = reach(row, from: store.root)
        learn(place, row, target, weight, judge(place, row, scratch))
    }

    @inline(__always)
    func learn(
        _ place: Place, _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, _ judgement: Judgement
    ) {
        var leaf = place.node
        if leaf < 0 {
            guard place.parent < 0 || store.hasRoom(budget, nodes: 1) else { return }
            leaf = store.makeLeaf(isActive: store.hasRoom(budget, blocks: 1))
            if place.parent >= 0 {
                store.setChild(place.parent, place.branch, leaf)
            } else {
                store.root = leaf
            }
            didMake?(leaf)
        }
        guard store.nodes[leaf].isLeaf else { return }
        learnLeaf(leaf, row, target, weight, majority: judgement.majority, bayes: judgement.bayes)
    }

    /// - Parameters:
    ///   - majority: the class of the most weight, before.
    ///   - bayes: the class that naive Bayes would have predicted.
    @inline(__always)
    func learnLeaf(
        _ leaf: Int, _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double, majority: Int, bayes: Int
    ) {
        observe(leaf, row, target, weight)
        guard store.nodes[leaf].kind == TreeNode.Kind.active else { return }
        let block = store.block(store.nodes[leaf].block)
        if majority == target { block[Header.majority] += weight }
        if bayes == target { block[Header.bayes] += weight }
        let weights = store.weights(leaf)
        var seen = 0.0
        for index in 0..<store.classes { seen += weights[index] }
        if seen - block[Header.evaluated] >= settings.gracePeriod { lookForSplit(leaf, seen) }
    }

    /// Adds a record to a leaf's statistics.
    @inline(__always)
    func observe(_ leaf: Int, _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double) {
        if !store.layout.hasRoom(for: row) { makeRoom(for: row) }
        store.markLeaf(leaf)
        store.weights(leaf)[target] += weight
        if store.nodes[leaf].classes <= Int32(target) {
            store.nodes[leaf].classes = Int32(target + 1)
            store.markNode(leaf)
        }
        guard store.nodes[leaf].kind == TreeNode.Kind.active else { return }
        let block = store.block(store.nodes[leaf].block)
        if block[Header.isUsed] == 0 { begin(block) }
        store.layout.learn(block, row, target, weight)
    }

    /// A leaf's first record: it chooses what it looks at.
    private func begin(_ block: UnsafeMutablePointer<Double>) {
        block[Header.isUsed] = 1
        let count = store.layout.count
        guard settings.subspace > 0, settings.subspace < count else { return store.layout.observeAll(block) }
        var sequence = JavaSequence(state: store.random)
        store.layout.observe(sequence.nextSubset(settings.subspace, of: count), in: block)
        if !settings.sharesSubspace { store.random = sequence.state }
    }

    /// Forgets everything but the room for codes and classes.
    ///
    /// - Parameter random: from which its leaves draw; nil = from where they began.
    func clear(random: UInt64? = nil) {
        store.clear()
        store.random = random.map { JavaSequence(seed: $0).state } ?? firstRandom
    }

    // MARK: Splits

    @inline(never)
    private func lookForSplit(_ leaf: Int, _ seen: Double) {
        store.block(store.nodes[leaf].block)[Header.evaluated] = seen
        if let decide { return decide(leaf, seen) }
        let suggestions = suggestions(leaf)
        let block = store.block(store.nodes[leaf].block)
        guard var best = suggestions.first else { return }
        var second = -Double.infinity
        for suggestion in suggestions.dropFirst() {
            if suggestion.merit >= best.merit {
                second = best.merit
                best = suggestion
            } else if suggestion.merit > second {
                second = suggestion.merit
            }
        }
        let bound = bound(classes: Int(store.nodes[leaf].classes), seen)
        let isSure = suggestions.count < 2 || best.merit - second > bound || bound < settings.tieThreshold
        if settings.removesPoorAttributes, settings.leaf == .majority, suggestions.count > 1 {
            for suggestion in suggestions where suggestion.attribute >= 0 && best.merit - suggestion.merit > bound {
                block[ObserverLayout.headerCount + suggestion.attribute] = 0
            }
        }
        guard isSure else { return }
        guard best.kind != TreeNode.Kind.inactive else { return restart(leaf, seen) }
        split(leaf, best)
    }

    /// Splits of an active leaf, none where it has seen one class alone; of equal ones the later is better.
    func suggestions(_ leaf: Int) -> [SplitSuggestion] {
        let weights = store.weights(leaf)
        var populated = 0
        for index in 0..<store.classes where weights[index] != 0 { populated += 1 }
        guard populated > 1 else { return [] }
        search.suggestions(
            store.block(store.nodes[leaf].block), weights, allowsNone: settings.allowsNone, into: &suggestions)
        return suggestions
    }

    /// The Hoeffding bound after so much weight.
    func bound(classes: Int, _ seen: Double) -> Double {
        let range = settings.criterion.range(classes: classes)
        return (range * range * log(1 / settings.confidence) / (2 * seen)).squareRoot()
    }

    /// Not to split is best: the leaf begins anew with its class weights.
    private func restart(_ leaf: Int, _ seen: Double) {
        store.clearBlock(leaf)
        store.block(store.nodes[leaf].block)[Header.evaluated] = seen
    }

    func split(_ leaf: Int, _ best: SplitSuggestion) {
        let classes = store.classes
        guard store.hasRoom(budget, nodes: best.branches) else { return }
        let block = store.block(store.nodes[leaf].block)
        let (weights, lengths) = search.distribution(block, best)
        store.beginSplit(leaf, kind: best.kind, attribute: best.attribute, threshold: best.threshold)
        var heavier = (child: -1, weight: -1.0)
        for branch in 0..<best.branches {
            let child = store.makeLeaf(isActive: store.hasRoom(budget, blocks: 1))
            store.weights(child).update(from: weights + branch * classes, count: classes)
            store.nodes[child].classes = lengths[branch]
            var weight = 0.0
            for index in 0..<classes { weight += weights[branch * classes + index] }
            if store.nodes[child].kind == TreeNode.Kind.active {
                store.block(store.nodes[child].block)[Header.evaluated] = weight
            }
            if weight > heavier.weight { heavier = (child, weight) }
            store.setChild(leaf, branch, child)
        }
        store.nodes[leaf].block = Int32(heavier.child)
        store.markNode(leaf)
        if let didMake { for node in [leaf] + store.children(of: leaf) { didMake(node) } }
        if store.inactiveCount > 0 { shareMemory(blockBytes: store.blockBytes, activates: true) }
    }

    // MARK: Memory

    var budget: TreeStore.Budget {
        TreeStore.Budget(maximum: settings.maximumBytes, extraNodeBytes: extraNodeBytes)
    }

    /// Leaves that promise most, by the weight that the majority class gets wrong, have statistics.
    private func shareMemory(blockBytes: Int, activates: Bool) {
        store.share(budget, blockBytes: blockBytes, activates: activates) { leaf in
            let (sum, most) = total(leaf)
            return sum - most
        } didActivate: { leaf in
            store.block(store.nodes[leaf].block)[Header.evaluated] = total(leaf).sum
        }
    }

    /// Weight of a leaf's classes, and of the heaviest.
    func total(_ leaf: Int) -> (sum: Double, most: Double) {
        var (sum, most) = (0.0, 0.0)
        for index in 0..<store.classes {
            sum += store.weights(leaf)[index]
            most = max(most, store.weights(leaf)[index])
        }
        return (sum, most)
    }
}
