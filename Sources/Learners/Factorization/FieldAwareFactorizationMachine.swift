import CBytes
import Components
import Glibc
import Records
import State

/// A field-aware factorization machine (Juan, Zhuang, Chin and Lin, Field-aware Factorization Machines for CTR Prediction,
/// RecSys 2016, equation 4): a feature has a latent vector for each other field,
///
///     z = w0 + sum_i w_i x_i + sum_{i<j} <v_i,field(j), v_j,field(i)> x_i x_j
///
/// A number is one feature, a category's value another, hashed into 2^`bits` slots. A feature that was never learned has no
/// weight and no vectors. Missing values are passed over.
public final class FieldAwareFactorizationMachine: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "field-aware-factorization-machine",
            "linear model with interactions of two fields, each feature with a latent vector for every other field",
            fields: FactorizationSettings.fields(factors: "4") + [
                HyperparameterField(
                    "bits", .integer(4...24), default: "14", "log2 of the slots for values of categories")
            ]),
        tasks: [.binary, .regression], input: .attributes(isScaled: true), presets: FactorizationSettings.presets
    ) { fields, context throws(SettingError) in
        try FieldAwareFactorizationMachine(FactorizationSettings(fields), bits: fields.integer("bits"), context)
    }

    /// A feature of a record.
    private struct Active {
        var slot: Int
        var field: Int
        var value: Double
    }

    private let settings: FactorizationSettings
    private let target: ScoreTarget
    private let draw: LatentDraw
    private let isNominal: [Bool]
    private let valueSlots: Int
    /// Of each slot: 1 = learned, the weight, a vector for each field; then, for AdaGrad, their sums of squares. Numbers
    /// have the first slots, one each.
    private let slots: StateArray<Float>
    private let intercept = StateArray<Float>(count: 2)
    private var active: [Active] = []

    private init(_ settings: FactorizationSettings, bits: Int, _ context: LearnerContext) throws(SettingError) {
        guard context.batchMode == .sequential else {
            throw SettingError("field-aware-factorization-machine learns record by record and has no batch mode 'mean'")
        }
        self.settings = settings
        target = ScoreTarget(task: context.task, isRaw: !settings.scalesTarget)
        draw = LatentDraw(sigma: settings.sigma, seed: context.seed)
        isNominal = context.attributes.map(\.isNominal)
        valueSlots = isNominal.contains(true) ? 1 << bits : 0
        let numbers = 1 + isNominal.count * settings.stride
        let lanes = 1 + numbers * (settings.isAdaptive ? 2 : 1)
        let count = isNominal.count + valueSlots
        guard count * lanes <= 1 << 28 else {
            throw SettingError(
                "field-aware-factorization-machine: \(count) slots of \(lanes) numbers are too many; take fewer bits or "
                    + "factors")
        }
        slots = StateArray(count: count, lanes: lanes, marksChanges: true)
    }

    public var classCount: Int { target.classCount }

    public var state: [StateEntry] {
        [StateEntry("slots", slots), StateEntry("intercept", intercept)] + target.state
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows {
            activate(features.attributes + row * features.attributeCount)
            target.write(score(), row, features, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows {
            activate(features.attributes + row * features.attributeCount)
            target.write(score(), row, features, predictions)
            guard target.isLearned(row, features) else { continue }
            if let learned = features.learningAttributes { activate(learned + row * features.attributeCount) }
            begin()
            target.learn(row, features)
            learn(target.gradient(score(), row, features))
        }
    }

    /// Finds a record's features.
    private func activate(_ values: UnsafePointer<Double>) {
        active.removeAll(keepingCapacity: true)
        var squares = 0.0
        for field in isNominal.indices where !values[field].isNaN {
            let isCode = isNominal[field]
            let value = isCode ? 1 : max(-1e30, min(1e30, values[field]))
            let slot = isCode ? isNominal.count + place(field, values[field]) : field
            active.append(Active(slot: slot, field: field, value: value))
            squares += value * value
        }
        guard settings.normalizes, squares > 0 else { return }
        for index in active.indices { active[index].value /= squares.squareRoot() }
    }

    private func place(_ field: Int, _ code: Double) -> Int {
        let key = UInt64(field) << 32 | UInt64(max(0, min(4e9, code)))
        let product = (key &+ 1) &* 0x9e37_79b9_7f4a_7c15
        let mixed = (product ^ (product >> 29)) &* 0xbf58_476d_1ce4_e5b9
        return Int(truncatingIfNeeded: mixed >> 32) & (valueSlots - 1)
    }

    private func score() -> Double {
        let (slots, factors) = (FactorSlots(slots), settings.stride)
        var score = Double(intercept.base[0])
        for (index, one) in active.enumerated() {
            let first = slots[one.slot]
            guard first[0] > 0 else { continue }
            score += Double(first[1]) * one.value
            for other in active[(index + 1)...] {
                let second = slots[other.slot]
                guard second[0] > 0 else { continue }
                let (left, right) = (first + 2 + other.field * factors, second + 2 + one.field * factors)
                var product = SIMD4<Float>()
                for factor in stride(from: 0, to: factors, by: 4) {
                    product += vector_load4(left + factor) * vector_load4(right + factor)
                }
                score += Double(product.sum()) * one.value * other.value
            }
        }
        return score.isNaN ? 0 : max(-1e15, min(1e15, score))
    }

    /// Gives vectors to features that have none.
    private func begin() {
        let slots = FactorSlots(slots)
        for one in active where slots[one.slot][0] == 0 {
            slots[one.slot][0] = 1
            for field in isNominal.indices {
                draw.fill(
                    one.slot * isNominal.count + field, slots[one.slot] + 2 + field * settings.stride,
                    count: settings.factors)
            }
        }
    }

    /// Each pair of features has two vectors of its own, so that pairs are learned one after the other.
    private func learn(_ gradient: Double) {
        let (slots, factors) = (FactorSlots(slots), settings.stride)
        let step = FactorStep(rate: settings.learningRate, isAdaptive: settings.isAdaptive)
        FactorStep(rate: settings.interceptRate, isAdaptive: settings.isAdaptive)
            .take(intercept.base, intercept.base + 1, gradient)
        let squares = settings.isAdaptive ? 1 + isNominal.count * factors : 0
        let decay = Float(2 * settings.latentL2)
        for (index, one) in active.enumerated() {
            let first = slots[one.slot] + 1
            step.take(first, first + squares, gradient * one.value + settings.l2 * Double(first[0]))
            for other in active[(index + 1)...] {
                let left = first + 1 + other.field * factors
                let right = slots[other.slot] + 2 + one.field * factors
                let pull = Float(gradient * one.value * other.value)
                for factor in stride(from: 0, to: factors, by: 4) {
                    let (mine, its) = (vector_load4(left + factor), vector_load4(right + factor))
                    step.take(left + factor, left + factor + squares, pull * its + decay * mine)
                    step.take(right + factor, right + factor + squares, pull * mine + decay * its)
                }
            }
            slots.mark(one.slot)
        }
    }
}
