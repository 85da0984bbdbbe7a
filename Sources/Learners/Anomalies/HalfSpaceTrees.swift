import Components
import Records
import State

/// Half-space trees: full binary trees that halve the space at random; how many records of the last window fell into a
/// node is its mass, and little mass in a small part of the space is unusual (Tan, Ting and Liu, Fast Anomaly Detection
/// for Streaming Data, IJCAI 2011, Algorithms 1 to 3).
///
/// Values are scaled by their running range. A window of `window` records fills the latest masses; then they become the
/// reference masses, by which records are scored. Score of a tree: r · 2^depth at the first node whose reference mass r is
/// at most a tenth of the window, or at the leaf (`terminal`, the paper's); or the sum of r · 2^depth on the way there
/// (`path`, River's); divided by its largest value and taken from 1. In the first window every score is 0.
///
/// The splits follow from the seed and are no state. A node's masses carry the number of their window, so that the end of
/// a window costs nothing.
public final class HalfSpaceTrees: Learner {
    private struct Split {
        var attribute: Int32
        var threshold: Float
    }

    private let attributes: Int
    private let trees: Int
    private let height: Int
    private let window: Int
    private let isPath: Bool
    /// Below or at this a walk that scores ends.
    private let leastMass: UInt32
    private let splits: [Split]
    private let nodes: Int
    /// A node's masses (the latest in the low half, the reference's in the high half), and the number of their window.
    private let masses: StateArray<UInt32>
    private let massPageShift: Int
    /// Records in the window that is filling, windows until then.
    private let progress = StateArray<Int64>(count: 2)
    private let ranges: AttributeRanges
    private let threshold: AnomalyThreshold
    private var scaled: [Float]

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        attributes = context.attributes.count
        trees = fields.integer("trees")
        height = fields.integer("height")
        window = fields.integer("window")
        isPath = fields["score"] == "path"
        nodes = (1 << (height + 1)) - 1
        guard trees * nodes <= 1 << 26 else {
            throw SettingError(
                "half-space-trees: \(trees) trees of height \(height) are too large; take fewer or lower")
        }
        leastMass = UInt32((0.1 * Double(window)).rounded(.up))
        masses = StateArray(count: trees * nodes, lanes: 2, marksChanges: true)
        massPageShift = masses.pageShift
        ranges = AttributeRanges(count: attributes)
        threshold = AnomalyThreshold(fields)
        scaled = Array(repeating: 0, count: attributes)
        splits = Self.grow(
            trees, height, attributes, padded: fields["splits"] == "padded", RandomGenerator(seed: context.seed))
    }

    public var classCount: Int { 2 }

    public var state: [StateEntry] {
        [StateEntry("masses", masses), StateEntry("progress", progress), StateEntry("ranges", ranges.ends)]
            + threshold.state
    }

    // MARK: Splits

    /// The splits of all inner nodes, a tree after the other, a node's children at 2 i + 1 and 2 i + 2.
    private static func grow(
        _ trees: Int, _ height: Int, _ attributes: Int, padded: Bool, _ generator: RandomGenerator
    ) -> [Split] {
        let inner = (1 << height) - 1
        var splits = [Split](repeating: Split(attribute: 0, threshold: 0), count: trees * inner)
        for tree in 0..<trees {
            // The space of a tree: around a random point so that it holds all of 0 to 1 (Algorithm 1); River: 0 to 1.
            let space = (0..<attributes).map { _ -> ClosedRange<Double> in
                guard !padded else { return 0...1 }
                let point = generator.nextUniform()
                let reach = 2 * max(point, 1 - point)
                return point - reach...point + reach
            }
            var spaces = [space]
            for node in 0..<inner {
                let here = spaces[node]
                let attribute =
                    padded
                    ? widest(here, generator) : min(Int(generator.nextUniform() * Double(attributes)), attributes - 1)
                let range = here[attribute]
                let width = range.upperBound - range.lowerBound
                // The middle; River: anywhere but in the outer 15 %.
                let share = padded ? 0.15 + 0.7 * generator.nextUniform() : 0.5
                let at = range.lowerBound + share * width
                splits[tree * inner + node] = Split(attribute: Int32(attribute), threshold: Float(at))
                var (left, right) = (here, here)
                left[attribute] = range.lowerBound...at
                right[attribute] = at...range.upperBound
                if 2 * node + 2 < inner { spaces += [left, right] }
                spaces[node] = []
            }
        }
        return splits
    }

    /// An attribute at random, in proportion to the width of its range.
    private static func widest(_ space: [ClosedRange<Double>], _ generator: RandomGenerator) -> Int {
        let widths = space.map { $0.upperBound - $0.lowerBound }
        var rest = generator.nextUniform() * widths.reduce(0, +)
        for (index, width) in widths.enumerated() {
            rest -= width
            if rest < 0 { return index }
        }
        return widths.count - 1
    }

    // MARK: Records

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            let values = features.attributes + row * features.attributeCount
            threshold.write(score(values, learning: false), row, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            let start = row * features.attributeCount
            guard features.hasWeight(row) else {
                threshold.write(score(features.attributes + start, learning: false), row, predictions)
                continue
            }
            learn(features.attributes + start, learned + start, row, predictions)
        }
    }

    private func learn(
        _ values: UnsafePointer<Double>, _ learned: UnsafePointer<Double>, _ row: Int, _ predictions: PredictionBatch
    ) {
        let hasOther = values != learned
        let isScored = progress.base[1] > 0
        // One walk does both where the record is scored and learned at the same place.
        var score: Double
        if hasOther || !isInside(learned) {
            score = self.score(values, learning: false)
            _ = ranges.learn(learned)
            _ = self.score(learned, learning: true)
        } else {
            score = self.score(values, learning: true)
        }
        if !isScored { score = 0 }
        threshold.write(score, row, predictions)
        if isScored { threshold.learn(score) }
        progress[0] += 1
        if Int(progress[0]) == window {
            progress[0] = 0
            progress[1] += 1
        }
    }

    /// Whether the ranges stay as they are with the record.
    private func isInside(_ values: UnsafePointer<Double>) -> Bool {
        let ends = ranges.ends.base
        for index in 0..<attributes where !values[index].isNaN {
            if values[index] < ends[2 * index] || values[index] > ends[2 * index + 1] { return false }
        }
        return true
    }

    /// Walks all trees; counts the record in each node on the way where it is learned.
    private func score(_ values: UnsafePointer<Double>, learning: Bool) -> Double {
        let epoch = UInt32(truncatingIfNeeded: progress.base[1])
        guard learning || epoch > 0 else { return 0 }
        var sum = 0.0
        scaled.withUnsafeMutableBufferPointer { scaled in
            splits.withUnsafeBufferPointer { splits in
                guard let scaled = scaled.baseAddress, let splits = splits.baseAddress else { return }
                ranges.scale(values, into: scaled)
                let inner = nodes / 2
                for tree in 0..<trees {
                    sum += walk(tree * nodes, splits + tree * inner, scaled, epoch, learning: learning)
                }
            }
        }
        let largest = isPath ? Double((1 << (height + 1)) - 1) : Double(1 << height)
        return epoch > 0 ? 1 - sum / (Double(trees) * Double(window) * largest) : 0
    }

    @inline(__always)
    private func walk(
        _ first: Int, _ splits: UnsafePointer<Split>, _ values: UnsafePointer<Float>, _ epoch: UInt32, learning: Bool
    ) -> Double {
        let masses = masses.base
        let pages = self.masses.changedPages
        var node = 0
        var scale = 1.0
        var score = 0.0
        var isScoring = true
        for depth in 0...height {
            let place = first + node
            let both = Self.current(masses + 2 * place, epoch)
            let reference = both >> 16
            if isScoring {
                if isPath {
                    score += Double(reference) * scale
                    isScoring = reference >= leastMass
                } else if reference <= leastMass || depth == height {
                    score = Double(reference) * scale
                    isScoring = false
                }
            }
            if learning {
                masses[2 * place] = both + 1
                masses[2 * place + 1] = epoch
                pages[place >> massPageShift] = 1
            } else if !isScoring {
                return score
            }
            guard depth < height else { break }
            let value = values[Int(splits[node].attribute)]
            let left = 2 * node + 1
            if value < splits[node].threshold {
                node = left
            } else if value.isNaN {
                // Where most of the latest records went.
                let masses = (
                    Self.current(masses + 2 * (first + left), epoch),
                    Self.current(masses + 2 * (first + left + 1), epoch)
                )
                node = masses.0 & 0xffff < masses.1 & 0xffff ? left + 1 : left
            } else {
                node = left + 1
            }
            scale *= 2
        }
        return score
    }

    /// A node's masses as they are in window `epoch`: what was the latest before it is the reference now.
    @inline(__always)
    private static func current(_ node: UnsafePointer<UInt32>, _ epoch: UInt32) -> UInt32 {
        if node[1] == epoch { return node[0] }
        return node[1] &+ 1 == epoch ? node[0] << 16 : 0
    }
}

extension HalfSpaceTrees {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "half-space-trees", "half-space trees: little mass in a small part of the space is unusual",
            fields: [
                HyperparameterField("trees", .integer(1...10_000), default: "25", "trees"),
                HyperparameterField("height", .integer(1...20), default: "15", "splits from the root to a leaf"),
                HyperparameterField("window", .integer(1...65_535), default: "250", "records in a window"),
                HyperparameterField(
                    "splits", .choice(["middle", "padded"]), default: "middle",
                    "the middle of a space around 0 to 1; or anywhere in its inner 70 %, wide attributes first"),
                HyperparameterField(
                    "score", .choice(["terminal", "path"]), default: "terminal", "mass where a walk ends, or on its way"
                ),
                AnomalyThreshold.field,
            ]),
        tasks: [.anomaly], input: .attributes(isScaled: false),
        presets: [
            "moa": ["trees": "25", "height": "14", "window": "250"],
            "river": ["trees": "10", "height": "8", "window": "250", "splits": "padded", "score": "path"],
        ]
    ) { fields, context throws(SettingError) in try HalfSpaceTrees(fields, context) }
}
