import Glibc
import State

/// A tree of numbers that grows as it is sure of its splits (after FIMT-DD: Ikonomovska, Gama and Džeroski, Learning model
/// trees from evolving data streams, 2011), with means or linear models in its leaves.
///
/// A leaf splits where the target's standard deviation shrinks most, once the second best attribute's share of that is
/// below 1 by the Hoeffding bound, or the bound is below the tie threshold. Linear models learn by normalized steps on
/// standardized numbers, whose length no scale of the input can make diverge; a leaf predicts by whichever was nearer
/// lately, and never outside of the targets seen.
final class RegressionTree: Stateful {
    struct Settings {
        enum Leaf: String, CaseIterable { case mean, linear, adaptive }
        /// What a split is to make small: the target's standard deviation or its variance.
        enum Criterion: String, CaseIterable { case deviation, variance }

        var leaf = Leaf.adaptive
        var criterion = Criterion.deviation
        var confidence = 1e-7
        var tieThreshold = 0.05
        var gracePeriod = 200.0
        var binaryOnly = false
        var maximumBytes = 33_554_432
        /// Attributes at which a leaf may split, drawn when it begins to learn; 0 = all.
        var subspace = 0
        /// Attributes at which all leaves may split, instead of drawing; none = they draw.
        var attributes: [Int] = []
        /// Leaves of a split begin with so much weight of what their branch had, at most. The less, the sooner they forget
        /// what was before the split; 0: they begin with nothing (MOA).
        var inheritance = Double.infinity
        /// A leaf's mean is of so much weight of its latest targets: what is older fades.
        var memory = Double.infinity
    }

    /// Places in a block's header: fading squared errors of mean and linear model, weight when splits were last looked at.
    enum Header {
        static let mean = 0
        static let linear = 1
        static let evaluated = 2
        static let isUsed = 3
        /// Weight seen.
        static let seen = 4
    }

    /// Places in `totals`: the target's first value, from which all sums count, and its moments and range.
    private enum Total {
        static let center = 0
        static let weight = 1
        static let mean = 2
        static let deviations = 3
        static let least = 4
        static let greatest = 5
        static let attributes = 6
    }

    private static let fading = 0.995
    private static let step = 0.1
    /// Weight that both sides of a split must have.
    static let leastWeight = 5.0

    let store: TreeStore
    let settings: Settings
    /// What a node costs its owner beside the tree.
    var extraNodeBytes = 0
    /// Called with each leaf that is made.
    var didMake: (Int) -> Void = { _ in }
    private let firstRandom: UInt64
    let isNominal: [Bool]
    private let totals: StateArray<Double>
    /// A record's standardized numbers, 0 = missing or no number.
    private let scaled: UnsafeMutablePointer<Double>

    init(_ settings: Settings, rooms: [Int64], seed: UInt64 = 0) {
        self.settings = settings
        firstRandom = JavaSequence(seed: seed).state
        isNominal = rooms.map { $0 > 0 }
        // By "class": weight, sum and sum of squares of the target.
        store = TreeStore(
            classes: 3, rooms: rooms,
            shape: ObserverLayout.Shape(
                numericSize: settings.criterion == .variance ? TargetOrder.size : TargetHistogram.size,
                extra: rooms.count + 1,
                observed: settings.attributes.isEmpty ? settings.subspace : settings.attributes.count))
        totals = StateArray(count: Total.attributes + 3 * rooms.count)
        store.random = firstRandom
        scaled = .allocate(capacity: max(rooms.count, 1))
    }

    deinit { scaled.deallocate() }

    var state: [StateEntry] { store.state + [StateEntry("totals", totals)] }

    func stateDidChange() { store.stateDidChange() }

    // MARK: Predictions

    func predict(_ row: UnsafePointer<Double>) -> Double { predict(row, from: store.root) }

    func predict(_ row: UnsafePointer<Double>, from top: Int) -> Double {
        let place = store.reach(row, from: top, stays: false)
        return predict(row, at: place.node >= 0 ? place.node : place.parent)
    }

    /// What a leaf predicts; -1 = there is none yet.
    func predict(_ row: UnsafePointer<Double>, at node: Int) -> Double {
        guard node >= 0 else { return bounded(totals.base[Total.mean]) }
        guard settings.leaf != .mean, store.nodes[node].kind == TreeNode.Kind.active else { return bounded(mean(node)) }
        let block = store.block(store.nodes[node].block)
        scale(row)
        return bounded(choose(block, mean(node), linear(block, mean(node))))
    }

    /// Weight of the targets seen.
    var weightSeen: Double { totals.base[Total.weight] }

    private func choose(_ block: UnsafePointer<Double>, _ mean: Double, _ linear: Double) -> Double {
        switch settings.leaf {
        case .mean: mean
        case .linear: linear
        case .adaptive: block[Header.linear] < block[Header.mean] ? linear : mean
        }
    }

    private func bounded(_ value: Double) -> Double {
        totals.base[Total.weight] > 0
            ? max(totals.base[Total.least], min(totals.base[Total.greatest], value)) : 0
    }

    /// Of the targets that reached a node; of all where none did.
    func mean(_ node: Int) -> Double {
        let sums = store.weights(node)
        return sums[0] > 0 ? totals.base[Total.center] + sums[1] / sums[0] : totals.base[Total.mean]
    }

    /// Of the targets seen.
    var deviation: Double {
        let weight = totals.base[Total.weight]
        return weight > 0 ? (totals.base[Total.deviations] / weight).squareRoot() : 0
    }

    private func linear(_ block: UnsafePointer<Double>, _ mean: Double) -> Double {
        let weights = block + store.layout.extraOffset
        var sum = weights[store.layout.count]
        for index in 0..<store.layout.count { sum += weights[index] * scaled[index] }
        return mean + deviation * sum
    }

    /// Standardizes a record's numbers by the moments of all records, at most three deviations from the mean.
    private func scale(_ row: UnsafePointer<Double>) {
        for index in 0..<store.layout.count {
            let moments = totals.base + Total.attributes + 3 * index
            scaled[index] = 0
            guard !isNominal[index], !row[index].isNaN, moments[0] > 0, moments[2] > 0 else { continue }
            let distance = ObserverLayout.bounded(row[index]) - moments[1]
            scaled[index] = max(-3, min(3, distance / (moments[2] / moments[0]).squareRoot()))
        }
    }

    // MARK: Learning

    func learn(_ row: UnsafePointer<Double>, _ target: Double, _ weight: Double) {
        store.root = learn(row, target, weight, from: store.root)
    }

    /// Learns a record in the tree whose root is `top`; -1 = there is none yet.
    ///
    /// - Returns: the root.
    func learn(_ row: UnsafePointer<Double>, _ target: Double, _ weight: Double, from top: Int) -> Int {
        let leaf = learn(row, target, weight, at: store.reach(row, from: top, stays: false))
        return top < 0 ? leaf : top
    }

    /// Learns a record where it ended up.
    ///
    /// - Parameter grows: the leaf may split.
    /// - Returns: the leaf that learned it, which may be a split now; -1 = there was no room for one.
    func learn(
        _ row: UnsafePointer<Double>, _ given: Double, _ weight: Double, at place: TreeStore.Place, grows: Bool = true
    ) -> Int {
        var leaf = place.node
        if leaf < 0 {
            guard place.parent < 0 || store.hasRoom(budget, nodes: 1) else {
                noteTarget(ObserverLayout.bounded(given), weight)
                return -1
            }
            leaf = makeLeaf()
            if place.parent >= 0 { store.setChild(place.parent, place.branch, leaf) }
        }
        if observe(leaf, row, given, weight), grows, let best = sureSplit(leaf) { split(leaf, best) }
        return leaf
    }

    /// A leaf without weights, with statistics if there is room for them.
    func makeLeaf() -> Int {
        let leaf = store.makeLeaf(isActive: store.hasRoom(budget, blocks: 1))
        didMake(leaf)
        return leaf
    }

    /// Adds a record to a leaf's statistics and models.
    ///
    /// - Returns: whether it is time to look for a split.
    func observe(_ leaf: Int, _ row: UnsafePointer<Double>, _ given: Double, _ weight: Double) -> Bool {
        let target = ObserverLayout.bounded(given)
        noteTarget(target, weight)
        if !store.layout.hasRoom(for: row) { makeRoom(for: row) }
        store.markLeaf(leaf)
        if settings.leaf != .mean {
            if store.nodes[leaf].kind == TreeNode.Kind.active { learnModels(leaf, row, target, weight) }
            noteNumbers(row, weight)
        }
        let sums = store.weights(leaf)
        let offset = target - totals.base[Total.center]
        if sums[0] > 0, sums[0] + weight > settings.memory {
            let kept = max(0, settings.memory - weight) / sums[0]
            (sums[0], sums[1], sums[2]) = (sums[0] * kept, sums[1] * kept, sums[2] * kept)
        }
        sums[0] += weight
        sums[1] += weight * offset
        sums[2] += weight * offset * offset
        guard store.nodes[leaf].kind == TreeNode.Kind.active else { return false }
        let block = store.block(store.nodes[leaf].block)
        learnAttributes(block, row, offset, weight)
        block[Header.seen] += weight
        return block[Header.seen] - block[Header.evaluated] >= settings.gracePeriod
    }

    /// Forgets everything but the room for codes.
    func clear() {
        store.clear()
        store.random = firstRandom
        for index in 0..<totals.count { totals[index] = 0 }
    }

    private func noteTarget(_ target: Double, _ weight: Double) {
        let totals = totals.base
        if totals[Total.weight] == 0 {
            (totals[Total.center], totals[Total.mean]) = (target, target)
            (totals[Total.least], totals[Total.greatest]) = (target, target)
        }
        Self.add(totals + Total.weight, target, weight)
        totals[Total.least] = min(totals[Total.least], target)
        totals[Total.greatest] = max(totals[Total.greatest], target)
    }

    /// Welford's update of weight, mean and sum of squared deviations.
    private static func add(_ moments: UnsafeMutablePointer<Double>, _ value: Double, _ weight: Double) {
        moments[0] += weight
        let distance = value - moments[1]
        moments[1] += weight * distance / moments[0]
        moments[2] += weight * distance * (value - moments[1])
    }

    private func noteNumbers(_ row: UnsafePointer<Double>, _ weight: Double) {
        for index in isNominal.indices where !isNominal[index] && !row[index].isNaN {
            Self.add(totals.base + Total.attributes + 3 * index, ObserverLayout.bounded(row[index]), weight)
        }
    }

    /// A normalized step of the linear model (Nagumo and Noda 1967), and how near both models were.
    private func learnModels(_ leaf: Int, _ row: UnsafePointer<Double>, _ target: Double, _ weight: Double) {
        let block = store.block(store.nodes[leaf].block)
        let deviation = deviation
        guard deviation > 0 else { return }
        scale(row)
        let mean = mean(leaf)
        let straight = linear(block, mean)
        let meanError = (target - bounded(mean)) / deviation
        let linearError = (target - bounded(straight)) / deviation
        block[Header.mean] = Self.fading * block[Header.mean] + meanError * meanError
        block[Header.linear] = Self.fading * block[Header.linear] + linearError * linearError
        var norm = 1.0
        for index in 0..<store.layout.count { norm += scaled[index] * scaled[index] }
        let error = max(-10, min(10, (target - straight) / deviation))
        let step = Self.step * min(weight, 1) * error / norm
        let weights = block + store.layout.extraOffset
        weights[store.layout.count] += step
        for index in 0..<store.layout.count { weights[index] += step * scaled[index] }
    }

    private func learnAttributes(
        _ block: UnsafeMutablePointer<Double>, _ row: UnsafePointer<Double>, _ offset: Double, _ weight: Double
    ) {
        let layout = store.layout
        if block[Header.isUsed] == 0 {
            block[Header.isUsed] = 1
            chooseAttributes(block)
        }
        for index in 0..<layout.count where !row[index].isNaN && block[ObserverLayout.headerCount + index] != 0 {
            let column = layout.columns[index]
            guard column.values > 0 else {
                let value = ObserverLayout.bounded(row[index])
                let cell = block + layout.offset(of: index, in: block)
                if settings.criterion == .variance {
                    TargetOrder.learn(cell, value, offset, weight)
                } else {
                    TargetHistogram.learn(cell, value, offset, weight)
                }
                continue
            }
            guard row[index] < Double(column.values) else { continue }
            let head = block + column.offset
            head[1] = max(head[1], row[index] + 1)
            let sums = head + 6 + 3 * Int(row[index])
            sums[0] += weight
            sums[1] += weight * offset
            sums[2] += weight * offset * offset
        }
    }

    /// At which a leaf may split.
    private func chooseAttributes(_ block: UnsafeMutablePointer<Double>) {
        let count = store.layout.count
        guard settings.attributes.isEmpty else { return store.layout.observe(settings.attributes, in: block) }
        guard settings.subspace > 0, settings.subspace < count else { return store.layout.observeAll(block) }
        var sequence = JavaSequence(state: store.random)
        store.layout.observe(sequence.nextSubset(settings.subspace, of: count), in: block)
        store.random = sequence.state
    }

    // MARK: Leaves beside a tree

    /// A leaf begins anew with what a branch of its split had, and keeps its linear model.
    func restart(_ leaf: Int, sums: (Double, Double, Double)) {
        guard store.nodes[leaf].kind == TreeNode.Kind.active else { return }
        let block = store.block(store.nodes[leaf].block)
        let errors = (block[Header.mean], block[Header.linear])
        (block + ObserverLayout.headerCount).update(
            repeating: 0, count: store.layout.extraOffset - ObserverLayout.headerCount)
        block.update(repeating: 0, count: ObserverLayout.headerCount)
        (block[Header.mean], block[Header.linear]) = errors
        (block[Header.evaluated], block[Header.seen]) = (sums.0, sums.0)
        let weights = store.weights(leaf)
        (weights[0], weights[1], weights[2]) = sums
        store.markLeaf(leaf)
    }

    /// Gives a leaf another's linear model.
    func copyModel(from leaf: Int, to other: Int) {
        guard store.nodes[leaf].kind == TreeNode.Kind.active, store.nodes[other].kind == TreeNode.Kind.active else {
            return
        }
        let (from, to) = (store.block(store.nodes[leaf].block), store.block(store.nodes[other].block))
        (to + store.layout.extraOffset).update(from: from + store.layout.extraOffset, count: store.layout.shape.extra)
        (to[Header.mean], to[Header.linear]) = (from[Header.mean], from[Header.linear])
    }

    // MARK: Memory

    var budget: TreeStore.Budget {
        TreeStore.Budget(maximum: settings.maximumBytes, extraNodeBytes: extraNodeBytes)
    }

    /// Leaves where the target spreads most have statistics.
    func shareMemory(blockBytes: Int, activates: Bool) {
        store.share(budget, blockBytes: blockBytes, activates: activates) { leaf in
            let sums = store.weights(leaf)
            return Self.spread(sums[0], sums[1], sums[2])
        } didActivate: { leaf in
            let block = store.block(store.nodes[leaf].block)
            (block[Header.evaluated], block[Header.seen]) = (store.weights(leaf)[0], store.weights(leaf)[0])
        }
    }

    private func makeRoom(for row: UnsafePointer<Double>) {
        let made = store.layout(for: row)
        guard made.size * 8 <= settings.maximumBytes / 4 else { return }
        shareMemory(blockBytes: made.size * 8, activates: false)
        store.adopt(made)
    }
}
