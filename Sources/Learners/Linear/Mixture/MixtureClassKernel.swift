/// The arithmetic of `MixtureMulticlass` for one row; pointers are good for one batch, or until classes are added.
struct MixtureClassKernel {
    let slots: MixtureClassSlotKernel
    let stack: MixtureStackKernel
    let experts: UnsafeMutablePointer<SIMD8<Double>>
    let levels: UnsafeMutablePointer<SIMD4<Double>>
    let classes: Int
    /// Σ w x of each class by lane; then the steps of each class.
    let sums: UnsafeMutablePointer<SIMD4<Float>>
    /// z in lanes 0..<7.
    let logits: UnsafeMutablePointer<SIMD8<Double>>
    /// p in lanes 0..<7.
    let probabilities: UnsafeMutablePointer<SIMD8<Double>>
    /// e^z of lanes 0...2 and of the stack.
    let powers: UnsafeMutablePointer<SIMD4<Double>>

    /// Fills `logits` and `probabilities` for the row that `MixtureClassSlots.load` saw last.
    func predict(_ count: Int) -> MixtureRow {
        let row = slots.forward(count, classes, sums)
        var lanesMean = SIMD4<Double>.zero
        var levelsMean = SIMD4<Double>.zero
        for index in 0..<classes {
            let sum = sums[index]
            let lanes = SIMD4(Double(sum.x), Double(sum.y), Double(sum.z), 0)
            let logs = MixtureArithmetic.log(levels[index])
            lanesMean += lanes
            levelsMean += logs
            logits[index] = SIMD8(lanes.x, lanes.y, lanes.z, logs.x, logs.y, logs.z, 0, 0)
        }
        lanesMean /= Double(max(classes, 1))
        levelsMean /= Double(max(classes, 1))
        let means = SIMD8(
            lanesMean.x, lanesMean.y, lanesMean.z, levelsMean.x, levelsMean.y, levelsMean.z, 0, 0)
        var total = SIMD4<Double>.zero
        for index in 0..<classes {
            var z = logits[index] - means
            for lane in 0..<3 { z[lane] = clamped(z[lane], -15, 15) }
            z[6] = clamped(stack.combine(six(z)), -15, 15)
            logits[index] = z
            // Logits within ±15 need no shift before the exponential.
            let power = MixtureArithmetic.exp(SIMD4(z[0], z[1], z[2], z[6]))
            powers[index] = power
            total += power
        }
        let scale = 1 / total
        for index in 0..<classes {
            let p = powers[index] * scale
            // The softmax of a level's logarithms is the level: its frequencies add up to 1.
            let level = levels[index]
            probabilities[index] = SIMD8(p.x, p.y, p.z, level.x, level.y, level.z, p.w, 0)
        }
        return row
    }

    @inline(__always) private func six(_ z: SIMD8<Double>) -> MixtureStackKernel.Six {
        MixtureStackKernel.Six(z.lowHalf, SIMD2(z[4], z[5]))
    }

    /// Learns the row that `predict` saw last.
    func learn(_ count: Int, _ row: MixtureRow, _ target: Int, _ importance: MixtureImportance) {
        let h = importance.weight
        for index in 0..<classes {
            let p = probabilities[index]
            let t: Double = index == target ? 1 : 0
            sums[index] = SIMD4(Float(p[0] - t), Float(p[1] - t), Float(p[2] - t), 0)
        }
        slots.update(count, classes, sums, row, weight: Float(h))
        var likelihood = probabilities[target]
        for lane in 0..<7 { likelihood[lane] = max(likelihood[lane], 1e-7) }
        MixtureExperts.learn(experts, likelihood, importance)
        for index in 0..<classes {
            let p = probabilities[index][6]
            let slope = index == target ? p - 1 : p
            if abs(slope) < 0.01 { continue }
            stack.learn(six(logits[index]), slope: slope, curvature: max(p * (1 - p), 0.01), weight: h)
        }
        stack.loosen()
        learnLevels(target, importance.levelRates)
    }

    private func learnLevels(_ target: Int, _ rates: SIMD4<Double>) {
        let least = 0.01 / Double(classes)
        var total = SIMD4<Double>.zero
        for index in 0..<classes {
            var level = levels[index]
            level += rates * ((index == target ? 1 : 0) - level)
            for lane in 0..<4 { level[lane] = max(level[lane], least) }
            levels[index] = level
            total += level
        }
        let scale = 1 / total
        for index in 0..<classes { levels[index] *= scale }
    }
}
