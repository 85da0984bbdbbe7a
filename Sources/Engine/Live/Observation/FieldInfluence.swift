import Glibc
import Records

/// How much each field moves predictions: the mean, over recent records, of how far the output goes when the record comes
/// without the field, all else equal and both from one version. For a linear learner that is the size of weight times
/// value; any other learner is measured in the same way.
final class FieldInfluence {
    /// Records of one look, and fields: the others have their turn next time.
    private static let records = 8
    private static let fieldsPerLook = 48
    /// Share of the newest measurement in the running mean.
    private static let rate = 0.1

    private let task: Task
    private let columns: [FieldColumns]
    private let watchedNumbers: Int
    private var means: [Double?]
    private var turn = 0
    /// Of the pipeline's shape, with columns for what its steps make.
    private var batch: RecordBatch?
    private let capacity: Int
    private let features: FeatureBatch
    private let predictions: PredictionBatch

    init(_ schema: Schema, _ columns: [FieldColumns], watchedNumbers: Int, batchSize: Int) {
        task = schema.task
        self.columns = columns
        self.watchedNumbers = watchedNumbers
        means = Array(repeating: nil, count: columns.count)
        // A pipeline's own buffers are made for its mini-batches.
        capacity = min(Self.records, batchSize)
        features = FeatureBatch(capacity: capacity)
        predictions = PredictionBatch(capacity: capacity)
    }

    /// Measures some of the fields. Each is measured with one version, held for a few predictions.
    func measure(_ samples: SampleRing, _ publication: Publication) {
        guard samples.count > 0, !columns.isEmpty else { return }
        for _ in 0..<min(Self.fieldsPerLook, columns.count) {
            let field = turn % columns.count
            turn += 1
            let change = publication.read { pipeline, _ in
                let whole = outputs(pipeline, samples, without: nil)
                let part = outputs(pipeline, samples, without: columns[field])
                return zip(whole, part).reduce(0) { $0 + abs(difference($1.0, $1.1)) } / Double(whole.count)
            }
            guard change.isFinite else { continue }
            means[field] = means[field].map { $0 + Self.rate * (change - $0) } ?? change
        }
    }

    /// Fields and their influence, the largest first.
    var ranking: [(field: Int, value: Double)] {
        means.indices.compactMap { index in means[index].map { (index, $0) } }
            .sorted { ($0.1, $1.0) > ($1.1, $0.0) }.map { (field: $0.0, value: $0.1) }
    }

    private func outputs(_ pipeline: Pipeline, _ samples: SampleRing, without field: FieldColumns?) -> [[Double]] {
        let batch = batch ?? pipeline.makeRecordBatch(capacity: capacity)
        self.batch = batch
        fill(batch, samples, without: field)
        var outputs: [[Double]] = []
        pipeline.process(batch, features, predictions, learning: false) { [task, predictions] row, _, _, known in
            let width = task == .multiclass ? min(predictions.width, known) : 1
            outputs.append(Array(UnsafeBufferPointer(start: predictions.outputs(of: row), count: width)))
        }
        return outputs
    }

    /// Puts the newest samples into the batch.
    private func fill(_ batch: RecordBatch, _ samples: SampleRing, without field: FieldColumns?) {
        batch.recycle()
        let stride = batch.columnStride
        batch.rows = min(batch.capacity, samples.count)
        for row in 0..<batch.rows {
            let sample = samples.sample(row)
            for column in 0..<batch.numericCount {
                let isThere = column < watchedNumbers && column != field?.number
                batch.numbers[column * stride + row] = isThere ? Double(bitPattern: sample[column]) : .nan
            }
            for column in 0..<batch.categoricalCount {
                let isThere = watchedNumbers + column < samples.width && column != field?.category
                batch.categories[column * stride + row] = isThere ? sample[watchedNumbers + column] : 0
            }
            batch.targetNumbers[row] = .nan
            batch.targetTexts[row] = .empty
            batch.weights[row] = 1
            batch.ids[row] = .empty
            batch.positions[row] = RecordPosition(part: 0, offset: 0, line: 1)
            batch.raw[row] = .empty
            for column in 0..<batch.rawCount { batch.rawFields[column * stride + row] = .empty }
            batch.tokenEnds.append(0)
        }
    }

    /// Between two outputs, on a scale on which a linear model is linear: the value, log odds, or the log probability of
    /// the class that was likeliest.
    private func difference(_ whole: [Double], _ part: [Double]) -> Double {
        switch task {
        case .regression, .anomaly, .clustering, .bandit: return (whole.first ?? 0) - (part.first ?? 0)
        case .binary: return Self.logOdds(whole.first ?? 0.5) - Self.logOdds(part.first ?? 0.5)
        case .multiclass:
            guard let top = whole.indices.max(by: { whole[$0] < whole[$1] }), top < part.count else { return 0 }
            return log(max(whole[top], 1e-15)) - log(max(part[top], 1e-15))
        }
    }

    private static func logOdds(_ probability: Double) -> Double {
        let inside = min(max(probability, 1e-15), 1 - 1e-15)
        return log(inside / (1 - inside))
    }
}
