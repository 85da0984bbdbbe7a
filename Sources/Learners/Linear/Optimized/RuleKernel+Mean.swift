// One step a batch, with the mean gradient of its records at the parameters of its start. A record of weight w counts
// w times in the sum and once in the number of records, so that a batch of one equals a sequential step.
extension RuleKernel {
    /// Adds the row's gradients, which stand in the scratch, to the sums in the slots it touches.
    @inline(never) func accumulate(_ row: Int, truth: Int, _ touched: TouchedSlots) {
        let view = view
        for model in 0..<view.modelCount {
            view.intercepts[model &* view.lanes &+ view.sumLane] += view.gradients[model]
        }
        for position in rows.range(row) {
            let index = rows.indices[position]
            let value = Double(rows.learningValues[position])
            touched.insert(index)
            var slot = view.block(index)
            for model in 0..<view.modelCount {
                slot[view.sumLane] += view.gradients[model] * value
                slot += view.lanes
            }
        }
        touched.countRecord(of: truth)
    }

    /// Takes the step and empties the sums.
    @inline(never) func stepByMean(_ touched: TouchedSlots) {
        guard !touched.classes.isEmpty else { return }
        let view = view
        let share = 1 / Double(touched.classes.count)
        for model in 0..<view.modelCount {
            view.gradients[model] = takeSum(view.intercepts + model &* view.lanes) * share
        }
        beginStep(truth: -1)
        for model in touched.classes where !view.clock(model).hasStarted { advance(view.clock(model)) }
        for index in touched.indices {
            let block = view.block(index)
            var slot = block
            for model in 0..<view.modelCount {
                step(slot, model, takeSum(slot) * share, view.scales[model])
                slot += view.lanes
            }
            view.mark(block)
        }
        touched.removeAll()
    }

    @inline(__always) private func takeSum(_ slot: UnsafeMutablePointer<Double>) -> Double {
        let sum = slot[view.sumLane]
        slot[view.sumLane] = 0
        return sum
    }
}
