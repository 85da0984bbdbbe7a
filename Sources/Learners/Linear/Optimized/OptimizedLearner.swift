import Records
import State

/// A linear model under a gradient optimizer: scores z = w·x + b, one a class where there are several.
///
/// Per record: g = clip(d loss / dz · weight), then for every feature of the record d = g x + l2 w and the rule's step,
/// then the cumulative L1 penalty (Tsuruoka, Tsujii and Ananiadou 2009): weights no record touches do not move.
final class OptimizedLearner: Learner {
    /// Predicts a batch, and learns it when a mode is given.
    typealias Kernel = (LinearTable, FeatureBatch, PredictionBatch, BatchMode?) -> Void

    private let table: LinearTable
    private let batchMode: BatchMode
    private let run: Kernel

    init(_ table: LinearTable, _ batchMode: BatchMode, run: @escaping Kernel) {
        self.table = table
        self.batchMode = batchMode
        self.run = run
    }

    var state: [StateEntry] { table.state }

    var classCount: Int { table.classCount }

    func stateDidChange() { table.stateDidChange() }

    func grow(toClasses count: Int) { table.grow(toClasses: count) }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        prepare(features, predictions)
        run(table, features, predictions, nil)
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        prepare(features, predictions)
        run(table, features, predictions, batchMode)
    }

    private func prepare(_ features: FeatureBatch, _ predictions: PredictionBatch) {
        predictions.rows = features.rows
        predictions.widen(to: table.modelCount)
    }
}
