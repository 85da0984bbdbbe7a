import Glibc

extension RegressionTree {
    /// n · standard deviation, of sums.
    @inline(__always)
    static func spread(_ weight: Double, _ sum: Double, _ squares: Double) -> Double {
        weight > 0 ? (max(0, squares * weight - sum * sum)).squareRoot() : 0
    }

    /// n · what a split is to make small, of sums; of the variance only what differs between splits.
    @inline(__always)
    private func dispersion(_ weight: Double, _ sum: Double, _ squares: Double) -> Double {
        guard settings.criterion == .variance else { return Self.spread(weight, sum, squares) }
        return weight > 0 ? -sum * sum / weight : 0
    }

    /// Calls `body` with each threshold of a number, and what lies up to it.
    @inline(__always)
    private func eachThreshold(
        _ cell: UnsafePointer<Double>,
        _ body: (_ threshold: Double, _ weight: Double, _ sum: Double, _ squares: Double) -> Void
    ) {
        guard settings.criterion == .variance else { return TargetHistogram.eachThreshold(cell, body) }
        TargetOrder.eachThreshold(cell) { body($0, $1, $2, 0) }
    }

    /// Weight, sum and (unless splits need none) sum of squares of a number's records.
    private func total(_ cell: UnsafePointer<Double>) -> (Double, Double, Double) {
        guard settings.criterion == .variance else { return TargetHistogram.total(cell) }
        let total = TargetOrder.total(cell)
        return (total.weight, total.sum, 0)
    }

    /// The split of a leaf that is surely the best; nil = there is none yet.
    func sureSplit(_ leaf: Int) -> SplitSuggestion? {
        let block = store.block(store.nodes[leaf].block)
        let seen = block[Header.seen]
        block[Header.evaluated] = seen
        var best = SplitSuggestion(
            merit: 0, kind: TreeNode.Kind.inactive, attribute: -1, threshold: 0, branches: 0)
        var second = 0.0
        for index in 0..<store.layout.count where block[ObserverLayout.headerCount + index] != 0 {
            guard let found = isNominal[index] ? nominal(block, index, &second) : numeric(block, index) else {
                continue
            }
            if found.merit > best.merit {
                second = max(second, best.merit)
                best = found
            } else {
                second = max(second, found.merit)
            }
        }
        guard best.merit > 0 else { return nil }
        let bound = (log(1 / settings.confidence) / (2 * seen)).squareRoot()
        return second / best.merit < 1 - bound || bound < settings.tieThreshold ? best : nil
    }

    private func numeric(_ block: UnsafePointer<Double>, _ attribute: Int) -> SplitSuggestion? {
        let cell = block + store.layout.offset(of: attribute, in: block)
        let (weight, sum, squares) = total(cell)
        let before = dispersion(weight, sum, squares)
        var best: SplitSuggestion?
        eachThreshold(cell) { threshold, left, leftSum, leftSquares in
            guard left >= Self.leastWeight, weight - left >= Self.leastWeight else { return }
            let merit =
                (before - dispersion(left, leftSum, leftSquares)
                    - dispersion(weight - left, sum - leftSum, squares - leftSquares)) / weight
            if merit > best?.merit ?? 0 {
                best = SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.numeric, attribute: attribute, threshold: threshold, branches: 2)
            }
        }
        return best
    }

    /// - Parameter second: rises to the second best value's merit where each value competes as if it were an attribute of
    ///   its own (MOA's boosted trees see categories so): in binary trees that are to make the variance small.
    private func nominal(
        _ block: UnsafePointer<Double>, _ attribute: Int, _ second: inout Double
    ) -> SplitSuggestion? {
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
            parts += dispersion(sums[0], sums[1], sums[2])
            if sums[0] >= Self.leastWeight { populated += 1 }
        }
        guard weight > 0 else { return nil }
        let before = dispersion(weight, sum, squares)
        var best: SplitSuggestion?
        if !settings.binaryOnly, populated > 1, before > parts {
            best = SplitSuggestion(
                merit: (before - parts) / weight, kind: TreeNode.Kind.multiway, attribute: attribute, threshold: 0,
                branches: values)
        }
        let competes = settings.binaryOnly && settings.criterion == .variance && values > 2
        for value in 0..<values {
            let sums = head + 6 + 3 * value
            guard sums[0] >= Self.leastWeight, weight - sums[0] >= Self.leastWeight else { continue }
            let merit =
                (before - dispersion(sums[0], sums[1], sums[2])
                    - dispersion(weight - sums[0], sum - sums[1], squares - sums[2])) / weight
            if competes { second = max(second, min(merit, best?.merit ?? 0)) }
            if merit > best?.merit ?? 0 {
                best = SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.equal, attribute: attribute, threshold: Double(value),
                    branches: 2)
            }
        }
        return best
    }

    /// What a branch gets: weight, sum and sum of squares.
    func sums(_ block: UnsafePointer<Double>, _ split: SplitSuggestion, _ branch: Int) -> (
        Double, Double, Double
    ) {
        let cell = block + store.layout.offset(of: split.attribute, in: block)
        switch split.kind {
        case TreeNode.Kind.numeric:
            var found = (0.0, 0.0, 0.0)
            eachThreshold(cell) { threshold, weight, sum, squares in
                if threshold == split.threshold { found = (weight, sum, squares) }
            }
            let all = total(cell)
            return branch == 0 ? found : (all.0 - found.0, all.1 - found.1, all.2 - found.2)
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

    /// Children begin with what their branch had (as much of it as the settings let them), and with their parent's linear model.
    func split(_ leaf: Int, _ best: SplitSuggestion) {
        guard store.hasRoom(budget, nodes: best.branches) else { return }
        let block = store.block(store.nodes[leaf].block)
        let parts = (0..<best.branches).map { sums(block, best, $0) }
        let model = Array(
            UnsafeBufferPointer(start: block + store.layout.extraOffset, count: store.layout.shape.extra))
        let errors = (block[Header.mean], block[Header.linear])
        store.beginSplit(leaf, kind: best.kind, attribute: best.attribute, threshold: best.threshold)
        var heavier = (child: -1, weight: -1.0)
        for (branch, part) in parts.enumerated() {
            let child = makeLeaf()
            let weights = store.weights(child)
            let share = part.0 > settings.inheritance ? settings.inheritance / part.0 : 1
            (weights[0], weights[1], weights[2]) = (share * part.0, share * part.1, share * part.2)
            if store.nodes[child].kind == TreeNode.Kind.active {
                let made = store.block(store.nodes[child].block)
                for (index, weight) in model.enumerated() { made[store.layout.extraOffset + index] = weight }
                (made[Header.mean], made[Header.linear]) = errors
                (made[Header.evaluated], made[Header.seen]) = (weights[0], weights[0])
            }
            if part.0 > heavier.weight { heavier = (child, part.0) }
            store.setChild(leaf, branch, child)
        }
        store.nodes[leaf].block = Int32(heavier.child)
        store.markNode(leaf)
        if store.inactiveCount > 0 { shareMemory(blockBytes: store.blockBytes, activates: true) }
    }
}
