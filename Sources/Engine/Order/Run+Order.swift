import Evaluation
import Records

extension Run {
    /// At the end of the stream: what waited is learned. After a stop it waits in the snapshot, where there is one.
    func finish(
        _ outcome: StreamEnd, _ pipeline: Pipeline, _ features: FeatureBatch, _ predictions: PredictionBatch,
        _ writer: inout PredictionWriter?
    ) {
        var isEnd = false
        if case .endOfInput = outcome { isEnd = true }
        let isStopped = if case .stopped = outcome { true } else { false }
        if pipeline.order != nil, isEnd || isStopped && taker == nil {
            let nothing = FilledBatch(pipeline.makeRecordBatch())
            nothing.positions = input.positions
            var work = LearningWork(nothing, input)
            work.isLast = true
            learn(work, pipeline, features, predictions, &writer)
        }
        if isEnd, failure == nil { delayed?.finish() }
    }
}
