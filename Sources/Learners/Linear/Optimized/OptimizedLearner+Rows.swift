import CBytes
import Records
import State

// Predicting rows and learning them one after the other.
extension OptimizedLearner {
    /// Tables beyond this many bytes (about a second-level cache) are fetched ahead of their use.
    private static var prefetchThreshold: Int { 1 << 20 }
    /// Rows between fetching and use.
    private static var prefetchDistance: Int { 4 }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        prepare(features, predictions)
        for row in 0..<features.rows { _ = predictRow(features, row, predictions) }
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        prepare(features, predictions)
        guard settings.batchMode == .sequential else {
            for row in 0..<features.rows { accumulateRow(features, row, predictRow(features, row, predictions)) }
            stepByMean()
            return
        }
        let isLarge = weights.byteCount > Self.prefetchThreshold
        if isLarge { for row in 0..<min(Self.prefetchDistance, features.rows) { prefetch(features, row) } }
        for row in 0..<features.rows {
            let ahead = row + Self.prefetchDistance
            if isLarge, ahead < features.rows { prefetch(features, ahead) }
            let isFinite = predictRow(features, row, predictions)
            learnRow(features, row, isFinite)
        }
    }

    private func prepare(_ features: FeatureBatch, _ predictions: PredictionBatch) {
        predictions.rows = features.rows
        if Head.isMulticlass { predictions.widen(to: modelCount) }
    }

    /// Answers one row. Returns whether its scores were finite, that is whether it can be learned.
    @inline(__always) private func predictRow(_ features: FeatureBatch, _ row: Int, _ predictions: PredictionBatch) -> Bool
    {
        let target = head.target(features, row, classes: modelCount)
        let isFinite = score(features, row, features.values, ahead: false)
        if !isFinite { repairScores(features, row) }
        let outputs = predictions.outputs + row * predictions.stride
        let (label, loss) = head.answer(scores, target, into: outputs)
        if Head.isMulticlass {
            for index in modelCount..<max(predictions.width, modelCount) { outputs[index] = 0 }
            if Head.needsOutputs { scratch.outputs.update(from: outputs, count: modelCount) }
        }
        predictions.classes[row] = Int32(truncatingIfNeeded: label)
        predictions.losses[row] = target.isNaN ? 0 : loss.isFinite ? loss : .greatestFiniteMagnitude
        return isFinite
    }

    @inline(__always) private var scores: Scores {
        Scores(raw: scratch.raw, outputs: scratch.outputs, clocks: clocks.base, count: modelCount)
    }

    /// Learns one row whose scores for prediction stand in the scratch.
    @inline(__always) private func learnRow(_ features: FeatureBatch, _ row: Int, _ isFinite: Bool) {
        guard differentiate(features, row, isFinite) else { return }
        for model in 0..<modelCount {
            let clock = clock(model)
            scratch.scales[model] = rule.scale(clock)
            stepIntercept(model, scratch.gradients[model])
        }
        let truth = Head.isMulticlass ? Int(features.classes[row]) : 0
        advanceClocks(truth)
        let values = features.learningValues ?? features.values
        if Head.isMulticlass {
            stepMany(features, row, values)
        } else {
            stepOne(features, row, values)
        }
    }

    /// Puts the row's gradients into the scratch; false: there is nothing to learn, or something not finite.
    @inline(__always) func differentiate(_ features: FeatureBatch, _ row: Int, _ isFinite: Bool) -> Bool {
        let target = head.target(features, row, classes: modelCount)
        let weight = Double(features.weights[row])
        guard isFinite, target.isFinite, weight > 0, weight.isFinite else { return false }
        if Rule.looksAhead || features.learningValues != nil {
            let values = features.learningValues ?? features.values
            guard score(features, row, values, ahead: Rule.looksAhead) else { return false }
            if Head.needsOutputs { _ = head.answer(scores, target, into: scratch.outputs) }
        }
        let norm = Head.needsNorm ? squaredNorm(features, row) : 0
        head.gradients(scores, target, RecordScale(weight: weight, norm: norm), into: scratch.gradients)
        let clip = settings.clip
        for model in 0..<modelCount {
            let gradient = scratch.gradients[model]
            guard !gradient.isNaN else { return false }
            scratch.gradients[model] = max(-clip, min(clip, gradient))
        }
        return true
    }

    /// Steps the intercept; River's is plain descent, ours one more weight under the same rule.
    @inline(__always) func stepIntercept(_ model: Int, _ gradient: Double) {
        guard settings.hasIntercept, !(Head.needsOutputs && settings.isRiver) else { return }
        let slot = intercepts.base + model * lanes
        guard settings.isRiver else {
            interceptRule.update(slot, gradient, interceptRule.scale(clock(model)))
            return
        }
        let intercept = slot[0] - settings.interceptRate * gradient
        if intercept.isFinite { slot[0] = intercept }
    }

    /// One more step for every model that takes part: the one of the true class and all known ones.
    @inline(__always) func advanceClocks(_ truth: Int) {
        for model in 0..<modelCount where model == truth || clock(model).hasStarted { advanceClock(model) }
    }

    @inline(__always) func advanceClock(_ model: Int) {
        clock(model).advance(settings.beta1, settings.beta2, penalty: settings.learnerL1 * settings.rate)
    }

    private func prefetch(_ features: FeatureBatch, _ row: Int) {
        let base = weights.base
        for index in features.offsets[row]..<features.offsets[row + 1] {
            bytes_prefetch(base + Int(features.indices[index]) * blockLanes)
        }
    }
}
