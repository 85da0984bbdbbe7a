import CBytes
import Components
import Glibc
import Records
import State

/// A factorization machine of degree 2 over hashed features (Rendle, Factorization Machines, ICDM 2010, equations 1 and 5):
///
///     z = w0 + sum_i w_i x_i + ½ sum_f [(sum_i v_if x_i)² - sum_i v_if² x_i²]
///
/// A feature that was never learned has no weight and no vector; its vector begins when it is first learned, with numbers
/// that follow from the seed and its index.
public final class FactorizationMachine: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "factorization-machine",
            "linear model with all interactions of two features by latent vectors: sparse data, recommendation, clicks",
            fields: FactorizationSettings.fields(factors: "8")),
        tasks: [.binary, .regression], presets: FactorizationSettings.presets
    ) { fields, context throws(SettingError) in
        try FactorizationMachine(FactorizationSettings(fields), context)
    }

    private let settings: FactorizationSettings
    private let target: ScoreTarget
    private let draw: LatentDraw
    /// Of each slot: 1 = learned, the weight, the vector; then, for AdaGrad, the sums of squares of weight and vector.
    private let slots: StateArray<Float>
    /// The constant term, and its sum of squares.
    private let intercept = StateArray<Float>(count: 2)
    /// sum_i v_if x_i.
    private let sums: UnsafeMutablePointer<Float>

    private init(_ settings: FactorizationSettings, _ context: LearnerContext) throws(SettingError) {
        guard context.batchMode == .sequential else {
            throw SettingError("factorization-machine learns record by record and has no batch mode 'mean'")
        }
        self.settings = settings
        target = ScoreTarget(task: context.task, isRaw: !settings.scalesTarget)
        draw = LatentDraw(sigma: settings.sigma, seed: context.seed)
        let lanes = 2 + settings.stride + (settings.isAdaptive ? 1 + settings.stride : 0)
        guard context.slotCount * lanes <= 1 << 29 else {
            throw SettingError("factorization-machine: 2 GiB are not enough; take fewer --bits or factors")
        }
        slots = StateArray(count: max(context.slotCount, 1), lanes: lanes, marksChanges: true)
        sums = .allocate(capacity: settings.stride)
        sums.initialize(repeating: 0, count: settings.stride)
    }

    deinit { sums.deallocate() }

    public var classCount: Int { target.classCount }

    public var state: [StateEntry] {
        [StateEntry("slots", slots), StateEntry("intercept", intercept)] + target.state
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows {
            target.write(score(row, features, features.values), row, features, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        let learned = features.learningValues ?? features.values
        for row in 0..<features.rows {
            let score = score(row, features, features.values)
            target.write(score, row, features, predictions)
            guard target.isLearned(row, features) else { continue }
            let isComplete = begin(row, features)
            target.learn(row, features)
            learn(
                row, features, learned,
                isComplete && features.learningValues == nil ? score : self.score(row, features, learned))
        }
    }

    /// What values are multiplied with.
    private func scale(_ row: Int, _ features: FeatureBatch, _ values: UnsafePointer<Float>) -> Double {
        guard settings.normalizes else { return 1 }
        var sum = 0.0
        for at in features.offsets[row]..<features.offsets[row + 1] { sum += Double(values[at]) * Double(values[at]) }
        return sum > 0 ? 1 / sum.squareRoot() : 1
    }

    /// Leaves the sums in `sums`.
    private func score(_ row: Int, _ features: FeatureBatch, _ values: UnsafePointer<Float>) -> Double {
        let (slots, scale) = (FactorSlots(slots), scale(row, features, values))
        let factors = settings.stride
        sums.update(repeating: 0, count: factors)
        var score = Double(intercept.base[0])
        var squares = SIMD4<Float>()
        for at in features.offsets[row]..<features.offsets[row + 1] {
            let slot = slots[Int(features.indices[at])]
            guard slot[0] > 0 else { continue }
            let value = Double(values[at]) * scale
            score += Double(slot[1]) * value
            for factor in stride(from: 0, to: factors, by: 4) {
                let part = vector_load4(slot + 2 + factor) * Float(value)
                vector_store4(sums + factor, vector_load4(sums + factor) + part)
                squares += part * part
            }
        }
        var pairs = SIMD4<Float>()
        for factor in stride(from: 0, to: factors, by: 4) {
            let sum = vector_load4(sums + factor)
            pairs += sum * sum
        }
        return Self.bounded(score + 0.5 * Double((pairs - squares).sum()))
    }

    private static func bounded(_ score: Double) -> Double { score.isNaN ? 0 : max(-1e15, min(1e15, score)) }

    /// Gives vectors to features that have none. False: there were such.
    private func begin(_ row: Int, _ features: FeatureBatch) -> Bool {
        let slots = FactorSlots(slots)
        var isComplete = true
        for at in features.offsets[row]..<features.offsets[row + 1] {
            let index = Int(features.indices[at])
            let slot = slots[index]
            guard slot[0] == 0 else { continue }
            isComplete = false
            slot[0] = 1
            draw.fill(index, slot + 2, count: settings.factors)
            slots.mark(index)
        }
        return isComplete
    }

    private func learn(_ row: Int, _ features: FeatureBatch, _ values: UnsafePointer<Float>, _ score: Double) {
        let gradient = target.gradient(score, row, features)
        let (slots, scale) = (FactorSlots(slots), scale(row, features, values))
        let step = FactorStep(rate: settings.learningRate, isAdaptive: settings.isAdaptive)
        FactorStep(rate: settings.interceptRate, isAdaptive: settings.isAdaptive)
            .take(intercept.base, intercept.base + 1, gradient)
        let factors = settings.stride
        let squares = settings.isAdaptive ? 1 + factors : 0
        for at in features.offsets[row]..<features.offsets[row + 1] {
            let index = Int(features.indices[at])
            let weight = slots[index] + 1
            let value = Double(values[at]) * scale
            step.take(weight, weight + squares, gradient * value + settings.l2 * Double(weight[0]))
            let scaled = Float(value)
            for factor in stride(from: 0, to: factors, by: 4) {
                let number = weight + 1 + factor
                let latent = vector_load4(number)
                let pull = Float(gradient) * scaled * (vector_load4(sums + factor) - latent * scaled)
                step.take(number, number + squares, pull + Float(settings.latentL2) * latent)
            }
            slots.mark(index)
        }
    }
}
