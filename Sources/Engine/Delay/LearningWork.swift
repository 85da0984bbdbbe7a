import Records

/// What the learning thread takes in one go: a batch of one lane, or one of the input with one of targets.
struct LearningWork {
    let batch: FilledBatch
    let lane: Lane
    /// Set: of the lane of targets, row by row in turns with the input's.
    var targets: FilledBatch?
    /// Nothing more comes: what waits for earlier records is released.
    var isLast = false

    init(_ batch: FilledBatch, _ lane: Lane) {
        self.batch = batch
        self.lane = lane
    }

    /// - Parameter lanes: the input's and the targets'. Nil: neither has a batch.
    init?(_ records: FilledBatch?, _ targets: FilledBatch?, _ lanes: [Lane]) {
        if let records {
            self.init(records, lanes[0])
            self.targets = targets
        } else if let targets {
            self.init(targets, lanes[1])
        } else {
            return nil
        }
    }

    var isEmpty: Bool {
        [batch, targets].allSatisfy { $0.map { $0.records.rows == 0 && $0.records.rejected.isEmpty } ?? true }
    }
}

extension DelayedLearning {
    /// Takes whatever work there is through the model.
    func process(
        _ work: LearningWork, _ features: FeatureBatch, _ predictions: PredictionBatch, scored: Scored
    ) {
        if let targets = work.targets {
            return process(inTurns: work.batch.records, targets.records, features, predictions, scored: scored)
        }
        let rows: Rows =
            switch work.lane.kind {
            case .input: .records
            case .targets: .targets
            case .inbox: .requests
            }
        process(work.batch.records, rows, features, predictions, scored: scored)
    }
}
