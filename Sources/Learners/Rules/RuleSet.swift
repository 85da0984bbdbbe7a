import Glibc
import State

/// Adaptive model rules (Almeida, Ferreira and Gama, Adaptive Model Rules from Data Streams, ECML PKDD 2013): rules whose
/// conditions grow as they are sure of them, with a mean or a linear model as their answer.
///
/// Records that no rule covers go to the default rule; its first condition makes it a rule, and another one begins. A rule
/// whose errors rise goes (Page-Hinkley). A record that is unlike those of its rule does not teach it.
///
/// A rule's statistics and models are a leaf of a `RegressionTree` beside its (empty) tree, so that they have one place,
/// one layout and one limit.
final class RuleSet: Stateful {
    struct Settings {
        var leaves = RegressionTree.Settings()
        var mostRules = 100
        /// The first rule that covers a record learns and answers; else all that do, and their answers' mean counts.
        var isOrdered = true
        /// Log-odds below which a record is an anomaly.
        var anomaly = -0.75
        /// Weight that a rule must have before it sees anomalies.
        var leastWeight = 30.0
        /// Page-Hinkley, over errors in deviations of the targets.
        var tolerance = 0.005
        var threshold = 35.0
    }

    /// Places in a rule's numbers; then, by attribute, the moments of its values and the interval it must lie in.
    private enum Number {
        /// Of Page-Hinkley: errors, their mean, the sum of excesses, the least such sum.
        static let errors = 0
        static let mean = 1
        static let excess = 2
        static let least = 3
        static let attributes = 4
    }

    /// Places in an attribute's numbers: weight, mean, squared deviations; more than `low`, at most `high`; or the code
    /// `low`, and `high` the same. `isBound` 0: any value.
    private enum Attribute {
        static let moments = 0
        static let isBound = 3
        static let low = 4
        static let high = 5
        static let count = 6
    }

    private enum Register {
        static let rules = 0
        static let drifts = 1
        static let anomalies = 2
        static let count = 3
    }

    private let settings: Settings
    private let leaves: RegressionTree
    private let attributes: Int
    private let size: Int
    private let registers = StateArray<Int64>(count: Register.count)
    /// The rules' leaves in the order of the rules; at first the default rule's.
    private let order: StateArray<Int32>
    /// By leaf.
    private let numbers: StateArray<Double>
    private var store: TreeStore { leaves.store }

    init(_ settings: Settings, rooms: [Int64]) {
        self.settings = settings
        leaves = RegressionTree(settings.leaves, rooms: rooms)
        attributes = rooms.count
        size = Number.attributes + Attribute.count * rooms.count
        leaves.extraNodeBytes = size * 8
        order = StateArray(count: settings.mostRules + 1)
        numbers = StateArray(count: 0, marksChanges: true, grows: true)
    }

    var state: [StateEntry] {
        leaves.state + [
            StateEntry("rule-registers", registers), StateEntry("order", order), StateEntry("rules", numbers),
        ]
    }

    func stateDidChange() { leaves.stateDidChange() }

    /// Rules beside the default one.
    private var count: Int { max(0, Int(registers.base[Register.rules]) - 1) }
    private func leaf(_ rule: Int) -> Int { Int(order.base[rule + 1]) }

    private func numbers(of leaf: Int) -> UnsafeMutablePointer<Double> { numbers.base + leaf * size }

    private func mark(_ leaf: Int) { numbers.markChanged(leaf * size, size) }

    private func makeLeaf() -> Int {
        let leaf = store.makeLeaf(isActive: true)
        if store.nodeRoom * size > numbers.count { numbers.extend(to: store.nodeRoom * size) }
        numbers(of: leaf).update(repeating: 0, count: size)
        mark(leaf)
        return leaf
    }

    // MARK: Predictions

    func predict(_ row: UnsafePointer<Double>) -> Double {
        var (sum, hits) = (0.0, 0.0)
        for rule in 0..<count where covers(leaf(rule), row) {
            sum += leaves.predict(row, at: leaf(rule))
            hits += 1
            if settings.isOrdered { break }
        }
        guard hits == 0 else { return sum / hits }
        return leaves.predict(row, at: registers.base[Register.rules] > 0 ? Int(order.base[0]) : -1)
    }

    private func covers(_ leaf: Int, _ row: UnsafePointer<Double>) -> Bool {
        let own = numbers(of: leaf) + Number.attributes
        for index in 0..<attributes {
            let literal = own + Attribute.count * index
            guard literal[Attribute.isBound] != 0 else { continue }
            let value = row[index]
            if leaves.isNominal[index] {
                guard value == literal[Attribute.low] else { return false }
            } else {
                guard value > literal[Attribute.low], value <= literal[Attribute.high] else { return false }
            }
        }
        return true
    }

    // MARK: Learning

    func learn(_ row: UnsafePointer<Double>, _ target: Double, _ weight: Double) {
        if registers.base[Register.rules] == 0 {
            registers[Register.rules] = 1
            order[0] = Int32(makeLeaf())
        }
        var isCovered = false
        var rule = 0
        while rule < count {
            let leaf = leaf(rule)
            guard covers(leaf, row) else {
                rule += 1
                continue
            }
            if store.weights(leaf)[0] > settings.leastWeight, isAnomaly(leaf, row) {
                registers[Register.anomalies] += 1
                rule += 1
                continue
            }
            if hasDrifted(leaf, row, target) {
                remove(rule)
                continue
            }
            isCovered = true
            learn(leaf, row, target, weight)
            if settings.isOrdered { break }
            rule += 1
        }
        if !isCovered { learnDefault(row, target, weight) }
    }

    private func learn(_ leaf: Int, _ row: UnsafePointer<Double>, _ target: Double, _ weight: Double) {
        let isDue = leaves.observe(leaf, row, target, weight)
        noteValues(leaf, row, weight)
        guard isDue, let split = leaves.sureSplit(leaf) else { return }
        let (branch, sums) = better(leaf, split)
        bind(leaf, split, branch)
        leaves.restart(leaf, sums: sums)
    }

    private func learnDefault(_ row: UnsafePointer<Double>, _ target: Double, _ weight: Double) {
        let leaf = Int(order.base[0])
        let isDue = leaves.observe(leaf, row, target, weight)
        noteValues(leaf, row, weight)
        guard isDue, count < settings.mostRules, store.hasRoom(leaves.budget, nodes: 1, blocks: 1),
            let split = leaves.sureSplit(leaf)
        else { return }
        let (branch, sums) = better(leaf, split)
        let made = makeLeaf()
        leaves.copyModel(from: leaf, to: made)
        // The default rule goes on with what the other branch had.
        let all = store.weights(leaf)
        let rest = (all[0] - sums.0, all[1] - sums.1, all[2] - sums.2)
        leaves.restart(leaf, sums: (max(rest.0, 0), rest.0 > 0 ? rest.1 : 0, rest.0 > 0 ? max(rest.2, 0) : 0))
        numbers(of: made).update(from: numbers(of: leaf), count: size)
        mark(made)
        bind(made, split, branch)
        leaves.restart(made, sums: sums)
        numbers(of: leaf).update(repeating: 0, count: size)
        mark(leaf)
        registers[Register.rules] += 1
        order[count] = Int32(made)
    }

    /// The branch where the target spreads less, and what it had; of a category that of its value.
    private func better(_ leaf: Int, _ split: SplitSuggestion) -> (Int, (Double, Double, Double)) {
        let block = store.block(store.nodes[leaf].block)
        let parts = (0..<2).map { leaves.sums(block, split, $0) }
        guard split.kind == TreeNode.Kind.numeric else { return (0, parts[0]) }
        func variance(_ part: (Double, Double, Double)) -> Double {
            part.0 > 0 ? RegressionTree.spread(part.0, part.1, part.2) / part.0 : .infinity
        }
        return variance(parts[0]) <= variance(parts[1]) ? (0, parts[0]) : (1, parts[1])
    }

    /// Adds a condition to a rule.
    private func bind(_ leaf: Int, _ split: SplitSuggestion, _ branch: Int) {
        let literal = numbers(of: leaf) + Number.attributes + Attribute.count * split.attribute
        if literal[Attribute.isBound] == 0 {
            (literal[Attribute.low], literal[Attribute.high]) = (-.greatestFiniteMagnitude, .greatestFiniteMagnitude)
            literal[Attribute.isBound] = 1
        }
        if split.kind != TreeNode.Kind.numeric {
            (literal[Attribute.low], literal[Attribute.high]) = (split.threshold, split.threshold)
        } else if branch == 0 {
            literal[Attribute.high] = min(literal[Attribute.high], split.threshold)
        } else {
            literal[Attribute.low] = max(literal[Attribute.low], split.threshold)
        }
        let own = numbers(of: leaf)
        for index in 0..<Number.attributes { own[index] = 0 }
        for index in 0..<attributes {
            (own + Number.attributes + Attribute.count * index).update(repeating: 0, count: Attribute.isBound)
        }
        mark(leaf)
    }

    private func remove(_ rule: Int) {
        let leaf = leaf(rule)
        store.free(leaf)
        let last = count
        for place in stride(from: rule + 1, to: last, by: 1) { order[place] = order[place + 1] }
        order[last] = 0
        registers[Register.rules] -= 1
        registers[Register.drifts] += 1
    }

    // MARK: Anomalies and drifts

    private func noteValues(_ leaf: Int, _ row: UnsafePointer<Double>, _ weight: Double) {
        let own = numbers(of: leaf) + Number.attributes
        for index in 0..<attributes where !leaves.isNominal[index] && !row[index].isNaN {
            let value = ObserverLayout.bounded(row[index])
            let moments = own + Attribute.count * index
            moments[0] += weight
            let distance = value - moments[1]
            moments[1] += weight * distance / moments[0]
            moments[2] += weight * distance * (value - moments[1])
        }
        mark(leaf)
    }

    /// Mean log-odds that a value lies as far from the rule's mean as it does, by Cantelli's inequality (section 3.3).
    private func isAnomaly(_ leaf: Int, _ row: UnsafePointer<Double>) -> Bool {
        let own = numbers(of: leaf) + Number.attributes
        var (score, hits) = (0.0, 0.0)
        for index in 0..<attributes where !leaves.isNominal[index] && !row[index].isNaN {
            let moments = own + Attribute.count * index
            guard moments[2] > 0 else { continue }
            let variance = moments[2] / moments[0]
            let distance = ObserverLayout.bounded(row[index]) - moments[1]
            let share = 2 * variance / (variance + distance * distance)
            guard share > 0, share < 1 else { continue }
            score += log(share) - log(1 - share)
            hits += 1
        }
        return hits > 0 && score / hits < settings.anomaly
    }

    /// Page-Hinkley over the rule's errors.
    private func hasDrifted(_ leaf: Int, _ row: UnsafePointer<Double>, _ target: Double) -> Bool {
        let deviation = leaves.deviation
        guard deviation > 0 else { return false }
        let error = min(10, abs(ObserverLayout.bounded(target) - leaves.predict(row, at: leaf)) / deviation)
        let own = numbers(of: leaf)
        own[Number.errors] += 1
        own[Number.mean] += (error - own[Number.mean]) / own[Number.errors]
        own[Number.excess] += error - own[Number.mean] - settings.tolerance
        own[Number.least] = min(own[Number.least], own[Number.excess])
        mark(leaf)
        return own[Number.excess] - own[Number.least] > settings.threshold
    }
}
