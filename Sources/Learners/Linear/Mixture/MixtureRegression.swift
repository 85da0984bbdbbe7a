import Records
import State

/// The mixture for a number: minimises squared error, on the standardised target t = (y - mean) / deviation.
///
/// Seven predictors run side by side: three lanes of weights over the features, three levels of the target itself
/// (rates 1, .2, .02), and the stacked combination of these six (see `MixtureBinary`).
///
/// - predict: z0..2 = Σ w x, z3..5 = (level - mean) / deviation, within ±1e4; z6 = v·z within ±1e4; answer mean +
///   deviation · Σ e_k z_k, within the range seen ±10 %
/// - experts: e ∝ exp(-N/2 (S_k / min S - 1)), then .99 e + .01 / 7; from the second record on S_k = .999 S_k +
///   (z_k - t)², N = .999 N + 1
/// - stack: `MixtureStack` with slope z6 - t within ±T and curvature 1; T = min(30, sqrt(records))
/// - lanes: g = z_l - t within ±T; s_l = rho_l h g / (1 + rho_l h A_l); w -= s_l x (lane 0) or s_l x r; n += h x²
/// - levels: level += rate (y - level), starting at the first target
final class MixtureRegression: Learner {
    private let table: MixtureSlots
    private let stack = MixtureStack()
    /// S in lanes 0..<7.
    private let errors = StateArray<Double>(count: 8)
    private let levels = StateArray<Double>(count: 4)
    /// One `MixtureTarget`.
    private let target = StateArray<Double>(count: 8)

    init(slotCount: Int, intercept: Bool, isFeatureNative: Bool) {
        table = MixtureSlots(slotCount: slotCount, intercept: intercept, isFeatureNative: isFeatureNative)
    }

    var state: [StateEntry] {
        table.state + stack.state
            + [StateEntry("errors", errors), StateEntry("levels", levels), StateEntry("target", target)]
    }

    var classCount: Int { 0 }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: false)
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: true)
    }

    private func run(_ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool) {
        let kernel = Kernel(
            slots: table.kernel(features, learns: learns), stack: stack.kernel,
            errors: errors.bytes.assumingMemoryBound(to: SIMD8<Double>.self),
            levels: levels.bytes.assumingMemoryBound(to: SIMD4<Double>.self),
            target: target.bytes.assumingMemoryBound(to: MixtureTarget.self))
        let (offsets, targets, losses) = (features.offsets, features.targets, predictions.losses)
        let (outputs, stride) = (predictions.outputs, predictions.stride)
        let values = UnsafePointer(features.values)
        let learningValues = UnsafePointer(features.learningValues ?? features.values)
        let isPlain = learningValues == values
        let rows = features.rows
        predictions.rows = rows
        for row in 0..<rows {
            let (start, end) = (offsets[row], offsets[row + 1])
            let sums = kernel.slots.forward(start, end, kernel.slots.seen(values, start, end))
            let answer = kernel.predict(sums)
            outputs[row * stride] = answer.value
            predictions.classes[row] = 0
            let isKnown = targets[row].isFinite
            let y = isKnown ? clamped(targets[row], -MixtureTarget.limit, MixtureTarget.limit) : answer.value
            losses[row] = (answer.value - y) * (answer.value - y)
            guard learns, isKnown, let importance = MixtureImportance.of(features.weights[row]) else { continue }
            if isPlain {
                kernel.learn(start, end, sums, answer, y, importance)
            } else {
                learnAgain(start, end, learningValues, kernel, y, importance)
            }
            kernel.slots.scales?.learn(learningValues, start, end, weight: Float(importance.weight))
        }
    }

    /// Learns from a row's learning values, which are not those it was predicted with.
    @inline(never) private func learnAgain(
        _ start: Int, _ end: Int, _ values: UnsafePointer<Float>, _ kernel: Kernel, _ y: Double,
        _ importance: MixtureImportance
    ) {
        let sums = kernel.slots.forward(start, end, kernel.slots.seen(values, start, end))
        kernel.learn(start, end, sums, kernel.predict(sums), y, importance)
    }

    /// What the experts say about a row.
    private struct Answer {
        let z: MixtureStackKernel.Six
        /// z6.
        let combined: Double
        let value: Double
        /// The target's mean and deviation it was made with.
        let mean: Double
        let deviation: Double

        /// z in lanes 0..<7.
        @inline(__always) var experts: SIMD8<Double> {
            SIMD8(lowHalf: z.low, highHalf: SIMD4(z.high.x, z.high.y, combined, 0))
        }
    }

    /// All pointers of one batch.
    private struct Kernel {
        let slots: MixtureSlotKernel
        let stack: MixtureStackKernel
        let errors: UnsafeMutablePointer<SIMD8<Double>>
        let levels: UnsafeMutablePointer<SIMD4<Double>>
        let target: UnsafeMutablePointer<MixtureTarget>

        @inline(__always) func predict(_ row: MixtureRow) -> Answer {
            let (mean, deviation) = (target.pointee.mean, target.pointee.deviation)
            let level = deviation > 0 ? (levels.pointee - mean) / deviation : SIMD4.zero
            let z = MixtureStackKernel.Six(
                SIMD4(
                    clamped(Double(row.sums.x), -1e4, 1e4), clamped(Double(row.sums.y), -1e4, 1e4),
                    clamped(Double(row.sums.z), -1e4, 1e4), clamped(level.x, -1e4, 1e4)),
                SIMD2(clamped(level.y, -1e4, 1e4), clamped(level.z, -1e4, 1e4)))
            let combined = clamped(stack.combine(z), -1e4, 1e4)
            let experts = SIMD8(lowHalf: z.low, highHalf: SIMD4(z.high.x, z.high.y, combined, 0))
            let value = target.pointee.plausible(mean + deviation * (shares() * experts).total)
            return Answer(z: z, combined: combined, value: value, mean: mean, deviation: deviation)
        }

        /// e, from the experts' errors.
        @inline(__always) private func shares() -> SIMD8<Double> {
            let sums = errors.pointee
            var least = sums[0]
            for lane in 1..<7 { least = sums[lane] < least ? sums[lane] : least }
            var e: SIMD8<Double>
            if least > 0 {
                let excess = (sums / least - 1) * (-0.5 * target.pointee.errorWeight)
                var powers = SIMD8<Double>.zero
                for lane in 0..<7 { powers[lane] = clamped(excess[lane], -600, 0) }
                e = MixtureArithmetic.exp(powers)
            } else {
                e = .zero
                for lane in 0..<7 { e[lane] = sums[lane] > 0 ? 0 : 1 }
            }
            e[7] = 0
            return e * (0.99 / e.total) + 0.01 / 7
        }

        @inline(__always) func learn(
            _ start: Int, _ end: Int, _ row: MixtureRow, _ answer: Answer, _ y: Double,
            _ importance: MixtureImportance
        ) {
            guard row.isFinite else { return }
            let h = importance.weight
            target.pointee.learn(y, deviation: answer.deviation, weight: h)
            let records = target.pointee.records
            let deviation = answer.deviation > 0 ? answer.deviation : target.pointee.deviation
            let t = records > 1 && deviation > 0 ? clamped((y - answer.mean) / deviation, -1e4, 1e4) : 0
            let root = records.squareRoot()
            let bound = root < 30 ? root : 30
            let slopes = SIMD4<Float>(
                Float(clamped(Double(row.sums.x) - t, -bound, bound)),
                Float(clamped(Double(row.sums.y) - t, -bound, bound)),
                Float(clamped(Double(row.sums.z) - t, -bound, bound)), 0)
            slots.update(start, end, MixtureLanes.steps(slopes, row, inverseCurvature: 1, weight: Float(h)))
            if records > 1 {
                target.pointee.errorWeight = target.pointee.errorWeight * importance.kept + importance.gain
                let error = answer.experts - t
                errors.pointee = errors.pointee * importance.kept + error * error * importance.gain
                errors.pointee[7] = 0
            }
            stack.learn(
                answer.z, slope: clamped(answer.combined - t, -bound, bound), curvature: 1, weight: h)
            stack.loosen()
            let rates = records > 1 ? importance.levelRates : SIMD4(1, 1, 1, 0)
            levels.pointee += rates * (y - levels.pointee)
        }
    }
}
