import Records
import Synchronization

/// Watches the records of a run for those who look at it: fields, predictions, targets. The learning thread adds up the
/// columns of each batch and copies a few of its rows; everything else happens when somebody looks, on the looker's
/// thread. It has no part in what is learned.
final class StreamObserver: @unchecked Sendable {
    /// What only who looks uses.
    private struct Looker {
        let rows: SampleRing
        let outcomes: SampleRing
        let influence: FieldInfluence?
    }

    private let schema: Schema
    private let columns: [FieldColumns]
    /// Written by the learning thread with `totals` locked.
    private let rows: SampleRing
    private let outcomes: SampleRing
    private let totals: Mutex<FieldTotals>
    private let looker: Mutex<Looker>
    /// The learning thread's.
    @exclusivity(unchecked) private var outcomeSampling = RowSampling(rowsPerBatch: OutcomeStatistics.rowsPerBatch)

    init(_ schema: Schema, batchSize: Int) {
        self.schema = schema
        let hasColumns = !schema.isFeatureNative
        columns = hasColumns ? FieldColumns.all(schema) : []
        let totals = FieldTotals(
            numbers: hasColumns ? schema.fields(.numeric, .both).count : 0,
            categories: hasColumns ? schema.fields(.categorical, .both).count : 0)
        let width = totals.numbers.count + totals.categories.count
        let capacity = min(FieldStatistics.maximumSamples, FieldStatistics.maximumBytes / (8 * max(width, 1)))
        func rowRing() -> SampleRing { SampleRing(width: width, capacity: width > 0 ? capacity : 1) }
        func outcomeRing() -> SampleRing {
            SampleRing(width: OutcomeStatistics.width, capacity: OutcomeStatistics.capacity)
        }
        rows = rowRing()
        outcomes = outcomeRing()
        self.totals = Mutex(totals)
        looker = Mutex(
            Looker(
                rows: rowRing(), outcomes: outcomeRing(),
                influence: hasColumns
                    ? FieldInfluence(schema, columns, watchedNumbers: totals.numbers.count, batchSize: batchSize)
                    : nil))
    }

    // MARK: The learning thread

    /// Before a batch is learned: its values are still as they came.
    func note(_ batch: RecordBatch) {
        guard batch.rows > 0 else { return }
        outcomeSampling.begin(rows: batch.rows, isFull: outcomes.isFull)
        guard !columns.isEmpty else { return }
        totals.withLock { totals in
            let block = totals.block(of: batch.rows)
            guard !block.isEmpty else { return }
            totals.add(batch, block)
            for row in block.prefix(rows.isFull ? 1 : block.count) {
                FieldStatistics.write(rows.add(), row, totals, batch)
            }
        }
    }

    /// The first row of the batch whose outcome is looked at.
    var firstRow: Int { outcomeSampling.next }

    /// What became of a row that is due. Returns the next one that is; rows come in their order, and the caller passes
    /// over those between, so that a row nobody looks at costs it a comparison.
    func note(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, known: Int) -> Int {
        outcomeSampling.take(row)
        if known > 0 || schema.task == .regression {
            totals.withLock { _ in OutcomeStatistics.write(outcomes.add(), row, schema.task, features, predictions) }
        }
        return outcomeSampling.next
    }

    // MARK: Others

    /// What is seen now. Takes some milliseconds, of which the learning thread may wait for a few hundredths.
    func look(_ publication: Publication) -> StreamObservation {
        looker.withLock { observation($0, publication) }
    }

    private func observation(_ own: Looker, _ publication: Publication) -> StreamObservation {
        let (count, numbers, categories) = totals.withLock { totals in
            own.rows.copy(rows)
            own.outcomes.copy(outcomes)
            return (totals.rows, totals.numbers, totals.categories)
        }
        let statistics = FieldStatistics(rows: count, numbers: numbers, categories: categories, samples: own.rows)
        let seen = OutcomeStatistics(own.outcomes, schema.task)
        let classes = publication.read { pipeline, _ in pipeline.classNames }
        if count > 0 { own.influence?.measure(own.rows, publication) }
        var observation = StreamObservation()
        if count > 0 { observation.fields = columns.map { statistics.summary($0) } }
        observation.predictions = seen.predictions
        observation.targets = seen.targets
        let counts = seen.targetCounts(classes: classes.count)
        if counts.contains(where: { $0 > 0 }) { observation.targetCounts = Array(zip(classes, counts)) }
        observation.calibration = seen.calibration
        observation.influences = (own.influence?.ranking ?? []).map { (columns[$0.field].field.name, $0.value) }
        return observation
    }
}

/// What somebody sees who looks at a run.
public struct StreamObservation: Sendable {
    /// Empty where records bring their own features.
    public var fields: [FieldSummary] = []
    /// Of the latest sampled records: values of a regression, probabilities of the second of two classes, of several
    /// classes that of the predicted one.
    public var predictions: Distribution?
    /// Of a regression.
    public var targets: Distribution?
    /// Of a classification: the classes and the latest sampled records of each.
    public var targetCounts: [(name: String, count: Int)] = []
    public var calibration: [CalibrationBin] = []
    /// Fields by how much they move predictions, the largest first.
    public var influences: [(name: String, value: Double)] = []
}
