import Components
import Glibc
import Records
import State

/// LODA: a record is unusual where random projections of it fall into bins of their histograms that are rarely hit
/// (Pevný, Loda: Lightweight on-line detector of anomalies, Machine Learning 102, 2016, equations 2 and 3).
///
/// Each of `cuts` projections has sqrt(d) weights from a normal distribution, scaled to length 1, so that a projection of
/// standardized values has a deviation near 1; its histogram has `bins` equal bins from -3 to 3 and one at each end. Score:
/// the mean of -ln p over the projections, as s / (1 + s). Two windows of records: the last whole one and the one that is
/// filling (the paper's section 4.3). Missing values count as 0, their mean.
public final class LODA: Learner {
    private static let reach = 3.0

    private let attributes: Int
    private let cuts: Int
    private let bins: Int
    private let window: Int
    /// Weights a projection, and the attributes they belong to; they follow from the seed.
    private let nonzero: Int
    private var weights: [Double] = []
    private var places: [Int] = []
    /// Of each bin of each projection: counts of the last window and of the one that is filling.
    private let counts: StateArray<Int64>
    private let progress = StateArray<Int64>(count: 2)
    private let threshold: AnomalyThreshold
    private var hits: [Int]

    private init(_ fields: Hyperparameters, _ context: LearnerContext) {
        attributes = context.attributes.count
        cuts = fields.integer("cuts")
        bins = fields.integer("bins") + 2
        window = fields.integer("window")
        nonzero = max(1, Int(Double(attributes).squareRoot().rounded()))
        counts = StateArray(count: 2 * cuts * bins)
        threshold = AnomalyThreshold(fields)
        hits = Array(repeating: 0, count: cuts)
        draw(RandomGenerator(seed: context.seed))
    }

    private func draw(_ generator: RandomGenerator) {
        for _ in 0..<cuts {
            var chosen = Array(0..<attributes)
            var drawn: [Double] = []
            for index in 0..<nonzero {
                let other = index + Int(generator.nextUniform() * Double(attributes - index))
                chosen.swapAt(index, other)
                // Box and Muller 1958.
                let radius = (-2 * log(1 - generator.nextUniform())).squareRoot()
                drawn.append(radius * cos(2 * Double.pi * generator.nextUniform()))
            }
            let length = max(drawn.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
            weights += drawn.map { $0 / length }
            places += chosen.prefix(nonzero)
        }
    }

    public var classCount: Int { 2 }

    public var state: [StateEntry] {
        [StateEntry("counts", counts), StateEntry("progress", progress)] + threshold.state
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            locate(features.attributes + row * attributes)
            threshold.write(score(), row, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            locate(features.attributes + row * attributes)
            let score = score()
            threshold.write(score, row, predictions)
            guard features.hasWeight(row) else { continue }
            if let learned = features.learningAttributes { locate(learned + row * attributes) }
            threshold.learn(score)
            for cut in 0..<cuts { counts.base[2 * (cut * bins + hits[cut]) + 1] += 1 }
            progress[1] += 1
            if Int(progress[1]) >= window { turn() }
        }
    }

    /// The bin of each projection.
    private func locate(_ values: UnsafePointer<Double>) {
        for cut in 0..<cuts {
            var sum = 0.0
            for index in cut * nonzero..<(cut + 1) * nonzero {
                let value = values[places[index]]
                if !value.isNaN { sum += weights[index] * max(-1e6, min(1e6, value)) }
            }
            let place = (sum + Self.reach) / (2 * Self.reach) * Double(bins - 2)
            hits[cut] = place < 0 ? 0 : place >= Double(bins - 2) ? bins - 1 : 1 + Int(place)
        }
    }

    private func score() -> Double {
        let total = Double(progress.base[0] + progress.base[1])
        guard total > 0 else { return 0 }
        var sum = 0.0
        for cut in 0..<cuts {
            let count = counts.base + 2 * (cut * bins + hits[cut])
            // Half a record more in each bin: an empty one has no logarithm.
            sum -= log((Double(count[0] + count[1]) + 0.5) / (total + 0.5 * Double(bins)))
        }
        let mean = sum / Double(cuts)
        return mean / (1 + mean)
    }

    private func turn() {
        for bin in 0..<cuts * bins {
            counts.base[2 * bin] = counts.base[2 * bin + 1]
            counts.base[2 * bin + 1] = 0
        }
        progress[0] = progress[1]
        progress[1] = 0
    }
}

extension LODA {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "loda", "LODA: histograms of random projections; records in rare bins are unusual",
            fields: [
                HyperparameterField("cuts", .integer(1...10_000), default: "100", "projections"),
                HyperparameterField("bins", .integer(2...1000), default: "10", "of each histogram, from -3 to 3"),
                HyperparameterField("window", .integer(1...100_000_000), default: "1000", "records in a window"),
                AnomalyThreshold.field,
            ]),
        tasks: [.anomaly], input: .attributes(isScaled: true)
    ) { fields, context throws(SettingError) in LODA(fields, context) }
}
