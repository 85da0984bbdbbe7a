import Records
import State

/// The mixture for several classes: minimises log loss of a softmax over classes.
///
/// Like `MixtureBinary`, with a logit for each class: three lanes of weights and one stored square sum n for each
/// slot, levels that are decayed class frequencies, one stack and one set of experts for all classes.
///
/// - predict: z0..2 = Σ w x, less their mean over the classes, within ±15; z3..5 = ln(frequency), less its mean;
///   z6 = v·z within ±15; p_k = softmax over classes of z_k; answer Σ e_k p_k
/// - experts: e_k *= max(p_k(y), 1e-7), then as for two classes
/// - stack: one Kalman step for each class with |p6 - [c = y]| >= .01
/// - lanes: g = p_l - [c = y]; steps as for two classes
/// - levels: frequency += rate ([c = y] - frequency), at least .01 / K, normalised
///
/// A new class starts with zero weights; what was learned about the others stays.
final class MixtureMulticlass: Learner {
    let table: MixtureClassSlots
    let stack = MixtureStack()
    /// e in lanes 0..<7.
    let experts = StateArray<Double>(count: 8)
    /// Frequencies of each class, in lanes 0..<3. As many as there are classes.
    let levels = StateArray<Double>(count: 0, lanes: 4)
    /// Records learned.
    let records = StateArray<Int64>(count: 1)
    private let scratch = MixtureClassScratch()

    init(slotCount: Int, intercept: Bool, isFeatureNative: Bool) {
        table = MixtureClassSlots(slotCount: slotCount, intercept: intercept, isFeatureNative: isFeatureNative)
        for lane in 0..<7 { experts[lane] = 1 / 7.0 }
    }

    var state: [StateEntry] {
        table.state + stack.state
            + [StateEntry("experts", experts), StateEntry("levels", levels), StateEntry("records", records)]
    }

    var classCount: Int { levels.count }

    /// New classes get the least frequency; before anything was learned all are equal.
    func grow(toClasses count: Int) {
        let known = classCount
        guard count > known else { return }
        table.grow(toClasses: count)
        levels.resize(to: count)
        let frequencies = levels.bytes.assumingMemoryBound(to: SIMD4<Double>.self)
        let isNew = records[0] == 0
        for index in (isNew ? 0 : known)..<count {
            frequencies[index] = SIMD4(repeating: isNew ? 1 / Double(count) : 0.01 / Double(count))
        }
        normalize(frequencies, count)
    }

    private func normalize(_ frequencies: UnsafeMutablePointer<SIMD4<Double>>, _ count: Int) {
        var total = SIMD4<Double>.zero
        for index in 0..<count { total += frequencies[index] }
        for index in 0..<count { frequencies[index] /= total }
    }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: false)
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: true)
    }

    private func kernel(_ features: FeatureBatch) -> MixtureClassKernel {
        scratch.reserve(classes: table.classStride)
        return MixtureClassKernel(
            slots: table.kernel(features), stack: stack.kernel,
            experts: experts.bytes.assumingMemoryBound(to: SIMD8<Double>.self),
            levels: levels.bytes.assumingMemoryBound(to: SIMD4<Double>.self), classes: classCount,
            sums: scratch.sums, logits: scratch.logits, probabilities: scratch.probabilities,
            powers: scratch.powers)
    }

    private func run(_ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool) {
        var kernel = kernel(features)
        let values = UnsafePointer(features.values)
        let learningValues = UnsafePointer(features.learningValues ?? features.values)
        let isPlain = learningValues == values
        let offsets = features.offsets
        predictions.rows = features.rows
        predictions.widen(to: kernel.classes)
        for row in 0..<features.rows {
            let (start, end) = (offsets[row], offsets[row + 1])
            kernel.slots.load(values, start, end)
            var energies = kernel.predict(end - start)
            let target = Int(features.classes[row])
            write(kernel, target, row, predictions)
            guard learns, target >= 0, let importance = MixtureImportance.of(features.weights[row]) else { continue }
            if target >= kernel.classes {
                // Known from here on; this row was still predicted without it.
                grow(toClasses: target + 1)
                kernel = self.kernel(features)
                predictions.widen(to: kernel.classes)
                kernel.slots.load(values, start, end)
                energies = kernel.predict(end - start)
            }
            if !isPlain {
                kernel.slots.load(learningValues, start, end)
                energies = kernel.predict(end - start)
            }
            guard energies.isFinite else { continue }
            kernel.learn(end - start, energies, target, importance)
            records[0] += 1
            kernel.slots.scales?.learn(learningValues, start, end, weight: Float(importance.weight))
        }
        MixtureArithmetic.logLosses(predictions.losses, count: features.rows)
    }

    /// Writes a row's probabilities, its class, and the probability of its target where the loss will stand.
    @inline(__always) private func write(
        _ kernel: MixtureClassKernel, _ target: Int, _ row: Int, _ predictions: PredictionBatch
    ) {
        let outputs = predictions.outputs + row * predictions.stride
        let e = experts.bytes.load(as: SIMD8<Double>.self)
        var best = kernel.classes > 0 ? 0 : -1
        for index in 0..<kernel.classes {
            outputs[index] = (e * kernel.probabilities[index]).total
            if outputs[index] > outputs[best] { best = index }
        }
        var unknown = kernel.classes
        while unknown < predictions.width {
            outputs[unknown] = 0
            unknown += 1
        }
        predictions.classes[row] = Int32(best)
        let likelihood = target < 0 ? 1 : target < kernel.classes ? outputs[target] : 0
        predictions.losses[row] = likelihood > 1e-15 ? likelihood : 1e-15
    }
}

/// Buffers for the classes of one row, recycled; no part of the state.
private final class MixtureClassScratch {
    private var capacity = 0
    private(set) var sums: UnsafeMutablePointer<SIMD4<Float>> = .allocate(capacity: 0)
    private(set) var logits: UnsafeMutablePointer<SIMD8<Double>> = .allocate(capacity: 0)
    private(set) var probabilities: UnsafeMutablePointer<SIMD8<Double>> = .allocate(capacity: 0)
    private(set) var powers: UnsafeMutablePointer<SIMD4<Double>> = .allocate(capacity: 0)

    deinit { free() }

    private func free() {
        sums.deallocate()
        logits.deallocate()
        probabilities.deallocate()
        powers.deallocate()
    }

    func reserve(classes: Int) {
        guard classes > capacity else { return }
        free()
        capacity = classes
        sums = .allocate(capacity: classes)
        logits = .allocate(capacity: classes)
        probabilities = .allocate(capacity: classes)
        powers = .allocate(capacity: classes)
    }
}
