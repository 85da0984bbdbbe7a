import Records
import State

/// One number with its name as in JSON.
public struct NamedValue: Sendable, Equatable {
    public let name: String
    public let value: Double

    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

/// Test-then-train evaluation: scores every prediction with a known target before that target is learned
/// (Gama, Sebastiao and Rodrigues 2013).
public final class PrequentialEvaluation: Stateful {
    private let task: Task
    private let classification: ClassificationMetrics?
    private let regression: RegressionMetrics?
    private let byHorizon: HorizonMetrics?
    private let policy: PolicyMetrics?
    /// Nil: predictions have no intervals.
    public let intervals: IntervalMetrics?
    /// Nil: predictions have no quantiles.
    public let quantiles: QuantileMetrics?
    private let layout: NumberLayout
    /// Nil: there is one target.
    public let outputs: MultiOutputMetrics?
    private let totals: StateArray<Double>

    private enum Total {
        static let records = 0
        static let learned = 1
        static let rejected = 2
        static let weight = 3
        static let loss = 4
        static let scoredWeight = 5
        static let weightedTarget = 6
        static let features = 7
        static let count = 8
    }

    /// - Parameters:
    ///   - horizon: numbers a prediction has: of its record and those after it.
    ///   - layout: what stands behind predicted numbers.
    ///   - targets: names of several targets; none: there is one.
    public init(task: Task, horizon: Int = 1, layout: NumberLayout = NumberLayout(), targets: [String] = []) {
        self.task = task
        let hasOne = targets.isEmpty
        outputs =
            hasOne
            ? nil
            : MultiOutputMetrics(targets, isRegression: task == .regression, hasIntervals: layout.hasInterval)
        self.layout = layout
        intervals = layout.hasInterval && hasOne ? IntervalMetrics() : nil
        quantiles = layout.quantiles.isEmpty || !hasOne ? nil : QuantileMetrics(levels: layout.quantiles)
        classification =
            task.answersNumber && task != .anomaly || !hasOne
            ? nil : ClassificationMetrics(isBinary: task.hasTwoClasses)
        policy = task == .bandit ? PolicyMetrics() : nil
        regression = task == .regression && hasOne ? RegressionMetrics() : nil
        byHorizon = horizon > 1 ? HorizonMetrics(horizon: horizon) : nil
        totals = StateArray(count: Total.count)
    }

    public var state: [StateEntry] {
        [StateEntry("totals", totals)]
            + (classification?.state.prefixed("classification") ?? [])
            + (policy?.state.prefixed("policy") ?? [])
            + (regression?.state.prefixed("regression") ?? []) + (byHorizon?.state.prefixed("horizons") ?? [])
            + (intervals?.state.prefixed("intervals") ?? [])
            + (quantiles?.state.prefixed("quantiles") ?? []) + (outputs?.state.prefixed("outputs") ?? [])
    }

    public func stateDidChange() {
        classification?.stateDidChange()
        regression?.stateDidChange()
        outputs?.stateDidChange()
    }

    /// Records predicted.
    public var records: Int { Int(totals[Total.records]) }
    /// Records learned: those with a known target, or all where none is needed.
    public var learned: Int { Int(totals[Total.learned]) }
    public var rejected: Int { Int(totals[Total.rejected]) }
    /// Sum of the weights of all records.
    public var weight: Double { totals[Total.weight] }
    /// Sum of weight times loss over the scored records.
    public var lossSum: Double { totals[Total.loss] }
    /// Sum of the weights of the scored records.
    public var scoredWeight: Double { totals[Total.scoredWeight] }
    /// Sum of weight times numeric target.
    public var weightedTargetSum: Double { totals[Total.weightedTarget] }
    public var featureCount: Int { Int(totals[Total.features]) }

    public func countRejected(_ count: Int) { totals.base[Total.rejected] += Double(count) }

    /// Scores one row of a batch.
    ///
    /// - Parameter knownClasses: classes the learner could tell apart when it predicted the row.
    @inline(__always)
    public func update(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, knownClasses: Int) {
        let totals = totals.base
        let weight = Double(features.weights[row])
        totals[Total.records] += 1
        totals[Total.weight] += weight
        totals[Total.features] += Double(features.featureCount(of: row))
        score(row, features, predictions, knownClasses: knownClasses)
    }

    /// Scores one row of a batch whose record was counted before: its target came later. Does nothing without a target.
    @inline(__always)
    public func score(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, knownClasses: Int) {
        let totals = totals.base
        let weight = Double(features.weights[row])
        if let classification {
            let target = Int(features.classes[row])
            guard target >= 0 else {
                if task.learnsWithoutTarget { totals[Total.learned] += 1 }
                return
            }
            totals[Total.learned] += 1
            totals[Total.weightedTarget] += weight * Double(target)
            let outputs = UnsafePointer(predictions.outputs(of: row))
            classification.update(
                target: target, predicted: Int(predictions.classes[row]), probabilities: outputs, known: knownClasses)
            if knownClasses > 0, task != .anomaly { addLoss(predictions.losses[row], weight) }
        } else if let regression {
            let target = features.targets[row]
            guard !target.isNaN else { return }
            totals[Total.learned] += 1
            totals[Total.weightedTarget] += weight * target
            let outputs = predictions.outputs(of: row)
            regression.update(target: target, prediction: outputs[0])
            byHorizon?.update(target: target, outputs: outputs)
            if let intervals, predictions.width > 2 {
                intervals.update(target: target, lower: outputs[1], upper: outputs[2])
            }
            if let quantiles, predictions.width >= layout.width {
                quantiles.update(target: target, quantiles: outputs + layout.firstQuantile)
            }
            addLoss(predictions.losses[row], weight)
        } else if let policy {
            let target = features.targets[row]
            guard !target.isNaN else { return }
            totals[Total.learned] += 1
            totals[Total.weightedTarget] += weight * target
            policy.update(row, features, outputs: predictions.outputs(of: row))
            addLoss(predictions.losses[row], weight)
        } else if let outputs {
            guard outputs.update(row, features, predictions) else { return }
            totals[Total.learned] += 1
            let target =
                task == .regression ? features.targets[row] : Double(max(features.classes[row], 0))
            if !target.isNaN { totals[Total.weightedTarget] += weight * target }
            addLoss(predictions.losses[row], weight)
        } else {
            // Groups have no targets: the loss is how far the record lies from its group.
            totals[Total.learned] += 1
            addLoss(predictions.losses[row], weight)
        }
    }

    /// The loss of an answer given earlier: the learner that gave it is another by now, so this is the loss that its
    /// task stands for: log loss for classes, the squared error for numbers.
    public func loss(
        _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, knownClasses: Int
    ) -> Double {
        let outputs = predictions.outputs(of: row)
        if task == .clustering { return predictions.losses[row] }
        guard let classification else {
            let error = outputs[0] - features.targets[row]
            return min(error * error, .greatestFiniteMagnitude)
        }
        let target = Int(features.classes[row])
        return target < 0 ? 0 : classification.logLoss(target, UnsafePointer(outputs), knownClasses)
    }

    @inline(__always)
    private func addLoss(_ loss: Double, _ weight: Double) {
        guard weight > 0, loss.isFinite else { return }
        totals.base[Total.loss] += loss * weight
        totals.base[Total.scoredWeight] += weight
    }

    /// The learner's loss, averaged with the records' weights.
    public var averageLoss: Double? { scoredWeight > 0 ? lossSum / scoredWeight : nil }

    /// The metrics that apply, in JSON's names.
    public var metrics: [NamedValue] {
        guard task != .anomaly else {
            return named([
                ("roc_auc", classification?.rocAUC), ("pr_auc", classification?.averagePrecision),
                ("f1", classification?.f1), ("accuracy", classification?.accuracy), ("kappa", classification?.kappa),
            ])
        }
        if let outputs { return named(outputs.metrics + [("average_loss", averageLoss)]) }
        return named([
            ("accuracy", classification?.accuracy), ("log_loss", classification?.logLoss),
            ("roc_auc", classification?.rocAUC), ("kappa", classification?.kappa),
            ("kappa_temporal", classification?.kappaTemporal), ("f1", classification?.f1),
            ("ips", policy?.ips), ("dm", policy?.dm), ("dr", policy?.dr), ("mtr", policy?.mtr),
            ("ece", classification?.calibrationError),
            ("mae", regression?.mae), ("rmse", regression?.rmse), ("r2", regression?.r2),
            ("average_loss", averageLoss),
        ])
    }

    /// Errors by how many records ahead was forecast; empty where only the record itself is.
    public var horizons: [[NamedValue]] { byHorizon?.all ?? [] }

    /// What predictors that look at no field reach: accuracy for classes, RMSE (and MAE) for numbers.
    public var baselines: [NamedValue] {
        if let outputs { return named(outputs.baselines) }
        return named([
            ("no_change", classification?.noChange ?? regression?.noChangeRMSE),
            ("majority", classification?.majorityClass), ("mean", regression?.meanRMSE),
            ("logged", policy?.logged), ("uniform", policy?.uniform),
            ("no_change_mae", regression?.noChangeMAE), ("mean_mae", regression?.meanMAE),
        ])
    }

    private func named(_ values: [(String, Double?)]) -> [NamedValue] {
        values.compactMap { name, value in value.map { NamedValue(name, $0) } }
    }
}
