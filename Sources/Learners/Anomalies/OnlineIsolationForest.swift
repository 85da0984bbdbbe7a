import Components
import Glibc
import Records
import State

/// Online isolation forest (Leveni, Cassales, Pfahringer, Bifet and Boracchi, Online Isolation Forest, ICML 2024): trees of
/// boxes that grow where records are dense and shrink where the window has left; few splits isolate what is unusual.
///
/// A leaf at depth k that has leaf · 2^k records becomes a tree of records drawn uniformly in its box, as long as k is below
/// c(records in the window); a node that the window left with fewer becomes a leaf again. A record's depth in a tree is
/// that of its leaf plus c(the leaf's records); the score is 2^(-E / c(records in the window)) with E the mean depth and
/// c(n) = log(n / leaf) / log(base), at least 0: how deep n records go. The authors' program has the base 4: twice the
/// branches of a split. Missing numbers count as their mean.
public final class OnlineIsolationForest: Learner {
    private let attributes: Int
    private let leaf: Double
    /// log2(base): by how many bits records become fewer from level to level.
    private let step: Double
    private let window: Int
    private let trees: Int
    /// Nodes that a tree has room for.
    private let nodes: Int
    /// Of each node, a tree after the other, a node's children at 2 i + 1 and 2 i + 2: records, the attribute it splits by
    /// (-1: it is a leaf), the threshold, and then the ends of its box for each attribute. Records that leave are taken
    /// off where they would fall now, so a node whose children were estimated may come to have fewer than none.
    private let boxes: StateArray<Double>
    private let lanes: Int
    /// The latest records.
    private let records: StateArray<Double>
    /// Records in the window, place of the oldest.
    private let progress = StateArray<Int64>(count: 2)
    /// Of each attribute: count and mean.
    private let means: StateArray<Double>
    private let generator: RandomGenerator
    private let threshold: AnomalyThreshold
    @exclusivity(unchecked) private var filled: [Double]
    /// Records drawn for the leaf that is split, row after row.
    @exclusivity(unchecked) private var drawn: [Double] = []

    /// Size that no value passes.
    private static let limit = 1e100

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        attributes = context.attributes.count
        leaf = Double(fields.integer("leaf"))
        step = log2(fields.double("base"))
        window = fields.integer("window")
        trees = fields.integer("trees")
        // A record enters before the oldest one leaves.
        let depth = Int(Self.depth(Double(window + 1), leaf, step).rounded(.up))
        nodes = (1 << (min(depth, 20) + 1)) - 1
        lanes = 3 + 2 * attributes
        guard depth <= 20, trees * nodes * lanes <= 1 << 26, window * attributes <= 1 << 26 else {
            throw SettingError(
                "online-isolation-forest: too large; take a smaller window, fewer trees or larger leaves")
        }
        boxes = StateArray(count: trees * nodes * lanes, marksChanges: true)
        records = StateArray(count: window * attributes, marksChanges: true)
        means = StateArray(count: 2 * attributes)
        generator = RandomGenerator(seed: context.seed)
        threshold = AnomalyThreshold(fields)
        filled = Array(repeating: 0, count: attributes)
        for node in 0..<trees * nodes { clear(boxes.base + node * lanes) }
    }

    /// c(n): how deep so many records go.
    private static func depth(_ records: Double, _ leaf: Double, _ step: Double) -> Double {
        records > leaf ? log2(records / leaf) / step : 0
    }

    private func depth(_ records: Double) -> Double { Self.depth(records, leaf, step) }

    public var classCount: Int { 2 }

    public var state: [StateEntry] {
        [
            StateEntry("boxes", boxes), StateEntry("records", records), StateEntry("progress", progress),
            StateEntry("means", means),
        ] + generator.state + threshold.state
    }

    // Within bounds whatever a snapshot brings.
    private var count: Int { min(max(0, Int(progress.base[0])), window) }
    private var oldest: Int { min(max(0, Int(progress.base[1])), window - 1) }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            fill(features.attributes + row * attributes)
            threshold.write(score(), row, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            fill(features.attributes + row * attributes)
            let score = score()
            threshold.write(score, row, predictions)
            guard features.hasWeight(row) else { continue }
            threshold.learn(score)
            learn(learned + row * attributes)
        }
    }

    /// The record as trees see it.
    private func fill(_ values: UnsafePointer<Double>) {
        for index in 0..<attributes {
            filled[index] =
                values[index].isNaN ? means.base[2 * index + 1] : max(-Self.limit, min(Self.limit, values[index]))
        }
    }

    // MARK: Scores

    private func score() -> Double {
        let usual = depth(Double(count))
        guard usual > 0 else { return 0 }
        var sum = 0.0
        for tree in 0..<trees { sum += depth(in: tree) }
        return exp2(-sum / Double(trees) / usual)
    }

    private func depth(in tree: Int) -> Double {
        let first = boxes.base + tree * nodes * lanes
        var (node, level) = (0, 0.0)
        while true {
            let box = first + node * lanes
            guard let next = child(of: node, box) else { return level + depth(box[0]) }
            node = next
            level += 1
        }
    }

    /// The child of an inner node that the record falls into.
    @inline(__always)
    private func child(of node: Int, _ box: UnsafePointer<Double>) -> Int? {
        let attribute = Int(box[1])
        guard attribute >= 0, attribute < attributes, 2 * node + 2 < nodes else { return nil }
        return filled[attribute] < box[2] ? 2 * node + 1 : 2 * node + 2
    }

    // MARK: Learning

    private func learn(_ values: UnsafePointer<Double>) {
        for index in 0..<attributes where !values[index].isNaN {
            let value = max(-Self.limit, min(Self.limit, values[index]))
            means.base[2 * index] += 1
            means.base[2 * index + 1] += (value - means.base[2 * index + 1]) / means.base[2 * index]
        }
        fill(values)
        let isFull = count == window
        let deepest = depth(Double(count + 1))
        for tree in 0..<trees { enter(tree, deepest) }
        let place = records.base + oldest * attributes
        for index in 0..<attributes { swap(&filled[index], &place[index]) }
        records.markChanged(oldest * attributes, attributes)
        progress[1] = Int64((oldest + 1) % window)
        if isFull {
            for tree in 0..<trees { leave(tree) }
        } else {
            progress[0] += 1
        }
    }

    /// Records that a node at a depth must have to be split.
    private func least(_ level: Int) -> Double { leaf * Double(1 << level) }

    /// A leaf without records, whose box is empty: its low ends are above the high ones.
    private func clear(_ box: UnsafeMutablePointer<Double>) {
        (box[0], box[1], box[2]) = (0, -1, 0)
        for index in 0..<attributes { (box[3 + 2 * index], box[4 + 2 * index]) = (Self.limit, -Self.limit) }
    }

    private func enter(_ tree: Int, _ deepest: Double) {
        let first = boxes.base + tree * nodes * lanes
        var (node, level) = (0, 0)
        while true {
            let box = first + node * lanes
            filled.withUnsafeBufferPointer { if let record = $0.baseAddress { stretch(box, record) } }
            box[0] += 1
            boxes.markChanged((tree * nodes + node) * lanes, lanes)
            guard let next = child(of: node, box) else {
                if box[0] >= least(level), Double(level) < deepest { split(tree, node, level, deepest) }
                return
            }
            node = next
            level += 1
        }
    }

    /// A box takes a record in.
    @inline(__always)
    private func stretch(_ box: UnsafeMutablePointer<Double>, _ record: UnsafePointer<Double>) {
        let ends = box + 3
        for index in 0..<attributes {
            ends[2 * index] = min(ends[2 * index], record[index])
            ends[2 * index + 1] = max(ends[2 * index + 1], record[index])
        }
    }

    /// A leaf becomes the tree of as many records, drawn uniformly in its box.
    private func split(_ tree: Int, _ node: Int, _ level: Int, _ deepest: Double) {
        let box = boxes.base + (tree * nodes + node) * lanes
        let count = Int(min(box[0], Double(window + 1)))
        if drawn.count < count * attributes { drawn = Array(repeating: 0, count: count * attributes) }
        for row in 0..<count {
            for index in 0..<attributes {
                let (low, high) = (box[3 + 2 * index], box[4 + 2 * index])
                drawn[row * attributes + index] = low + generator.nextUniform() * (high - low)
            }
        }
        drawn.withUnsafeMutableBufferPointer {
            if let rows = $0.baseAddress { build(tree, node, level, deepest, rows, count) }
        }
    }

    /// Makes a node, and what is below it, of records, which it puts in another order.
    private func build(
        _ tree: Int, _ node: Int, _ level: Int, _ deepest: Double, _ rows: UnsafeMutablePointer<Double>, _ count: Int
    ) {
        let box = boxes.base + (tree * nodes + node) * lanes
        boxes.markChanged((tree * nodes + node) * lanes, lanes)
        clear(box)
        box[0] = Double(count)
        for row in 0..<count { stretch(box, rows + row * attributes) }
        guard Double(count) >= least(level), Double(level) < deepest, 2 * node + 2 < nodes, attributes > 0 else {
            return
        }
        let attribute = min(Int(generator.nextUniform() * Double(attributes)), attributes - 1)
        let (low, high) = (box[3 + 2 * attribute], box[4 + 2 * attribute])
        box[1] = Double(attribute)
        box[2] = low + generator.nextUniform() * (high - low)
        var left = 0
        for row in 0..<count where rows[row * attributes + attribute] < box[2] {
            for index in 0..<attributes where left < row {
                let kept = rows[left * attributes + index]
                rows[left * attributes + index] = rows[row * attributes + index]
                rows[row * attributes + index] = kept
            }
            left += 1
        }
        build(tree, 2 * node + 1, level + 1, deepest, rows, left)
        build(tree, 2 * node + 2, level + 1, deepest, rows + left * attributes, count - left)
    }

    /// Takes the record, which leaves the window, out again.
    private func leave(_ tree: Int) {
        let first = boxes.base + tree * nodes * lanes
        var (node, level) = (0, 0)
        while true {
            let box = first + node * lanes
            box[0] -= 1
            boxes.markChanged((tree * nodes + node) * lanes, lanes)
            guard let next = child(of: node, box) else { break }
            if box[0] < least(level) {
                join(tree, node)
                break
            }
            node = next
            level += 1
        }
        // Boxes of inner nodes are those of their leaves.
        while node > 0 {
            node = (node - 1) / 2
            embrace(tree, node)
        }
    }

    /// A node becomes a leaf again.
    private func join(_ tree: Int, _ node: Int) {
        let box = boxes.base + (tree * nodes + node) * lanes
        guard box[1] >= 0, 2 * node + 2 < nodes else { return }
        join(tree, 2 * node + 1)
        join(tree, 2 * node + 2)
        embrace(tree, node)
        box[1] = -1
    }

    /// An inner node takes the box of its children.
    private func embrace(_ tree: Int, _ node: Int) {
        let box = boxes.base + (tree * nodes + node) * lanes
        let (one, other) = (box + (node + 1) * lanes, box + (node + 2) * lanes)
        for index in 0..<attributes {
            box[3 + 2 * index] = min(one[3 + 2 * index], other[3 + 2 * index])
            box[4 + 2 * index] = max(one[4 + 2 * index], other[4 + 2 * index])
        }
    }
}

extension OnlineIsolationForest {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "online-isolation-forest",
            "trees of boxes that follow a window: what few splits isolate is unusual; nothing has to be scaled",
            fields: [
                HyperparameterField("trees", .integer(1...1000), default: "32", "trees"),
                HyperparameterField(
                    "leaf", .integer(1...1_000_000), default: "32", "records of a leaf before it splits"),
                HyperparameterField(
                    "base", .number(1.5...16), default: "4",
                    "trees are log(window / leaf) / log(base) deep, so a smaller one makes deeper trees"),
                HyperparameterField("window", .integer(16...10_000_000), default: "2048", "latest records"),
                AnomalyThreshold.field,
            ]),
        tasks: [.anomaly], input: .attributes(isScaled: false)
    ) { fields, context throws(SettingError) in try OnlineIsolationForest(fields, context) }
}
