import Glibc
import State

/// One aggregated Mondrian tree (Mourtada, Gaïffas and Scornet, AMF: Aggregated Mondrian forests for online learning, JRSS B
/// 83, 2021, algorithms 1 to 4).
///
/// Each node knows the box of what it has seen. A record outside of a box may split it at a random time, the earlier the
/// farther outside it is; splits nest in time, so that the tree does not depend on when it stops. What a leaf predicts is
/// averaged over all prunings of the tree, weighted by exp(-step · loss so far), which takes one pass up the record's way.
///
/// Nodes lie in flat arrays; beyond the room of the tree there are no new ones, and those that are learn on.
final class MondrianTree: Stateful {
    struct Settings {
        var step = 1.0
        /// Of the Dirichlet prior of a node's classes.
        var dirichlet = 0.5
        var aggregates = true
        /// Nodes of one class split, too.
        var splitsPure = false
        var maximumBytes = 8 << 20
    }

    /// Places in a node's words.
    private enum Link {
        static let parent = 0
        /// -1 = a leaf.
        static let left = 1
        static let right = 2
        static let attribute = 3
        static let count = 4
    }

    /// Places in a node's numbers: when it came to be; of a split, where; the weight seen; minus step times its loss; the
    /// logarithm of its subtree's weight. Then, by attribute, the least and the greatest value.
    private enum Number {
        static let time = 0
        static let threshold = 1
        static let seen = 2
        static let loss = 3
        static let subtree = 4
        static let box = 5
    }

    /// What a record's weight, and its loss, count at most: sums of them stay finite.
    private static let mostLoss = 1e6
    private let settings: Settings
    private let attributes: Int
    private let size: Int
    private let registers = StateArray<Int64>(count: 3)
    private enum Register {
        static let nodes = 0
        static let root = 1
        /// Numbers of a node's outputs.
        static let outputs = 2
    }
    private let links: StateArray<Int32>
    private let numbers: StateArray<Double>
    /// By node: class weights; of a tree of numbers, the mean.
    private let values: StateArray<Double>
    private let generator: RandomGenerator
    private let isNumber: Bool
    /// What the loss of the record that is learned counts.
    @exclusivity(unchecked) private var scale = 1.0
    /// How far a record lies outside of a box, by attribute.
    private let outside: UnsafeMutablePointer<Double>

    /// - Parameter classes: nil = it predicts numbers.
    init(_ settings: Settings, classes: Int?, attributes: Int, seed: UInt64) {
        self.settings = settings
        self.attributes = attributes
        isNumber = classes == nil
        size = Number.box + 2 * attributes
        links = StateArray(count: 0, marksChanges: true, grows: true)
        numbers = StateArray(count: 0, marksChanges: true, grows: true)
        values = StateArray(count: 0, marksChanges: true, grows: true)
        generator = RandomGenerator(seed: seed)
        outside = .allocate(capacity: max(attributes, 1))
        registers[Register.root] = -1
        registers[Register.outputs] = Int64(classes ?? 1)
    }

    deinit { outside.deallocate() }

    var state: [StateEntry] {
        generator.state + [
            StateEntry("registers", registers), StateEntry("links", links), StateEntry("numbers", numbers),
            StateEntry("values", values),
        ]
    }

    var outputs: Int { Int(registers.base[Register.outputs]) }
    private var nodes: Int { Int(registers.base[Register.nodes]) }
    private var root: Int { Int(registers.base[Register.root]) }

    func grow(toClasses count: Int) {
        let old = outputs
        guard count > old else { return }
        let kept = values.elements
        let room = links.count / Link.count
        values.resize(to: 0)
        values.resize(to: room * count)
        for node in 0..<nodes {
            for index in 0..<old { values.base[node * count + index] = kept[node * old + index] }
        }
        registers[Register.outputs] = Int64(count)
    }

    @inline(__always) private func link(_ node: Int, _ place: Int) -> Int {
        Int(links.base[node &* Link.count &+ place])
    }
    @inline(__always) private func number(_ node: Int) -> UnsafeMutablePointer<Double> { numbers.base + node &* size }
    @inline(__always) private func value(_ node: Int) -> UnsafeMutablePointer<Double> { values.base + node &* outputs }
    @inline(__always) private func isLeaf(_ node: Int) -> Bool { link(node, Link.left) < 0 }

    /// Notes that a node's numbers and values are about to change.
    private func mark(_ node: Int) {
        numbers.markChanged(node * size, size)
        values.markChanged(node * outputs, outputs)
    }

    private var nodeBytes: Int { 4 * Link.count + 8 * (size + outputs) }

    private func makeNode(parent: Int, time: Double) -> Int {
        let node = nodes
        registers[Register.nodes] += 1
        if node * Link.count >= links.count {
            let room = max(8, links.count / Link.count * 2)
            links.extend(to: room * Link.count)
            numbers.extend(to: room * size)
            values.extend(to: room * outputs)
        }
        setLinks(node, parent: parent, left: -1, right: -1, attribute: -1)
        number(node).update(repeating: 0, count: size)
        value(node).update(repeating: 0, count: outputs)
        number(node)[Number.time] = time
        mark(node)
        return node
    }

    private func setLinks(_ node: Int, parent: Int, left: Int, right: Int, attribute: Int) {
        let base = node * Link.count
        links[base + Link.parent] = Int32(parent)
        links[base + Link.left] = Int32(left)
        links[base + Link.right] = Int32(right)
        links[base + Link.attribute] = Int32(attribute)
    }

    // MARK: Predictions

    private func child(_ node: Int, _ row: UnsafePointer<Double>) -> Int {
        let (left, right) = (link(node, Link.left), link(node, Link.right))
        let value = row[link(node, Link.attribute)]
        if value.isNaN { return number(left)[Number.seen] >= number(right)[Number.seen] ? left : right }
        return value <= number(node)[Number.threshold] ? left : right
    }

    /// Adds the tree's class probabilities, or its number, to `sums`.
    ///
    /// - Parameter scratch: room for as many.
    func predict(
        _ row: UnsafePointer<Double>, into sums: UnsafeMutablePointer<Double>, _ scratch: UnsafeMutablePointer<Double>
    ) {
        guard root >= 0 else { return }
        var node = root
        while !isLeaf(node) { node = child(node, row) }
        answer(node, scratch)
        while settings.aggregates {
            node = link(node, Link.parent)
            guard node >= 0 else { break }
            let own = number(node)
            let part = 0.5 * exp(min(own[Number.loss] - own[Number.subtree], 0.6931471805599453))
            let values = value(node)
            let share = share(node)
            for index in 0..<outputs {
                let given = isNumber ? values[0] : (values[index] + settings.dirichlet) * share
                scratch[index] = part * given + (1 - part) * scratch[index]
            }
        }
        for index in 0..<outputs { sums[index] += scratch[index] }
    }

    private func share(_ node: Int) -> Double {
        1 / (number(node)[Number.seen] + settings.dirichlet * Double(outputs))
    }

    private func answer(_ node: Int, _ answers: UnsafeMutablePointer<Double>) {
        let values = value(node)
        let share = share(node)
        for index in 0..<outputs {
            answers[index] = isNumber ? values[0] : (values[index] + settings.dirichlet) * share
        }
    }

    // MARK: Learning

    /// - Parameters:
    ///   - target: a class, or a number.
    ///   - step: what a loss counts, beside the step of the settings.
    func learn(_ row: UnsafePointer<Double>, _ target: Double, _ weight: Double, step: Double) {
        scale = settings.step * step
        guard root >= 0 else {
            registers[Register.root] = Int64(makeNode(parent: -1, time: 0))
            return add(root, row, target, weight, judges: false)
        }
        var node = root
        while true {
            let sum = measure(node, row)
            let time = splitTime(node, sum, target)
            if time > 0 {
                node = split(node, time, sum, row, target, weight)
                break
            }
            add(node, row, target, weight, judges: true)
            if isLeaf(node) { break }
            node = child(node, row)
        }
        if settings.aggregates { weigh(from: node) }
    }

    /// How far a record lies outside of a node's box, in all.
    private func measure(_ node: Int, _ row: UnsafePointer<Double>) -> Double {
        let box = number(node) + Number.box
        var sum = 0.0
        for index in 0..<attributes {
            let value = row[index]
            let distance = value.isNaN ? 0 : max(0, max(box[2 * index] - value, value - box[2 * index + 1]))
            outside[index] = distance
            sum += distance
        }
        return sum
    }

    /// When a record outside of a node's box splits it; 0 = it does not.
    private func splitTime(_ node: Int, _ sum: Double, _ target: Double) -> Double {
        guard sum > 0, (nodes + 2) * nodeBytes <= settings.maximumBytes else { return 0 }
        if !isNumber, !settings.splitsPure, value(node)[Int(target)] >= number(node)[Number.seen] { return 0 }
        let time = number(node)[Number.time] - log(1 - generator.nextUniform()) / sum
        guard time.isFinite else { return 0 }
        return isLeaf(node) || time < number(link(node, Link.left))[Number.time] ? time : 0
    }

    /// Splits a node where the record lies outside: what it was moves one step down, beside the record's new leaf.
    ///
    /// - Returns: the new leaf.
    private func split(
        _ node: Int, _ time: Double, _ sum: Double, _ row: UnsafePointer<Double>, _ target: Double, _ weight: Double
    ) -> Int {
        var left = generator.nextUniform() * sum
        var attribute = -1
        for index in 0..<attributes where outside[index] > 0 {
            attribute = index
            left -= outside[index]
            if left < 0 { break }
        }
        let box = number(node) + Number.box + 2 * attribute
        let isAbove = row[attribute] > box[1]
        let uniform = generator.nextUniform()
        let threshold =
            isAbove
            ? box[1] + uniform * (row[attribute] - box[1]) : row[attribute] + uniform * (box[0] - row[attribute])
        let old = makeNode(parent: node, time: time)
        let made = makeNode(parent: node, time: time)
        moveDown(node, to: old)
        let (first, second) = isAbove ? (old, made) : (made, old)
        setLinks(node, parent: link(node, Link.parent), left: first, right: second, attribute: attribute)
        // A record at the threshold goes left: one above the box must not.
        number(node)[Number.threshold] = isAbove ? min(threshold, row[attribute].nextDown) : threshold
        add(node, row, target, weight, judges: true)
        add(made, row, target, weight, judges: false)
        return made
    }

    private func moveDown(_ node: Int, to old: Int) {
        let time = number(old)[Number.time]
        number(old).update(from: number(node), count: size)
        value(old).update(from: value(node), count: outputs)
        number(old)[Number.time] = time
        let (left, right) = (link(node, Link.left), link(node, Link.right))
        setLinks(old, parent: node, left: left, right: right, attribute: link(node, Link.attribute))
        guard left >= 0 else { return }
        links[left * Link.count + Link.parent] = Int32(old)
        links[right * Link.count + Link.parent] = Int32(old)
    }

    /// Adds a record to a node: its box, its values, and, where it judges, its loss.
    private func add(_ node: Int, _ row: UnsafePointer<Double>, _ target: Double, _ weight: Double, judges: Bool) {
        mark(node)
        let own = number(node)
        let box = own + Number.box
        if own[Number.seen] == 0 {
            for index in 0..<attributes {
                // A missing value counts as the mean of standardized ones.
                (box[2 * index], box[2 * index + 1]) =
                    row[index].isNaN ? (0, 0) : (row[index], row[index])
            }
        } else {
            for index in 0..<attributes where !row[index].isNaN {
                box[2 * index] = min(box[2 * index], row[index])
                box[2 * index + 1] = max(box[2 * index + 1], row[index])
            }
        }
        own[Number.seen] += weight
        let values = value(node)
        if isNumber {
            let distance = target - values[0]
            if judges {
                own[Number.loss] -= min(weight, Self.mostLoss) * min(scale * distance * distance / 2, Self.mostLoss)
            }
            values[0] += weight * distance / own[Number.seen]
        } else {
            if judges {
                own[Number.loss] +=
                    scale * min(weight, Self.mostLoss) * log((values[Int(target)] + settings.dirichlet) * share(node))
            }
            values[Int(target)] += weight
        }
    }

    /// The weights of the subtrees on the way up: log((e^a + e^b) / 2), a the node's own, b its children's.
    private func weigh(from leaf: Int) {
        number(leaf)[Number.subtree] = number(leaf)[Number.loss]
        var node = link(leaf, Link.parent)
        while node >= 0 {
            let own = number(node)
            let a = own[Number.loss]
            let b = number(link(node, Link.left))[Number.subtree] + number(link(node, Link.right))[Number.subtree]
            let top = max(a, b)
            own[Number.subtree] = top + log((exp(a - top) + exp(b - top)) / 2)
            node = link(node, Link.parent)
        }
    }
}
