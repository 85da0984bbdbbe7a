import Components
import Drift
import Records
import State

/// Watches the learner's answers with a detector.
final class DriftWatch: Stateful {
    private enum Slot {
        /// Of the targets of a regression: count, mean, sum of squared deviations.
        static let count = 0
        static let mean = 1
        static let squares = 2
        /// 1: the last signal was a warning.
        static let isWarning = 3
        /// Answers since the last warning.
        static let calm = 4
        /// 1: a background learner is being trained.
        static let trains = 5
        static let size = 6
    }

    /// A background learner is forgotten after so many answers without a warning.
    static let patience = 1000.0

    let name: String
    let action: DriftAction
    private let detector: any DriftDetector
    private let isRegression: Bool
    /// Scores of anomalies are watched themselves.
    private let isScore: Bool
    /// Of groups, the distance from them.
    private let isGroup: Bool
    private let watchesLoss: Bool
    let drifts = DriftLog()
    /// Beginnings of warning zones.
    let warnings = DriftLog()
    private let sums = StateArray<Double>(count: Slot.size)

    /// Nil: nothing is to be watched.
    init?(_ configuration: Configuration, _ task: Task) throws(SettingError) {
        guard let specification = configuration.detector else { return nil }
        let found = try DetectorRegistry.find(specification.name)
        let fields = try Hyperparameters(
            found.descriptor, preset: found.presets[configuration.preset.rawValue] ?? [:], given: specification.fields)
        name = specification.name
        action = configuration.onDrift
        isRegression = task == .regression
        isScore = task.learnsWithoutTarget
        isGroup = task == .clustering
        watchesLoss = fields["watch"] == "loss"
        guard found.input == .numbers || !(isRegression || isScore || watchesLoss) else {
            let fitting = DetectorRegistry.all.filter { $0.input == .numbers }.map(\.descriptor.name)
            throw SettingError(
                "\(name) watches errors of classes, 0 or 1; for "
                    + (isRegression ? "a regression" : isScore ? "scores" : "a loss")
                    + " there are: \(fitting.joined(separator: ", "))")
        }
        detector = try found.make(fields, configuration.seed)
    }

    var state: [StateEntry] {
        [StateEntry("sums", sums)] + detector.state.prefixed("detector") + drifts.state.prefixed("drifts")
            + warnings.state.prefixed("warnings")
    }

    func stateDidChange() { detector.stateDidChange() }

    /// Whether a background learner is being trained.
    var isTraining: Bool {
        get { sums[Slot.trains] != 0 }
        set { sums[Slot.trains] = newValue ? 1 : 0 }
    }

    /// Looks at an answer.
    ///
    /// - Parameters:
    ///   - record: its number, from 1.
    ///   - known: classes the learner could tell apart when it answered.
    /// - Returns: the detector's signal; a warning only where its zone begins.
    func observe(
        _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, record: Int, known: Int
    ) -> DriftSignal {
        guard features.weights[row] > 0, let value = value(row, features, predictions, known) else { return .none }
        let signal = detector.update(value)
        let wasWarning = sums[Slot.isWarning] != 0
        sums[Slot.isWarning] = signal == .warning ? 1 : 0
        sums[Slot.calm] = signal == .none ? sums[Slot.calm] + 1 : 0
        switch signal {
        case .none:
            if isTraining, sums[Slot.calm] > Self.patience { isTraining = false }
            return .none
        case .warning:
            guard !wasWarning else { return .none }
            warnings.add(record: record)
            return .warning
        case .drift:
            drifts.add(record: record)
            return .drift
        }
    }

    private func value(
        _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, _ known: Int
    ) -> Double? {
        if isGroup { return predictions.losses[row] }
        if isScore { return predictions.outputs(of: row)[0] }
        guard isRegression else {
            let target = features.classes[row]
            guard target >= 0, known > 0 else { return nil }
            return watchesLoss ? predictions.losses[row] : predictions.classes[row] == target ? 0 : 1
        }
        let target = features.targets[row]
        guard !target.isNaN else { return nil }
        if watchesLoss { return predictions.losses[row] }
        let error = abs(predictions.outputs(of: row)[0] - target)
        return scaled(error, target)
    }

    /// The error in deviations of the targets until now (Welford 1962); nil while there are none.
    private func scaled(_ error: Double, _ target: Double) -> Double? {
        let s = sums.base
        let target = max(-1e100, min(1e100, target))
        let deviation = s[Slot.count] > 1 ? (s[Slot.squares] / s[Slot.count]).squareRoot() : 0
        s[Slot.count] += 1
        let distance = target - s[Slot.mean]
        s[Slot.mean] += distance / s[Slot.count]
        s[Slot.squares] += distance * (target - s[Slot.mean])
        return deviation > 0 ? min(error / deviation, 1e6) : nil
    }
}
