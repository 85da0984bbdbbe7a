import Records
import State

/// Running scores of several outputs: each by itself, their means, and for labels those of the whole set (Read,
/// Pfahringer, Holmes and Frank 2011, section 5).
///
/// Predictions have three numbers an output: the value with its lower and upper end, or the second class's probability,
/// the predicted class, and 0.
public final class MultiOutputMetrics: Stateful {
    private static let width = 3

    public let names: [String]
    private let isRegression: Bool
    private let labels: [ClassificationMetrics]
    private let numbers: [RegressionMetrics]
    private let intervals: [IntervalMetrics]
    /// Records whose targets were all known, and those of them with every label right.
    private let sums = StateArray<Double>(count: 2)

    public init(_ names: [String], isRegression: Bool, hasIntervals: Bool) {
        self.names = names
        self.isRegression = isRegression
        labels = isRegression ? [] : names.map { _ in ClassificationMetrics(isBinary: true) }
        numbers = isRegression ? names.map { _ in RegressionMetrics() } : []
        intervals = hasIntervals ? names.map { _ in IntervalMetrics() } : []
    }

    public var state: [StateEntry] {
        let parts: [any Stateful] = labels + numbers
        return parts.enumerated().flatMap { $1.state.prefixed("output-\($0)") }
            + intervals.enumerated().flatMap { $1.state.prefixed("interval-\($0)") } + [
                StateEntry("sums", sums)
            ]
    }

    public func stateDidChange() { for part in labels { part.stateDidChange() } }

    private func target(_ output: Int, _ row: Int, _ features: FeatureBatch) -> Double {
        if output > 0 {
            let count = features.furtherTargetCount
            return output <= count ? features.furtherTargets[row * count + output - 1] : .nan
        }
        if isRegression { return features.targets[row] }
        return features.classes[row] < 0 ? .nan : Double(features.classes[row])
    }

    /// Scores a row's known targets.
    ///
    /// - Returns: whether there was one.
    func update(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) -> Bool {
        var (known, right) = (0, 0)
        for output in names.indices {
            let target = target(output, row, features)
            guard !target.isNaN else { continue }
            known += 1
            let answer = predictions.outputs(of: row) + output * Self.width
            if isRegression {
                numbers[output].update(target: target, prediction: answer[0])
                if !intervals.isEmpty {
                    intervals[output].update(target: target, lower: answer[1], upper: answer[2])
                }
            } else {
                labels[output].update(
                    target: Int(target), predicted: Int(answer[1]), probabilities: UnsafePointer(answer),
                    known: 2)
                right += answer[1] == target ? 1 : 0
            }
        }
        if known == names.count, !isRegression {
            sums[0] += 1
            sums[1] += right == known ? 1 : 0
        }
        return known > 0
    }

    /// The mean of what there is; nil where there is nothing.
    private func mean(_ values: [Double?]) -> Double? {
        let values = values.compactMap { $0 }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// Of all outputs: means, and for labels the share of wrong ones (Hamming loss), of records with every label right, and F1
    /// by output (macro) and over all labels (micro).
    var metrics: [(String, Double?)] {
        guard isRegression else {
            let counts = labels.map(\.positives)
            let (hits, predicted, actual) = counts.reduce((0, 0, 0)) {
                ($0.0 + $1.hits, $0.1 + $1.predicted, $0.2 + $1.actual)
            }
            let isScored = labels.contains { $0.scored > 0 }
            return [
                ("hamming_loss", hammingLoss), ("exact_match", sums[0] > 0 ? sums[1] / sums[0] : nil),
                (
                    "f1_micro",
                    isScored ? (predicted + actual > 0 ? 2 * hits / (predicted + actual) : 0) : nil
                ),
                ("f1_macro", mean(labels.map(\.f1))), ("accuracy", mean(labels.map(\.accuracy))),
                ("log_loss", mean(labels.map(\.logLoss))), ("roc_auc", mean(labels.map(\.rocAUC))),
            ]
        }
        return [
            ("mae", mean(numbers.map(\.mae))), ("rmse", mean(numbers.map(\.rmse))),
            ("r2", mean(numbers.map(\.r2))),
        ]
    }

    private var hammingLoss: Double? {
        let scored = labels.reduce(0) { $0 + $1.scored }
        guard scored > 0 else { return nil }
        return labels.reduce(0) { $0 + (1 - ($1.accuracy ?? 0)) * $1.scored } / scored
    }

    var baselines: [(String, Double?)] {
        [
            ("no_change", mean(isRegression ? numbers.map(\.noChangeRMSE) : labels.map(\.noChange))),
            ("majority", mean(labels.map(\.majorityClass))), ("mean", mean(numbers.map(\.meanRMSE))),
            ("no_change_mae", mean(numbers.map(\.noChangeMAE))),
            ("mean_mae", mean(numbers.map(\.meanMAE))),
        ]
    }

    /// Means over the outputs: of the shares of targets inside their intervals, and of the intervals' mean widths.
    public var coverage: Double? { mean(intervals.map(\.coverage)) }
    public var meanWidth: Double? { mean(intervals.map(\.meanWidth)) }

    /// Each output's own metrics, by its name.
    public var byOutput: [(name: String, metrics: [NamedValue])] {
        names.enumerated().map { index, name in
            let values: [(String, Double?)] =
                isRegression
                ? [("mae", numbers[index].mae), ("rmse", numbers[index].rmse), ("r2", numbers[index].r2)]
                    + (intervals.isEmpty
                        ? []
                        : [("coverage", intervals[index].coverage), ("mean_width", intervals[index].meanWidth)])
                : [
                    ("accuracy", labels[index].accuracy), ("log_loss", labels[index].logLoss),
                    ("roc_auc", labels[index].rocAUC), ("kappa", labels[index].kappa),
                    ("f1", labels[index].f1),
                    ("ece", labels[index].calibrationError),
                ]
            return (name, values.compactMap { name, value in value.map { NamedValue(name, $0) } })
        }
    }
}
