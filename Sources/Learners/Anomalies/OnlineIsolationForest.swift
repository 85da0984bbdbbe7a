import Components
import Glibc
import Records
import State

/// Online isolation forest (Leveni, Cassales, Pfahringer, Bifet and Boracchi, Online Isolation Forest, ICML 2024): trees of
/// boxes that grow where records are dense and shrink where the window has left; few splits isolate what is unusual.
///
/// A leaf at depth k that has leaf · 2^k records is split at random inside of its box, its children estimated from records
/// drawn uniformly in it; a node that the window left with fewer becomes a leaf again. Depth is at most log2(window / leaf).
/// A record's depth in a tree is that of its leaf plus log2(n / leaf), n the leaf's records; the score is 2^(-E / c) with E
/// the mean depth and c = log2(records in the window / leaf). Missing numbers count as their mean.
public final class OnlineIsolationForest: Learner {
    private let attributes: Int
    private let leaf: Double
    private let window: Int
    private let trees: Int
    private let depth: Int
    private let nodes: Int
    /// Of each node, a tree after the other, a node's children at 2 i + 1 and 2 i + 2: records, the attribute it splits by
    /// (-1: it is a leaf), the threshold, and then the ends of its box for each attribute.
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
    private var filled: [Double]

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        attributes = context.attributes.count
        leaf = Double(fields.integer("leaf"))
        window = fields.integer("window")
        trees = fields.integer("trees")
        depth = max(1, Int(log2(Double(window) / leaf)))
        nodes = (1 << (depth + 1)) - 1
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
        for node in 0..<trees * nodes { boxes.base[node * lanes + 1] = -1 }
    }

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
                values[index].isNaN ? means.base[2 * index + 1] : max(-1e100, min(1e100, values[index]))
        }
    }

    // MARK: Scores

    private func score() -> Double {
        let records = Double(count)
        guard records > leaf else { return 0 }
        var sum = 0.0
        for tree in 0..<trees { sum += depth(tree) }
        return exp2(-sum / Double(trees) / log2(records / leaf))
    }

    private func depth(_ tree: Int) -> Double {
        let first = boxes.base + tree * nodes * lanes
        var (node, level) = (0, 0.0)
        while true {
            let box = first + node * lanes
            guard let next = child(of: node, box) else {
                return level + (box[0] > leaf ? log2(box[0] / leaf) : 0)
            }
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
        if count == window {
            let start = records.base + oldest * attributes
            for index in 0..<attributes { filled[index] = start[index] }
            for tree in 0..<trees { leave(tree) }
        } else {
            progress[0] += 1
        }
        for index in 0..<attributes where !values[index].isNaN {
            let value = max(-1e100, min(1e100, values[index]))
            means.base[2 * index] += 1
            means.base[2 * index + 1] += (value - means.base[2 * index + 1]) / means.base[2 * index]
        }
        fill(values)
        for index in 0..<attributes { records[oldest * attributes + index] = filled[index] }
        progress[1] = Int64((oldest + 1) % window)
        for tree in 0..<trees { enter(tree) }
    }

    private func mark(_ tree: Int, _ node: Int) {
        boxes.markChanged((tree * nodes + node) * lanes, lanes)
    }

    private func enter(_ tree: Int) {
        let first = boxes.base + tree * nodes * lanes
        var (node, level) = (0, 0)
        while true {
            let box = first + node * lanes
            stretch(box)
            box[0] += 1
            mark(tree, node)
            if let next = child(of: node, box) {
                node = next
                level += 1
            } else {
                if box[0] >= leaf * Double(1 << level), level < depth { split(tree, node, box) }
                return
            }
        }
    }

    /// A box takes the record in.
    private func stretch(_ box: UnsafeMutablePointer<Double>) {
        let ends = box + 3
        for index in 0..<attributes {
            let value = filled[index]
            if box[0] <= 0 {
                ends[2 * index] = value
                ends[2 * index + 1] = value
            } else if value < ends[2 * index] {
                ends[2 * index] = value
            } else if value > ends[2 * index + 1] {
                ends[2 * index + 1] = value
            }
        }
    }

    /// Splits a leaf at random; its children hold what records drawn uniformly in its box say.
    private func split(_ tree: Int, _ node: Int, _ box: UnsafeMutablePointer<Double>) {
        let attribute = min(Int(generator.nextUniform() * Double(attributes)), attributes - 1)
        let (low, high) = (box[3 + 2 * attribute], box[4 + 2 * attribute])
        let at = low + generator.nextUniform() * (high - low)
        // One value only: the leaf tries again with its next record.
        guard at > low, at < high else { return }
        box[1] = Double(attribute)
        box[2] = at
        let kept = filled
        for child in [2 * node + 1, 2 * node + 2] {
            let start = boxes.base + (tree * nodes + child) * lanes
            start[0] = 0
            start[1] = -1
            mark(tree, child)
        }
        for _ in 0..<Int(box[0]) {
            for index in 0..<attributes {
                let (low, high) = (box[3 + 2 * index], box[4 + 2 * index])
                filled[index] = low + generator.nextUniform() * (high - low)
            }
            let side = filled[attribute] < at ? 2 * node + 1 : 2 * node + 2
            let start = boxes.base + (tree * nodes + side) * lanes
            stretch(start)
            start[0] += 1
        }
        filled = kept
    }

    /// Takes the record, which leaves the window, out again.
    private func leave(_ tree: Int) {
        let first = boxes.base + tree * nodes * lanes
        var (node, level) = (0, 0)
        while true {
            let box = first + node * lanes
            box[0] = max(0, box[0] - 1)
            mark(tree, node)
            guard let next = child(of: node, box) else { return }
            if box[0] < leaf * Double(1 << level) {
                box[1] = -1
                return join(first, node, box)
            }
            node = next
            level += 1
        }
    }

    /// A node that becomes a leaf again has the box of its children.
    private func join(_ first: UnsafeMutablePointer<Double>, _ node: Int, _ box: UnsafeMutablePointer<Double>) {
        let children = [first + (2 * node + 1) * lanes, first + (2 * node + 2) * lanes].filter { $0[0] > 0 }
        guard let one = children.first, let other = children.last else { return }
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
                HyperparameterField("window", .integer(16...10_000_000), default: "2048", "latest records"),
                AnomalyThreshold.field,
            ]),
        tasks: [.anomaly], input: .attributes(isScaled: false)
    ) { fields, context throws(SettingError) in try OnlineIsolationForest(fields, context) }
}
