import Records
import State

/// The mixture for two classes: minimises log loss.
///
/// Seven predictors run side by side: three lanes of weights over the features (rho = 1, .4, .05; lane 0 at a constant
/// rate, lanes 1 and 2 at rates that fall with r = 1 / sqrt(n + x² + 1) in each slot), three levels of the target
/// itself (rates 1, .2, .02), and the stacked combination of these six. Their probabilities are mixed by weights e
/// that follow their likelihood with a fixed share, so that the mixture is never far behind the best of them.
///
/// - predict: z0..2 = Σ w x, z3..5 = logit(level), clipped to ±6; z6 = v·z within ±15; answer Σ e_k σ(z_k)
/// - experts: e_k *= p_k(y), normalised, e = (1 - share) e + share / 7, share = .0003
/// - stack: `MixtureStack` with slope p6 - t and curvature max(p6 (1 - p6), .01)
/// - lanes: g = p_l - t; s_l = 4 rho_l h g / (1 + rho_l h A_l); w -= s_l x (lane 0) or s_l x r; n += h x²
/// - levels: level += rate (t - level) within .01 ... .99
///
/// Lanes: normalised and adaptive gradient steps (Kaczmarz 1937; Duchi et al. 2011); experts: fixed share (Herbster
/// and Warmuth 1998); the combination and its constants: this project's experiments.
final class MixtureBinary: Learner {
    private let table: MixtureSlots
    private let stack = MixtureStack()
    /// e in lanes 0..<7.
    private let experts = StateArray<Double>(count: 8)
    /// Frequencies of class 1 in lanes 0..<3.
    private let levels = StateArray<Double>(count: 4)

    init(slotCount: Int, intercept: Bool, isFeatureNative: Bool) {
        table = MixtureSlots(slotCount: slotCount, intercept: intercept, isFeatureNative: isFeatureNative)
        for lane in 0..<7 { experts[lane] = 1 / 7.0 }
        for lane in 0..<4 { levels[lane] = 0.5 }
    }

    var state: [StateEntry] {
        table.state + stack.state + [StateEntry("experts", experts), StateEntry("levels", levels)]
    }

    var classCount: Int { 2 }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: false)
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: true)
    }

    private func run(_ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool) {
        let kernel = Kernel(
            slots: table.kernel(features, learns: learns), stack: stack.kernel,
            experts: experts.bytes.assumingMemoryBound(to: SIMD8<Double>.self),
            levels: levels.bytes.assumingMemoryBound(to: SIMD4<Double>.self))
        let (offsets, classes, losses) = (features.offsets, features.classes, predictions.losses)
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
            outputs[row * stride] = answer.probability
            predictions.classes[row] = answer.probability > 0.5 ? 1 : 0
            let target = classes[row]
            let likelihood = target < 0 ? 1 : target == 0 ? 1 - answer.probability : answer.probability
            losses[row] = likelihood > 1e-15 ? likelihood : 1e-15
            guard learns, target >= 0, let importance = MixtureImportance.of(features.weights[row]) else { continue }
            let y: Double = target > 0 ? 1 : 0
            if isPlain {
                kernel.learn(start, end, sums, answer, y, importance)
            } else {
                learnAgain(start, end, learningValues, kernel, y, importance)
            }
            kernel.slots.scales?.learn(learningValues, start, end, weight: Float(importance.weight))
        }
        MixtureArithmetic.logLosses(losses, count: rows)
    }

    /// Learns from a row's learning values, which are not those it was predicted with.
    @inline(never) private func learnAgain(
        _ start: Int, _ end: Int, _ values: UnsafePointer<Float>, _ kernel: Kernel, _ target: Double,
        _ importance: MixtureImportance
    ) {
        let sums = kernel.slots.forward(start, end, kernel.slots.seen(values, start, end))
        kernel.learn(start, end, sums, kernel.predict(sums), target, importance)
    }

    /// What the experts say about a row.
    private struct Answer {
        let z: MixtureStackKernel.Six
        /// σ(z) in lanes 0..<7.
        let p: SIMD8<Double>
        let probability: Double
    }

    /// All pointers of one batch.
    private struct Kernel {
        let slots: MixtureSlotKernel
        let stack: MixtureStackKernel
        let experts: UnsafeMutablePointer<SIMD8<Double>>
        let levels: UnsafeMutablePointer<SIMD4<Double>>

        @inline(__always) func predict(_ row: MixtureRow) -> Answer {
            let level = levels.pointee
            // The level of rate 1 only ever stands at one of its bounds, or where it started.
            let last = level.x < 0.25 ? -MixtureBinary.boundLogit : level.x > 0.75 ? MixtureBinary.boundLogit : 0
            let slow = SIMD2(level.y, level.z)
            let logits = MixtureArithmetic.log(slow / (1 - slow))
            let z = MixtureStackKernel.Six(
                SIMD4(
                    clamped(Double(row.sums.x), -6, 6), clamped(Double(row.sums.y), -6, 6),
                    clamped(Double(row.sums.z), -6, 6), last), logits)
            let combined = clamped(stack.combine(z), -15, 15)
            // Levels are their own sigmoids.
            let sigmoids = MixtureArithmetic.sigmoid(SIMD4(z.low.x, z.low.y, z.low.z, combined))
            let p = SIMD8(sigmoids.x, sigmoids.y, sigmoids.z, level.x, level.y, level.z, sigmoids.w, 0)
            return Answer(z: z, p: p, probability: (experts.pointee * p).total)
        }

        @inline(__always) func learn(
            _ start: Int, _ end: Int, _ row: MixtureRow, _ answer: Answer, _ target: Double,
            _ importance: MixtureImportance
        ) {
            guard row.isFinite else { return }
            let h = importance.weight
            let p = answer.p
            slots.update(
                start, end,
                MixtureLanes.steps(
                    SIMD4(Float(p[0] - target), Float(p[1] - target), Float(p[2] - target), 0), row,
                    inverseCurvature: 4, weight: Float(h)))
            MixtureExperts.learn(experts, target > 0 ? p : 1 - p, importance)
            let uncertainty = p[6] * (1 - p[6])
            stack.learn(
                answer.z, slope: p[6] - target, curvature: uncertainty > 0.01 ? uncertainty : 0.01, weight: h)
            stack.loosen()
            let moved = levels.pointee + importance.levelRates * (target - levels.pointee)
            for lane in 0..<3 { levels.pointee[lane] = clamped(moved[lane], 0.01, 0.99) }
        }
    }

    /// ln (.99 / .01).
    private static var boundLogit: Double { 4.59511985013459 }
}
