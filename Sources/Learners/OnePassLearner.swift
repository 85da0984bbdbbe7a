import Records

/// A learner whose predicting and learning are one loop over the rows.
protocol OnePassLearner: Learner {
    /// Predicts every row; with `learning` it learns those whose target is known, each after its prediction.
    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool)
}

extension OnePassLearner {
    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, learning: false)
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        pass(features, predictions, learning: true)
    }
}
