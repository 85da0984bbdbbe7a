import CBytes
import Components
import Glibc
import Records
import State

extension Linear {
    /// Vowpal Wabbit 9.11.9's online learners: its gradient descent, FTRL-Proximal, PiSTOL and coin betting.
    ///
    /// Several classes are always learned one against all. The constant is a feature like any other, which the format
    /// adds; `intercept` has no say. For poisson the prediction is the logarithm of the mean, as in Vowpal Wabbit.
    static func makeVowpal(
        _ parameters: Hyperparameters, _ context: LearnerContext
    ) throws(SettingError) -> any Learner {
        VowpalLearner(try VowpalSettings(parameters, context), context)
    }
}

/// The learner behind optimizers vw, coin, pistol and (in Vowpal Wabbit's dialect) ftrl.
///
/// Two classes are labels 1 and -1. The loss is Vowpal Wabbit's: 0 or 1 for several classes. Its gradient descent
/// widens the range of predictions to a record's label before it predicts the record, and so does this; a record of
/// weight 0, however, changes nothing here, and neither does one without a label.
final class VowpalLearner: Learner {
    private let settings: VowpalSettings
    let task: Task
    private let table: VowpalTable
    private let shared: StateArray<Double>
    /// Scratch of one record: scores by class.
    private(set) var scores: [Float] = []
    private(set) var classCount: Int

    init(_ settings: VowpalSettings, _ context: LearnerContext) {
        self.settings = settings
        task = context.task
        table = VowpalTable(
            slotCount: context.slotCount, lanes: settings.rule.lanes, initialSum: settings.initialSum)
        classCount = task == .binary ? 2 : 0
        shared = StateArray(count: VowpalScalars.head + 2)
        shared[VowpalScalars.time] = settings.initialTime
        shared[VowpalScalars.minimum] = settings.initialRange.lowerBound
        shared[VowpalScalars.maximum] = settings.initialRange.upperBound
        shared[VowpalScalars.contraction] = 1
        shared[VowpalScalars.classCount] = Double(classCount)
        shared[VowpalScalars.head] = settings.initialTime
        shared[VowpalScalars.head + 1] = settings.initialTime
    }

    var state: [StateEntry] { [StateEntry("weights", table.array), StateEntry("shared", shared)] }

    func stateDidChange() {
        table.arrayDidChange()
        // Never more classes than there is room for, whatever the array says.
        let room = min(1 << table.classShift, (shared.count - VowpalScalars.head) / 2)
        let count = Int(exactly: shared[VowpalScalars.classCount]) ?? 0
        classCount = task == .multiclass ? min(max(count, 0), room) : task == .binary ? 2 : 0
        scores = Array(repeating: 0, count: classCount)
    }

    func grow(toClasses count: Int) {
        guard task == .multiclass, count > classCount else { return }
        table.grow(toClasses: count)
        if count > 1 { shared.resize(to: VowpalScalars.head + 2 * count) }
        classCount = count
        shared[VowpalScalars.classCount] = Double(count)
        scores = Array(repeating: 0, count: count)
    }

    func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: false)
    }

    func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        run(features, predictions, learns: true)
    }

    private func run(_ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool) {
        predictions.rows = features.rows
        if task == .multiclass { predictions.widen(to: classCount) }
        switch settings.loss {
        case .squared: run(SquaredVowpalLoss(), features, predictions, learns)
        case .logistic: run(LogisticVowpalLoss(), features, predictions, learns)
        case .hinge: run(HingeVowpalLoss(), features, predictions, learns)
        case .quantile(let tau): run(QuantileVowpalLoss(tau: tau), features, predictions, learns)
        case .expectile(let tau): run(ExpectileVowpalLoss(tau: tau), features, predictions, learns)
        case .poisson: run(PoissonVowpalLoss(), features, predictions, learns)
        }
    }

    @inline(__always)
    private func run(
        _ loss: some VowpalLoss, _ features: FeatureBatch, _ predictions: PredictionBatch, _ learns: Bool
    ) {
        let view = table.view()
        let scalars = VowpalScalars(base: shared.base)
        switch settings.rule {
        case .gradient(let settings):
            let rule = VowpalGradient(loss: loss, settings: settings, view: view, scalars: scalars)
            run(rule, view, scalars, features, predictions, learns)
        case .proximal(let settings):
            let rule = VowpalProximal(loss: loss, settings: settings, view: view, scalars: scalars)
            run(rule, view, scalars, features, predictions, learns)
        case .pistol(let settings):
            let rule = VowpalPistol(loss: loss, settings: settings, view: view, scalars: scalars)
            run(rule, view, scalars, features, predictions, learns)
        case .coin(let settings):
            let rule = VowpalCoin(loss: loss, settings: settings, view: view, scalars: scalars)
            run(rule, view, scalars, features, predictions, learns)
        }
    }

    /// One batch through one rule: everything below is specialised for rule and loss.
    @inline(__always)
    private func run(
        _ rule: some VowpalRule, _ view: VowpalView, _ scalars: VowpalScalars, _ features: FeatureBatch,
        _ predictions: PredictionBatch, _ learns: Bool
    ) {
        if task == .multiclass {
            scores.withUnsafeMutableBufferPointer { scores in
                VowpalBatch(rule: rule, view: view, scalars: scalars, features: features, predictions: predictions)
                    .runClasses(scores, learns)
            }
        } else {
            VowpalBatch(rule: rule, view: view, scalars: scalars, features: features, predictions: predictions)
                .runSingle(isBinary: task == .binary, learns)
        }
    }
}
