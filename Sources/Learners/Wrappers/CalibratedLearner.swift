import Glibc
import Records
import State

/// Calibrates a classifier's probabilities, for any learner.
///
/// Of two classes the second one's probability is mapped; of more each class's against the others, and the results are
/// scaled to sum to 1. A record's probabilities are calibrated with what was known before it (`mean`: before its batch),
/// then its score and its target are learned.
public final class CalibratedLearner: Learner {
    private let base: any Learner
    private let calibrator: any Calibrator
    private let isBinary: Bool
    private let batchMode: BatchMode
    /// How good probabilities were before and after.
    private let before = ReliabilitySums()
    private let after = ReliabilitySums()
    /// Scores of the rows that are to be learned, as log-odds: the class count a row.
    @exclusivity(unchecked) private var scores: [Double] = []
    @exclusivity(unchecked) private var votes: [Double] = []

    public init(_ base: any Learner, _ method: CalibrationMethod, isBinary: Bool, batchMode: BatchMode) {
        self.base = base
        calibrator = method.makeCalibrator()
        self.isBinary = isBinary
        self.batchMode = batchMode
        if !isBinary { calibrator.grow(toClasses: base.classCount) }
    }

    public var state: [StateEntry] {
        base.state
            + (calibrator.state + before.state.prefixed("before") + after.state.prefixed("after"))
            .prefixed("calibration")
    }

    public func stateDidChange() { base.stateDidChange() }

    public var classCount: Int { base.classCount }

    public func grow(toClasses count: Int) {
        base.grow(toClasses: count)
        if !isBinary { calibrator.grow(toClasses: base.classCount) }
    }

    /// Of the learned records: expected calibration error and log loss, and those the learner itself would have had.
    public var reliability: [(name: String, value: Double?)] {
        [
            ("ece", after.calibrationError), ("log_loss", after.logLoss),
            ("uncalibrated_ece", before.calibrationError), ("uncalibrated_log_loss", before.logLoss),
        ]
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predict(features, into: predictions)
        for row in 0..<features.rows { calibrate(row, features, predictions, learns: false) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        base.predictThenLearn(features, into: predictions)
        scores.removeAll(keepingCapacity: true)
        for row in 0..<features.rows {
            calibrate(row, features, predictions, learns: true)
            guard batchMode == .sequential else { continue }
            learn(row, 0, features)
            scores.removeAll(keepingCapacity: true)
        }
        guard batchMode == .mean else { return }
        var start = 0
        for row in 0..<features.rows where learn(row, start, features) { start += maps }
    }

    /// Maps in use.
    private var maps: Int { isBinary ? 1 : base.classCount }

    /// Replaces a row's probabilities, and keeps its scores where they are to be learned.
    private func calibrate(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, learns: Bool) {
        let outputs = predictions.outputs(of: row)
        let target = features.learnedClass(row, of: base.classCount)
        let learns = learns && target != nil
        if isBinary {
            let score = outputs[0]
            let logOdds = LogOdds.of(score)
            let p = calibrator.probability(of: logOdds, class: 0)
            outputs[0] = p
            // What lies right between them is left to the learner.
            if p != 0.5 { predictions.classes[row] = p > 0.5 ? 1 : 0 }
            if learns { scores.append(logOdds) }
            if let target { note(row, target, score, p, learns, predictions) }
            return
        }
        let count = base.classCount
        guard count > 0, predictions.width >= count else { return }
        if votes.count < count { votes = Array(repeating: 0, count: count) }
        var sum = 0.0
        for index in 0..<count {
            let logOdds = LogOdds.of(outputs[index])
            votes[index] = calibrator.probability(of: logOdds, class: index)
            sum += votes[index]
            if learns { scores.append(logOdds) }
        }
        let raw = ClassVotes.best(outputs, count)
        let (score, rawShare) = (outputs[raw], target.map { outputs[$0] } ?? 1)
        for index in 0..<count { outputs[index] = votes[index] / sum }
        let best = ClassVotes.best(outputs, count)
        predictions.classes[row] = Int32(best)
        guard let target else { return }
        predictions.losses[row] = Self.loss(outputs[target])
        guard learns else { return }
        before.add(probability: score, cameTrue: raw == target, loss: Self.loss(rawShare))
        after.add(probability: outputs[best], cameTrue: best == target, loss: predictions.losses[row])
    }

    private func note(
        _ row: Int, _ target: Int, _ score: Double, _ p: Double, _ learns: Bool, _ predictions: PredictionBatch
    ) {
        predictions.losses[row] = Self.loss(target == 1 ? p : 1 - p)
        guard learns else { return }
        before.add(probability: score, cameTrue: target == 1, loss: Self.loss(target == 1 ? score : 1 - score))
        after.add(probability: p, cameTrue: target == 1, loss: predictions.losses[row])
    }

    private static func loss(_ probability: Double) -> Double { -log(max(probability, 1e-15)) }

    /// - Parameter start: where the row's scores begin.
    /// - Returns: whether the row was learned.
    @discardableResult private func learn(_ row: Int, _ start: Int, _ features: FeatureBatch) -> Bool {
        guard let target = features.learnedClass(row, of: base.classCount), start + maps <= scores.count else {
            return false
        }
        let weight = Double(features.weights[row])
        for index in 0..<maps {
            calibrator.learn(
                scores[start + index], class: index, isTrue: isBinary ? target == 1 : index == target, weight: weight)
        }
        return true
    }
}
