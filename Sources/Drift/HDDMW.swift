import Components
import Glibc
import State

/// HDDM with the weighted test: exponentially weighted means of the values before and after the cut where the mean was
/// lowest, compared by McDiarmid's bound (Frías-Blanco et al., IEEE TKDE 27(3), 2015, Corollary 4).
///
/// The mean rose when mean_after - mean_before > sqrt((b_before + b_after) ln(1 / confidence) / 2), where b is the sum
/// of the squared weights in the mean.
public final class HDDMW: DriftDetector {
    /// A weighted mean: how many values (0 or more), their mean, the sum of squared weights.
    private enum Mean {
        static let count = 0
        static let value = 1
        static let squares = 2
        static let size = 3
    }
    /// Where the means lie: all values; before and after the cut with the lowest mean, and with the highest.
    private enum Place {
        static let all = 0
        static let lowBefore = 3
        static let lowAfter = 6
        static let highBefore = 9
        static let highAfter = 12
        /// The lowest upper bound and the highest lower bound of the mean.
        static let lowCut = 15
        static let highCut = 16
        static let size = 17
    }

    private let share: Double
    private let driftConfidence: Double
    private let warningConfidence: Double
    private let onDecrease: DecreaseResponse
    /// River decays the sum of squared weights at the first value, too.
    private let decaysFirst: Bool
    private let sums = StateArray<Double>(count: Place.size)

    private init(_ fields: Hyperparameters) {
        share = fields.double("lambda")
        driftConfidence = fields.double("drift-confidence")
        warningConfidence = fields.double("warning-confidence")
        onDecrease = DecreaseResponse(rawValue: fields["decrease"]) ?? .ignore
        decaysFirst = fields["rule"] == "river"
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func reset() { sums.clear() }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watchedError(value) else { return .none }
        let s = sums.base
        let isFirst = s[Place.all + Mean.count] == 0
        add(value, s + Place.all)
        let mean = s[Place.all + Mean.value]
        let bound = (s[Place.all + Mean.squares] * log(1 / driftConfidence) / 2).squareRoot()
        if isFirst || mean + bound < s[Place.lowCut] {
            s[Place.lowCut] = mean + bound
            cut(s, Place.lowBefore, Place.lowAfter)
        } else {
            add(value, s + Place.lowAfter)
        }
        if isFirst || mean - bound > s[Place.highCut] {
            s[Place.highCut] = mean - bound
            cut(s, Place.highBefore, Place.highAfter)
        } else {
            add(value, s + Place.highAfter)
        }
        return signal(s)
    }

    private func signal(_ s: UnsafeMutablePointer<Double>) -> DriftSignal {
        if rose(s + Place.lowBefore, s + Place.lowAfter, driftConfidence) {
            reset()
            return .drift
        }
        let isWarning = rose(s + Place.lowBefore, s + Place.lowAfter, warningConfidence)
        if onDecrease != .ignore, rose(s + Place.highAfter, s + Place.highBefore, driftConfidence) {
            reset()
            if onDecrease == .drift { return .drift }
        }
        return isWarning ? .warning : .none
    }

    private func add(_ value: Double, _ mean: UnsafeMutablePointer<Double>) {
        let rest = 1 - share
        let isFirst = mean[Mean.count] == 0
        mean[Mean.count] += 1
        mean[Mean.value] = isFirst ? value : share * value + rest * mean[Mean.value]
        let squares = isFirst ? 1 : mean[Mean.squares]
        mean[Mean.squares] = isFirst && !decaysFirst ? 1 : share * share + rest * rest * squares
    }

    /// All values until now lie before the cut.
    private func cut(_ s: UnsafeMutablePointer<Double>, _ before: Int, _ after: Int) {
        (s + before).update(from: s + Place.all, count: Mean.size)
        (s + after).update(repeating: 0, count: Mean.size)
    }

    private func rose(
        _ before: UnsafeMutablePointer<Double>, _ after: UnsafeMutablePointer<Double>, _ confidence: Double
    ) -> Bool {
        guard before[Mean.count] > 0, after[Mean.count] > 0 else { return false }
        let bound = ((before[Mean.squares] + after[Mean.squares]) * log(1 / confidence) / 2).squareRoot()
        return after[Mean.value] - before[Mean.value] > bound
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "hddm-w", "McDiarmid's bound on a weighted mean of the errors (Frías-Blanco et al. 2015)",
            fields: Array(HDDMFields.common.dropLast()) + [
                HyperparameterField(
                    "decrease", .choice(DecreaseResponse.allCases.map(\.rawValue)), default: "ignore",
                    "what a fall of the mean does: nothing, a silent new start, or a drift"),
                HyperparameterField("lambda", .number(1e-6...1), default: "0.05", "weight of the newest value"),
                HyperparameterField(
                    "rule", .choice(["moa", "river"]), default: "moa", "whose sum of squared weights at the start"),
            ]), input: .errors, presets: ["river": ["rule": "river"]]
    ) { fields, _ throws(SettingError) in HDDMW(fields) }
}
