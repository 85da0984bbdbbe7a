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

        var leaf = Leaf.adaptive
        var confidence = 1e-7
        var tieThreshold = 0.05
        var gracePeriod = 200.0
        var binaryOnly = false
        var maximumBytes = 33_554_432
    }

    /// Places in a block's header: fading squared errors of mean and linear model, weight when splits were last looked at.
    private enum Header {
        static let mean = 0
        static let linear = 1
        static let evaluated = 2
        static let isUsed = 3
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
    private static let leastWeight = 5.0

    let store: TreeStore
    private let settings: Settings
    private let isNominal: [Bool]
    private let totals: StateArray<Double>
    /// A record's standardized numbers, 0 = missing or no number.
    private let scaled: UnsafeMutablePointer<Double>

    init(_ settings: Settings, rooms: [Int64]) {
        self.settings = settings
        isNominal = rooms.map { $0 > 0 }
        // By "class": weight, sum and sum of squares of the target.
        store = TreeStore(
            classes: 3, rooms: rooms,
            shape: ObserverLayout.Shape(numericSize: TargetHistogram.size, extra: rooms.count + 1))
        totals = StateArray(count: Total.attributes + 3 * rooms.count)
        scaled = .allocate(capacity: max(rooms.count, 1))
    }

    deinit { scaled.deallocate() }

    var state: [StateEntry] { store.state + [StateEntry("totals", totals)] }

    func stateDidChange() { store.stateDidChange() }

    // MARK: Predictions

    func predict(_ row: UnsafePointer<Double>) -> Double {
        let place = store.reach(row, from: store.root, stays: false)
        let node = place.node >= 0 ? place.node : place.parent
        guard node >= 0 else { return bounded(totals.base[Total.mean]) }
        guard store.nodes[node].kind == TreeNode.Kind.active else { return bounded(mean(node)) }
        let block = store.block(store.nodes[node].block)
        scale(row)
        return bounded(choose(block, mean(node), linear(block, mean(node))))
    }

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
    private func mean(_ node: Int) -> Double {
        let sums = store.weights(node)
        return sums[0] > 0 ? totals.base[Total.center] + sums[1] / sums[0] : totals.base[Total.mean]
    }

    private var deviation: Double {
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

    func learn(_ row: UnsafePointer<Double>, _ given: Double, _ weight: Double) {
        let target = ObserverLayout.bounded(given)
        noteTarget(target, weight)
        let place = store.reach(row, from: store.root, stays: false)
        var leaf = place.node
        if leaf < 0 {
            guard place.parent < 0 || store.hasRoom(budget, nodes: 1) else { return }
            leaf = store.makeLeaf(isActive: store.hasRoom(budget, blocks: 1))
            if place.parent >= 0 { store.setChild(place.parent, place.branch, leaf) } else { store.root = leaf }
        }
        if !store.layout.hasRoom(for: row) { makeRoom(for: row) }
        store.markLeaf(leaf)
        if store.nodes[leaf].kind == TreeNode.Kind.active { learnModels(leaf, row, target, weight) }
        noteNumbers(row, weight)
        let sums = store.weights(leaf)
        let offset = target - totals.base[Total.center]
        sums[0] += weight
        sums[1] += weight * offset
        sums[2] += weight * offset * offset
        guard store.nodes[leaf].kind == TreeNode.Kind.active else { return }
        let block = store.block(store.nodes[leaf].block)
        learnAttributes(block, row, offset, weight)
        if sums[0] - block[Header.evaluated] >= settings.gracePeriod { lookForSplit(leaf) }
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
            layout.observeAll(block)
        }
        for index in 0..<layout.count where !row[index].isNaN {
            let column = layout.columns[index]
            guard column.values > 0 else {
                TargetHistogram.learn(block + column.offset, ObserverLayout.bounded(row[index]), offset, weight)
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

    // MARK: Splits

    /// n · standard deviation, of sums.
    @inline(__always)
    private static func spread(_ weight: Double, _ sum: Double, _ squares: Double) -> Double {
        weight > 0 ? (max(0, squares * weight - sum * sum)).squareRoot() : 0
    }

    private func lookForSplit(_ leaf: Int) {
        let block = store.block(store.nodes[leaf].block)
        let seen = store.weights(leaf)[0]
        block[Header.evaluated] = seen
        var best = SplitSuggestion(
            merit: 0, kind: TreeNode.Kind.inactive, attribute: -1, threshold: 0, branches: 0)
        var second = 0.0
        for index in 0..<store.layout.count {
            guard let found = isNominal[index] ? nominal(block, index) : numeric(block, index) else { continue }
            if found.merit > best.merit {
                second = best.merit
                best = found
            } else {
                second = max(second, found.merit)
            }
        }
        guard best.merit > 0 else { return }
        let bound = (log(1 / settings.confidence) / (2 * seen)).squareRoot()
        guard second / best.merit < 1 - bound || bound < settings.tieThreshold else { return }
        split(leaf, best)
    }

    private func numeric(_ block: UnsafePointer<Double>, _ attribute: Int) -> SplitSuggestion? {
        let cell = block + store.layout.columns[attribute].offset
        let (weight, sum, squares) = TargetHistogram.total(cell)
        let before = Self.spread(weight, sum, squares)
        var best: SplitSuggestion?
        TargetHistogram.eachThreshold(cell) { threshold, left, leftSum, leftSquares in
            guard left >= Self.leastWeight, weight - left >= Self.leastWeight else { return }
            let merit =
                (before - Self.spread(left, leftSum, leftSquares)
                    - Self.spread(weight - left, sum - leftSum, squares - leftSquares)) / weight
            if merit > best?.merit ?? 0 {
                best = SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.numeric, attribute: attribute, threshold: threshold, branches: 2)
            }
        }
        return best
    }

    private func nominal(_ block: UnsafePointer<Double>, _ attribute: Int) -> SplitSuggestion? {
        let head = block + store.layout.columns[attribute].offset
        let values = Int(head[1])
        var (weight, sum, squares) = (0.0, 0.0, 0.0)
        var parts = 0.0
        var populated = 0
        for value in 0..<values {
            let sums = head + 6 + 3 * value
            weight += sums[0]
            sum += sums[1]
            squares += sums[2]
            parts += Self.spread(sums[0], sums[1], sums[2])
            if sums[0] >= Self.leastWeight { populated += 1 }
        }
        guard weight > 0 else { return nil }
        let before = Self.spread(weight, sum, squares)
        var best: SplitSuggestion?
        if !settings.binaryOnly, populated > 1, before > parts {
            best = SplitSuggestion(
                merit: (before - parts) / weight, kind: TreeNode.Kind.multiway, attribute: attribute, threshold: 0,
                branches: values)
        }
        for value in 0..<values {
            let sums = head + 6 + 3 * value
            guard sums[0] >= Self.leastWeight, weight - sums[0] >= Self.leastWeight else { continue }
            let merit =
                (before - Self.spread(sums[0], sums[1], sums[2])
                    - Self.spread(weight - sums[0], sum - sums[1], squares - sums[2])) / weight
            if merit > best?.merit ?? 0 {
                best = SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.equal, attribute: attribute, threshold: Double(value),
                    branches: 2)
            }
        }
        return best
    }

    /// What a branch gets: weight, sum and sum of squares.
    private func sums(_ block: UnsafePointer<Double>, _ split: SplitSuggestion, _ branch: Int) -> (
        Double, Double, Double
    ) {
        let cell = block + store.layout.columns[split.attribute].offset
        switch split.kind {
        case TreeNode.Kind.numeric:
            var found = (0.0, 0.0, 0.0)
            TargetHistogram.eachThreshold(cell) { threshold, weight, sum, squares in
                if threshold == split.threshold { found = (weight, sum, squares) }
            }
            let total = TargetHistogram.total(cell)
            return branch == 0 ? found : (total.0 - found.0, total.1 - found.1, total.2 - found.2)
        case TreeNode.Kind.multiway:
            let sums = cell + 6 + 3 * branch
            return (sums[0], sums[1], sums[2])
        default:
            var (own, others) = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
            for value in 0..<Int(cell[1]) {
                let sums = cell + 6 + 3 * value
                if value == Int(split.threshold) {
                    own = (sums[0], sums[1], sums[2])
                } else {
                    others = (others.0 + sums[0], others.1 + sums[1], others.2 + sums[2])
                }
            }
            return branch == 0 ? own : others
        }
    }

    /// Children begin with what their branch had, and with their parent's linear model.
    private func split(_ leaf: Int, _ best: SplitSuggestion) {
        guard store.hasRoom(budget, nodes: best.branches) else { return }
        let block = store.block(store.nodes[leaf].block)
        let parts = (0..<best.branches).map { sums(block, best, $0) }
        let model = Array(
            UnsafeBufferPointer(start: block + store.layout.extraOffset, count: store.layout.shape.extra))
        let errors = (block[Header.mean], block[Header.linear])
        store.beginSplit(leaf, kind: best.kind, attribute: best.attribute, threshold: best.threshold)
        var heavier = (child: -1, weight: -1.0)
        for (branch, part) in parts.enumerated() {
            let child = store.makeLeaf(isActive: store.hasRoom(budget, blocks: 1))
            let weights = store.weights(child)
            (weights[0], weights[1], weights[2]) = part
            if store.nodes[child].kind == TreeNode.Kind.active {
                let made = store.block(store.nodes[child].block)
                for (index, weight) in model.enumerated() { made[store.layout.extraOffset + index] = weight }
                (made[Header.mean], made[Header.linear]) = errors
                made[Header.evaluated] = part.0
            }
            if part.0 > heavier.weight { heavier = (child, part.0) }
            store.setChild(leaf, branch, child)
        }
        store.nodes[leaf].block = Int32(heavier.child)
        store.markNode(leaf)
        if store.inactiveCount > 0 { shareMemory(blockBytes: store.blockBytes, activates: true) }
    }

    // MARK: Memory

    private var budget: TreeStore.Budget { TreeStore.Budget(maximum: settings.maximumBytes) }

    /// Leaves where the target spreads most have statistics.
    private func shareMemory(blockBytes: Int, activates: Bool) {
        store.share(budget, blockBytes: blockBytes, activates: activates) { leaf in
            let sums = store.weights(leaf)
            return Self.spread(sums[0], sums[1], sums[2])
        } didActivate: { leaf in
            store.block(store.nodes[leaf].block)[Header.evaluated] = store.weights(leaf)[0]
        }
    }

    private func makeRoom(for row: UnsafePointer<Double>) {
        let made = store.layout(for: row)
        guard made.size * 8 <= settings.maximumBytes / 4 else { return }
        shareMemory(blockBytes: made.size * 8, activates: false)
        store.adopt(made)
    }
}
