import Glibc
import Records
import State

/// Running scores of a classifier, from predictions made before each record was learned.
///
/// Bounded memory: the confusion matrix is classes x classes, the area under the ROC curve comes from 4,096 bins of
/// the score's logit (exact but for ties inside a bin of 1/128).
public final class ClassificationMetrics: Stateful {
    private static let bins = 4096
    /// Logits beyond +-16 share the outermost bins.
    private static let binsPerUnit = 128.0
    private static let smallestProbability = 1e-15

    /// Row = true class, column = predicted class; classes at a time given by `sums[classes]`.
    private let confusion: StateArray<Double>
    private let sums: StateArray<Double>
    /// Records by bin, negatives then positives.
    private let scores: StateArray<Double>
    private let scorePageShift: Int
    private let isBinary: Bool
    /// Scored records by true class: the sums of the confusion matrix's rows, kept so that no record has to add them up.
    private var seen: [Double] = []
    /// The class seen most often among the scored records so far; the first of those seen as often.
    private var majority = 0

    private enum Sum {
        static let classes = 0
        static let scored = 1
        static let logLoss = 2
        static let noChangeCorrect = 3
        static let majorityCorrect = 4
        static let lastClass = 5
        static let count = 6
    }

    public init(isBinary: Bool) {
        self.isBinary = isBinary
        confusion = StateArray(count: 0, grows: true)
        sums = StateArray(count: Sum.count)
        sums[Sum.lastClass] = -1
        scores = StateArray(count: isBinary ? 2 * Self.bins : 0, marksChanges: true)
        scorePageShift = scores.pageShift
    }

    public var state: [StateEntry] {
        [StateEntry("confusion", confusion), StateEntry("sums", sums), StateEntry("scores", scores)]
    }

    private var classes: Int { Int(sums[Sum.classes]) }

    public func stateDidChange() {
        let width = classes
        seen = (0..<width).map { row in (0..<width).reduce(0) { $0 + confusion[row * width + $1] } }
        majority = 0
        for row in seen.indices where seen[row] > seen[majority] { majority = row }
    }

    private func grow(toClasses count: Int) {
        let old = confusion.elements
        let width = classes
        confusion.resize(to: 0)
        confusion.resize(to: count * count)
        for row in 0..<width { for column in 0..<width { confusion[row * count + column] = old[row * width + column] } }
        sums[Sum.classes] = Double(count)
        seen += repeatElement(0, count: count - width)
    }

    /// - Parameters:
    ///   - known: classes the learner could tell apart when it predicted; 0 = it could not predict at all, and the
    ///     record is not scored.
    ///   - probabilities: one a class for several classes, the positive class's for two.
    public func update(
        target: Int, predicted: Int, probabilities: UnsafePointer<Double>, known: Int
    ) {
        let needed = max(target, predicted, isBinary ? 1 : 0) + 1
        let sums = sums.base
        if needed > Int(sums[Sum.classes]) { grow(toClasses: needed) }
        let width = Int(sums[Sum.classes])
        if known > 0 {
            sums[Sum.scored] += 1
            if Int(sums[Sum.lastClass]) == target { sums[Sum.noChangeCorrect] += 1 }
            if majority == target { sums[Sum.majorityCorrect] += 1 }
            sums[Sum.logLoss] += logLoss(target, probabilities, known)
            confusion.base[target * width + max(predicted, 0)] += 1
            count(target)
            if isBinary { countScore(target, probabilities[0]) }
        }
        sums[Sum.lastClass] = Double(target)
    }

    func logLoss(_ target: Int, _ probabilities: UnsafePointer<Double>, _ known: Int) -> Double {
        if isBinary {
            let p = probabilities[0]
            return -log(max(target == 1 ? p : 1 - p, Self.smallestProbability))
        }
        // A class nobody knew of counts as if it had had a class's share.
        guard target < known else { return log(Double(known + 1)) }
        return -log(max(probabilities[target], Self.smallestProbability))
    }

    private func countScore(_ target: Int, _ p: Double) {
        let clamped = min(max(p, 1e-12), 1 - 1e-12)
        let bin = Int((log(clamped / (1 - clamped)) + 16) * Self.binsPerUnit)
        let index = min(max(bin, 0), Self.bins - 1) + target * Self.bins
        scores.base[index] += 1
        scores.changedPages[index >> scorePageShift] = 1
    }

    /// Counts only grow, so that no class but the one counted can overtake the majority.
    private func count(_ target: Int) {
        seen[target] += 1
        let lead = seen[target] - seen[majority]
        if lead > 0 || lead == 0 && target < majority { majority = target }
    }

    public var scored: Double { sums[Sum.scored] }

    private func ratio(_ value: Double, _ total: Double) -> Double? { total > 0 ? value / total : nil }

    public var accuracy: Double? {
        let width = classes
        return ratio((0..<width).reduce(0) { $0 + confusion[$1 * width + $1] }, scored)
    }

    public var logLoss: Double? { ratio(sums[Sum.logLoss], scored) }

    /// Accuracy of predicting the previous record's class.
    public var noChange: Double? { ratio(sums[Sum.noChangeCorrect], scored) }

    /// Accuracy of predicting the class seen most often.
    public var majorityClass: Double? { ratio(sums[Sum.majorityCorrect], scored) }

    /// Cohen's kappa (1960): agreement beyond chance.
    public var kappa: Double? {
        guard let accuracy else { return nil }
        let width = classes
        var chance = 0.0
        for index in 0..<width {
            let row = (0..<width).reduce(0) { $0 + confusion[index * width + $1] }
            let column = (0..<width).reduce(0) { $0 + confusion[$1 * width + index] }
            chance += row / scored * (column / scored)
        }
        return chance < 1 ? (accuracy - chance) / (1 - chance) : 0
    }

    /// Agreement beyond predicting the previous class (Zliobaite et al. 2015).
    public var kappaTemporal: Double? {
        guard let accuracy, let noChange else { return nil }
        return noChange < 1 ? (accuracy - noChange) / (1 - noChange) : 0
    }

    /// F1 of the positive class for two classes, the mean over classes (macro) for more.
    public var f1: Double? {
        guard scored > 0 else { return nil }
        let width = classes
        func score(_ index: Int) -> Double {
            let hit = confusion[index * width + index]
            let actual = (0..<width).reduce(0) { $0 + confusion[index * width + $1] }
            let predicted = (0..<width).reduce(0) { $0 + confusion[$1 * width + index] }
            return actual + predicted > 0 ? 2 * hit / (actual + predicted) : 0
        }
        if isBinary { return width > 1 ? score(1) : 0 }
        let seen = (0..<width).filter { index in
            (0..<width).contains { confusion[index * width + $0] + confusion[$0 * width + index] > 0 }
        }
        return seen.reduce(0) { $0 + score($1) } / Double(max(seen.count, 1))
    }

    /// Of two classes the second one: how often it was rightly predicted, predicted, and there.
    var positives: (hits: Double, predicted: Double, actual: Double) {
        guard classes > 1 else { return (0, 0, 0) }
        let hits = confusion[classes + 1]
        return (hits, hits + confusion[1], hits + confusion[classes])
    }

    /// Area under the precision-recall curve as average precision: the sum over scores, from the highest on, of precision
    /// times the recall gained; nil until a positive was seen.
    public var averagePrecision: Double? {
        guard isBinary else { return nil }
        var (positives, all, area) = (0.0, 0.0, 0.0)
        for bin in (0..<Self.bins).reversed() {
            let here = scores[bin + Self.bins]
            positives += here
            all += here + scores[bin]
            if here > 0 { area += here * positives / all }
        }
        return positives > 0 ? area / positives : nil
    }

    /// Expected calibration error of the positive class's probability (Guo, Pleiss, Sun and Weinberger 2017): the mean
    /// distance, by records, of probability from frequency in ten bins of the same width. Probabilities count as the
    /// centre of their bin of 1/128 in log-odds. Nil for several classes.
    public var calibrationError: Double? {
        guard isBinary, scored > 0 else { return nil }
        var sums = [(probability: Double, positives: Double)](repeating: (0, 0), count: 10)
        for bin in 0..<Self.bins {
            let records = scores[bin] + scores[bin + Self.bins]
            let p = 1 / (1 + exp(16 - (Double(bin) + 0.5) / Self.binsPerUnit))
            let place = min(9, Int(p * 10))
            sums[place].probability += p * records
            sums[place].positives += scores[bin + Self.bins]
        }
        return sums.reduce(0) { $0 + abs($1.probability - $1.positives) } / scored
    }

    /// Area under the ROC curve; nil until both classes were seen.
    public var rocAUC: Double? {
        guard isBinary else { return nil }
        var negativesBelow = 0.0
        var area = 0.0
        var positives = 0.0
        for bin in 0..<Self.bins {
            let negatives = scores[bin]
            let here = scores[bin + Self.bins]
            area += here * (negativesBelow + negatives / 2)
            negativesBelow += negatives
            positives += here
        }
        return positives > 0 && negativesBelow > 0 ? area / (positives * negativesBelow) : nil
    }
}
