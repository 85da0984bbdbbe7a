import Records
import State

// One step a batch, with the mean gradient of its records at the parameters of its start. A record of weight w counts
// w times in the sum and once in the number of records, so that a batch of one equals a sequential step.
extension OptimizedLearner {
    /// Adds a row's gradient to the sums in the slots it touches.
    func accumulateRow(_ features: FeatureBatch, _ row: Int, _ isFinite: Bool) {
        guard differentiate(features, row, isFinite) else { return }
        let values = features.learningValues ?? features.values
        let gradients = scratch.gradients
        for model in 0..<modelCount {
            intercepts.base[model * lanes + sumLane] += gradients[model]
        }
        for position in features.offsets[row]..<features.offsets[row + 1] {
            let index = features.indices[position]
            touched.insert(index)
            var slot = weights.base + Int(index) * blockLanes
            for model in 0..<modelCount {
                slot[sumLane] += gradients[model] * Double(values[position])
                slot += lanes
            }
        }
        touched.countRecord(of: Head.isMulticlass ? Int(features.classes[row]) : 0)
    }

    func stepByMean() {
        let records = touched.records
        guard records > 0 else { return }
        let share = 1 / Double(records)
        let sumLane = sumLane
        for model in 0..<modelCount {
            scratch.scales[model] = rule.scale(clock(model))
            let slot = intercepts.base + model * lanes
            let gradient = slot[sumLane] * share
            slot[sumLane] = 0
            stepIntercept(model, gradient)
        }
        advanceClocks(-1)
        for model in touched.classes where !clock(model).hasStarted { advanceClock(model) }
        for index in touched.indices {
            stepBlock(Int(index) * blockLanes) { slot, _ in
                let gradient = slot[sumLane] * share
                slot[sumLane] = 0
                return gradient
            }
        }
        touched.removeAll()
    }
}
