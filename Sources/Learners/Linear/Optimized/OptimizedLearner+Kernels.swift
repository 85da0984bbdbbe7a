import Records
import State

// The loops over features.
extension OptimizedLearner {
    /// raw[model] = sum over features of weight · value + intercept. False when a score is not finite.
    @inline(__always) func score(
        _ features: FeatureBatch, _ row: Int, _ values: UnsafeMutablePointer<Float>, ahead: Bool
    ) -> Bool {
        Head.isMulticlass
            ? scoreMany(features, row, values, ahead: ahead) : scoreOne(features, row, values, ahead: ahead)
    }

    /// Four partial sums, so that additions need not wait for each other; always in the same order.
    @inline(__always) private func scoreOne(
        _ features: FeatureBatch, _ row: Int, _ values: UnsafeMutablePointer<Float>, ahead: Bool
    ) -> Bool {
        let base = weights.base
        let lanes = lanes
        let indices = features.indices
        let end = features.offsets[row + 1]
        var position = features.offsets[row]
        var sums = (0.0, 0.0, 0.0, 0.0)
        @inline(__always) func term(_ position: Int) -> Double {
            let slot = base + Int(indices[position]) * lanes
            return (ahead ? rule.aheadWeight(slot) : slot[0]) * Double(values[position])
        }
        while position + 4 <= end {
            sums.0 += term(position)
            sums.1 += term(position + 1)
            sums.2 += term(position + 2)
            sums.3 += term(position + 3)
            position += 4
        }
        while position < end {
            sums.0 += term(position)
            position += 1
        }
        let raw = (sums.0 + sums.1) + (sums.2 + sums.3) + intercepts.base[0]
        scratch.raw[0] = raw
        return raw.isFinite
    }

    @inline(__always) private func scoreMany(
        _ features: FeatureBatch, _ row: Int, _ values: UnsafeMutablePointer<Float>, ahead: Bool
    ) -> Bool {
        let raw = scratch.raw
        let lanes = lanes
        let count = modelCount
        for model in 0..<count { raw[model] = intercepts.base[model * lanes] }
        for position in features.offsets[row]..<features.offsets[row + 1] {
            let value = Double(values[position])
            var slot = weights.base + Int(features.indices[position]) * blockLanes
            for model in 0..<count {
                raw[model] += (ahead ? rule.aheadWeight(slot) : slot[0]) * value
                slot += lanes
            }
        }
        var isFinite = true
        for model in 0..<count where !raw[model].isFinite { isFinite = false }
        return isFinite
    }

    /// Scores of a row with values that are no numbers, or products too large: what is finite counts.
    func repairScores(_ features: FeatureBatch, _ row: Int) {
        for model in 0..<modelCount {
            var raw = intercepts.base[model * lanes]
            for position in features.offsets[row]..<features.offsets[row + 1] {
                let block = weights.base + Int(features.indices[position]) * blockLanes
                let next = raw + block[model * lanes] * Double(features.values[position])
                if next.isFinite { raw = next }
            }
            scratch.raw[model] = raw
        }
    }

    /// Sum of squares of the values learned from, without the intercept.
    @inline(__always) func squaredNorm(_ features: FeatureBatch, _ row: Int) -> Double {
        let values = features.learningValues ?? features.values
        var sum = 0.0
        for position in features.offsets[row]..<features.offsets[row + 1] {
            let value = Double(values[position])
            sum += value * value
        }
        return sum
    }

    @inline(__always) func stepOne(_ features: FeatureBatch, _ row: Int, _ values: UnsafeMutablePointer<Float>) {
        let base = weights.base
        let changed = weights.changedPages
        let lanes = lanes
        let indices = features.indices
        let gradient = scratch.gradients[0]
        let scale = scratch.scales[0]
        let rule = rule
        let l2 = settings.learnerL2
        let hasL1 = settings.learnerL1 > 0
        for position in features.offsets[row]..<features.offsets[row + 1] {
            let start = Int(indices[position]) * lanes
            let slot = base + start
            rule.update(slot, gradient * Double(values[position]) + l2 * rule.aheadWeight(slot), scale)
            if hasL1 { shrink(slot, clock(0)) }
            // Slots are powers of two long, so one lies in one page.
            changed[start &>> 9] = 1
        }
    }

    @inline(__always) func stepMany(_ features: FeatureBatch, _ row: Int, _ values: UnsafeMutablePointer<Float>) {
        let gradients = scratch.gradients
        for position in features.offsets[row]..<features.offsets[row + 1] {
            let value = Double(values[position])
            let start = Int(features.indices[position]) * blockLanes
            stepBlock(start) { _, model in gradients[model] * value }
        }
    }

    /// Steps all models' slots of one feature index.
    @inline(__always) func stepBlock(
        _ start: Int, gradient: (_ slot: UnsafeMutablePointer<Double>, _ model: Int) -> Double
    ) {
        let lanes = lanes
        let rule = rule
        let scales = scratch.scales
        let l2 = settings.learnerL2
        let hasL1 = settings.learnerL1 > 0
        var slot = weights.base + start
        for model in 0..<modelCount {
            rule.update(slot, gradient(slot, model) + l2 * rule.aheadWeight(slot), scales[model])
            if hasL1 { shrink(slot, clock(model)) }
            slot += lanes
        }
        markBlock(start)
    }

    /// Marks the pages of the block that starts at scalar `start`.
    @inline(__always) func markBlock(_ start: Int) {
        let changed = weights.changedPages
        let last = (start + max(modelCount * lanes, 1) - 1) &>> 9
        var page = start &>> 9
        repeat {
            changed[page] = 1
            page += 1
        } while page <= last
    }

    /// Takes from the weight what of the summed penalty it has not paid yet, at most down to 0.
    @inline(__always) private func shrink(_ slot: UnsafeMutablePointer<Double>, _ clock: Clock) {
        let old = slot[0]
        let spent = slot[penaltyLane]
        if old > 0 {
            slot[0] = max(0, old - (clock.summedPenalty + spent))
        } else if old < 0 {
            slot[0] = min(0, old + (clock.summedPenalty - spent))
        }
        slot[penaltyLane] = spent + (slot[0] - old)
    }
}
