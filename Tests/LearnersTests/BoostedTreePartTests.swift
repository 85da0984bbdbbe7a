import State
import Testing

@testable import Learners

/// What gradient boosted trees are made of, against slow twins.
struct BoostedTreePartTests {
    /// Thresholds of `TargetOrder` with weight and sum to their left.
    private func thresholds(_ cell: [Double]) -> [[Double]] {
        var found: [[Double]] = []
        cell.withUnsafeBufferPointer { cell in
            guard let cell = cell.baseAddress else { return }
            TargetOrder.eachThreshold(cell) { found.append([$0, $1, $2]) }
        }
        return found
    }

    private func learn(_ cell: inout [Double], _ value: Double, _ target: Double, _ weight: Double) {
        cell.withUnsafeMutableBufferPointer { cell in
            guard let cell = cell.baseAddress else { return }
            TargetOrder.learn(cell, value, target, weight)
        }
    }

    /// Up to `most` different values are known exactly, in whatever order they come.
    @Test(arguments: [1, 2, 3]) func fewValuesAreExact(seed: UInt64) {
        let random = RandomGenerator(seed: seed)
        var cell = Array(repeating: 0.0, count: TargetOrder.size)
        var records: [(value: Double, target: Double, weight: Double)] = []
        for _ in 0..<500 {
            // Sums of eighths are exact.
            let record = (
                value: Double(random.next() % UInt64(TargetOrder.most)) - 7,
                target: Double(random.next() % 64) / 8 - 4, weight: Double(1 + random.next() % 3)
            )
            records.append(record)
            learn(&cell, record.value, record.target, record.weight)
            guard records.count % 50 == 0 else { continue }
            let expected = Set(records.map(\.value)).sorted().dropLast().map { threshold in
                let left = records.filter { $0.value <= threshold }
                return [
                    threshold, left.map(\.weight).reduce(0, +), left.map { $0.weight * $0.target }.reduce(0, +),
                ]
            }
            #expect(thresholds(cell) == expected, "seed \(seed)")
        }
    }

    /// Beyond, thresholds are values that were seen, what lies up to them is still exact, and neighbours of a quantile remain.
    @Test(arguments: [1, 2, 3]) func manyValuesAreSummedUp(seed: UInt64) {
        let random = RandomGenerator(seed: seed)
        var cell = Array(repeating: 0.0, count: TargetOrder.size)
        var values: [Double] = []
        for _ in 0..<2000 {
            let value = random.nextUniform()
            values.append(value)
            learn(&cell, value, 1, 1)
        }
        let found = thresholds(cell)
        #expect(found.count == TargetOrder.most - 1)
        var before = 0.0
        for threshold in found {
            #expect(values.contains(threshold[0]))
            #expect(threshold[1] == threshold[2])
            // A later value between two that were joined is counted with the greater one: exact up to the joined ones.
            #expect(threshold[1] <= Double(values.count { $0 <= threshold[0] }) + 1e-9, "seed \(seed)")
            #expect(threshold[1] - before < 400, "seed \(seed)")
            before = threshold[1]
        }
    }

    /// Members look at so many attributes, and each is left out as often as any other, give or take one deck.
    @Test(arguments: [(3, 2), (8, 6), (10, 8), (24, 18), (5, 5), (1, 1)]) func leftOutEqually(count: Int, size: Int) {
        var deck = SubspaceDeck(count: count, seed: 5)
        var isOut = Array(repeating: 0, count: count)
        for _ in 0..<100 {
            let subspace = deck.next(size)
            #expect(subspace.count == size && Set(subspace).count == size && subspace == subspace.sorted())
            for attribute in 0..<count where !subspace.contains(attribute) { isOut[attribute] += 1 }
        }
        #expect((isOut.max() ?? 0) - (isOut.min() ?? 0) <= 2, "\(isOut)")
    }

    // MARK: Change

    private func tree(threshold: Double) -> (tree: RegressionTree, adaptive: AdaptiveRegressionTree) {
        var settings = RegressionTree.Settings()
        settings.leaf = .mean
        settings.criterion = .variance
        settings.gracePeriod = 25
        settings.confidence = 0.05
        let tree = RegressionTree(settings, rooms: [0, 0])
        return (tree, AdaptiveRegressionTree(tree, threshold: threshold))
    }

    /// Mean squared error over the last `count` of 6000 records whose target turns round in the middle.
    private func errorAfterChange(threshold: Double, seed: UInt64) -> (error: Double, leaves: Int) {
        let (tree, adaptive) = tree(threshold: threshold)
        let random = RandomGenerator(seed: seed)
        var root = -1
        var sum = 0.0
        for index in 0..<6000 {
            let row = [random.nextUniform(), random.nextUniform()]
            let target = (row[0] > 0.5) == (index < 3000) ? 1.0 : -1.0
            row.withUnsafeBufferPointer { row in
                guard let row = row.baseAddress else { return }
                let prediction = root < 0 ? 0 : tree.predict(row, from: root)
                if index >= 5000 { sum += (target - prediction) * (target - prediction) }
                let leaf = adaptive.learn(row, target, 1, predicted: prediction, from: root)
                if root < 0 { root = leaf }
            }
        }
        return (sum / 1000, tree.store.allLeaves().count)
    }

    /// Where a target turns round, an alternative takes a split's place; without the test, means of old targets stay.
    @Test(arguments: [1, 2, 3]) func alternativesTakeOver(seed: UInt64) {
        let (with, without) = (
            errorAfterChange(threshold: 50, seed: seed), errorAfterChange(threshold: 1e9, seed: seed)
        )
        #expect(with.error < 0.5 * without.error, "seed \(seed): \(with) \(without)")
    }

    private func nodesInUse(_ adaptive: AdaptiveRegressionTree, from top: Int) -> Int {
        var (count, open) = (0, [top])
        while let node = open.popLast() {
            count += 1
            open += adaptive.tree.store.children(of: node)
            if adaptive.alternate(of: node) >= 0 { open.append(adaptive.alternate(of: node)) }
        }
        return count
    }

    /// What is dropped is freed: each node is in use, or in the list of free ones.
    @Test(arguments: [1, 2, 3]) func nothingLeaks(seed: UInt64) {
        let (tree, adaptive) = tree(threshold: 0.5)
        let random = RandomGenerator(seed: seed)
        var root = -1
        for index in 0..<8000 {
            let row = [random.nextUniform(), random.nextUniform()]
            let target = (row[0] > 0.5) == (index / 500 % 2 == 0) ? row[1] : -row[1]
            row.withUnsafeBufferPointer { row in
                guard let row = row.baseAddress else { return }
                let prediction = root < 0 ? 0 : tree.predict(row, from: root)
                let leaf = adaptive.learn(row, target, 1, predicted: prediction, from: root)
                if root < 0 { root = leaf }
            }
            if index % 1000 == 999 {
                #expect(nodesInUse(adaptive, from: root) == tree.store.nodeCount, "seed \(seed) record \(index)")
            }
        }
    }
}
