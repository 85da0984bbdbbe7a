import Components
import Records
import State

/// k-means, one record at a time: the nearest centre moves towards it by 1 / n, n the records it was nearest to until now
/// (MacQueen, Some methods for classification and analysis of multivariate observations, Berkeley 1967), or by a constant
/// share (`halflife`, as River), which forgets. With `--batch-mode mean` all records of a mini-batch are assigned to the
/// centres at its start (Sculley, Web-Scale K-Means Clustering, WWW 2010, Algorithm 1).
///
/// The first k records that differ are the first centres. Numbers only; a missing one is at the centre. The answer is the
/// index of the nearest centre, the loss its squared distance.
public final class KMeans: Learner {
    private let attributes: Int
    private let columns: [Int]
    private let clusters: Int
    private let share: Double
    private let isMean: Bool
    /// Centre after centre.
    private let centres: StateArray<Double>
    /// Of each centre: the weight of its records; 0 = there is none yet.
    private let weights: StateArray<Double>

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        attributes = context.attributes.count
        columns = context.attributes.indices.filter { !context.attributes[$0].isNominal }
        clusters = fields.integer("clusters")
        share = fields.double("halflife")
        isMean = context.batchMode == .mean
        guard !columns.isEmpty else { throw SettingError("k-means needs numbers, and there is no such field") }
        guard clusters * columns.count <= 1 << 26 else {
            throw SettingError("k-means: \(clusters) clusters of \(columns.count) numbers are too many")
        }
        centres = StateArray(count: clusters * columns.count)
        weights = StateArray(count: clusters)
    }

    public var classCount: Int { clusters }

    public var state: [StateEntry] { [StateEntry("centres", centres), StateEntry("weights", weights)] }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            write(nearest(features.attributes + row * attributes), row, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        if isMean { predict(features, into: predictions) }
        for row in 0..<features.rows {
            if !isMean { write(nearest(features.attributes + row * attributes), row, predictions) }
            guard features.hasWeight(row) else { continue }
            let values = learned + row * attributes
            let chosen = isMean ? Int(predictions.classes[row]) : nearest(values).index
            learn(values, Double(features.weights[row]), nearest: max(chosen, 0))
        }
    }

    private func write(
        _ nearest: (index: Int, distance: Double), _ row: Int, _ predictions: PredictionBatch
    ) {
        predictions.outputs[row * predictions.stride] = Double(nearest.index)
        predictions.classes[row] = Int32(nearest.index)
        predictions.losses[row] = nearest.distance
    }

    private func bounded(_ value: Double) -> Double { max(-1e100, min(1e100, value)) }

    /// The nearest centre, the first of several, and its squared distance; 0 and 0 where there is none.
    private func nearest(_ values: UnsafePointer<Double>) -> (index: Int, distance: Double) {
        var best = (index: 0, distance: Double.infinity)
        for cluster in 0..<clusters where weights.base[cluster] > 0 {
            let centre = centres.base + cluster * columns.count
            var sum = 0.0
            for (place, column) in columns.enumerated() where !values[column].isNaN {
                let distance = bounded(values[column]) - centre[place]
                sum += distance * distance
            }
            if sum < best.distance { best = (cluster, sum) }
        }
        return best.distance.isFinite ? best : (0, 0)
    }

    private func learn(_ values: UnsafePointer<Double>, _ weight: Double, nearest chosen: Int) {
        if let free = (0..<clusters).first(where: { weights.base[$0] == 0 }) {
            let (_, distance) = nearest(values)
            if free == 0 || distance > 0 { return begin(free, values, weight) }
        }
        // 1e15 records: then a centre has long stopped moving, and sums of weights would lose what is added.
        weights.base[chosen] = min(weights.base[chosen] + weight, 1e15)
        let step = share > 0 ? min(1, share * weight) : min(1, weight / weights.base[chosen])
        let centre = centres.base + chosen * columns.count
        for (place, column) in columns.enumerated() where !values[column].isNaN {
            centre[place] += step * (bounded(values[column]) - centre[place])
        }
    }

    private func begin(_ cluster: Int, _ values: UnsafePointer<Double>, _ weight: Double) {
        weights.base[cluster] = min(weight, 1e15)
        let centre = centres.base + cluster * columns.count
        for (place, column) in columns.enumerated() {
            centre[place] = values[column].isNaN ? 0 : bounded(values[column])
        }
    }
}

extension KMeans {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "k-means", "k-means: the nearest of k centres, which moves towards the record",
            fields: [
                HyperparameterField("clusters", .integer(1...1_000_000), default: "5", "centres"),
                HyperparameterField(
                    "halflife", .number(0...1), default: "0",
                    "share of the way a centre moves to a record; 0 = 1 / n, the mean of its records"),
            ]),
        tasks: [.clustering], input: .attributes(isScaled: true), presets: ["river": ["halflife": "0.5"]]
    ) { fields, context throws(SettingError) in try KMeans(fields, context) }
}
