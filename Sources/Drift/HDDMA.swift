import Components
import Glibc
import State

/// HDDM with the average test: the mean of all values since the last drift is compared with the mean at the cut where
/// it was lowest, by Hoeffding's bound (Frías-Blanco et al., IEEE TKDE 27(3), 2015, Theorem 2 and Corollary 3).
///
/// The mean rose when mean - mean_cut >= sqrt(m / 2 ln(2 / confidence)), m = (n - n_cut) / (n_cut n).
public final class HDDMA: DriftDetector {
    private enum Slot {
        static let count = 0
        static let sum = 1
        /// At the cut with the lowest mean.
        static let lowCount = 2
        static let lowSum = 3
        /// At the cut with the highest mean.
        static let highCount = 4
        static let highSum = 5
        static let size = 6
    }

    private let driftConfidence: Double
    private let warningConfidence: Double
    private let onDecrease: DecreaseResponse
    private let sums = StateArray<Double>(count: Slot.size)

    private init(_ fields: Hyperparameters) {
        driftConfidence = fields.double("drift-confidence")
        warningConfidence = fields.double("warning-confidence")
        onDecrease = DecreaseResponse(rawValue: fields["decrease"]) ?? .restart
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func reset() { sums.clear() }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watchedError(value) else { return .none }
        let s = sums.base
        s[Slot.count] += 1
        s[Slot.sum] += value
        moveCuts(s)
        let signal = increase(s)
        if signal == .drift {
            reset()
        } else if onDecrease != .ignore, hasDecreased(s) {
            reset()
            if onDecrease == .drift { return .drift }
        }
        return signal
    }

    private func moveCuts(_ s: UnsafeMutablePointer<Double>) {
        let count = s[Slot.count]
        let mean = s[Slot.sum] / count
        let bound = self.bound(count)
        if s[Slot.lowCount] == 0 || s[Slot.lowSum] / s[Slot.lowCount] + self.bound(s[Slot.lowCount]) >= mean + bound {
            s[Slot.lowCount] = count
            s[Slot.lowSum] = s[Slot.sum]
        }
        if s[Slot.highCount] == 0 || s[Slot.highSum] / s[Slot.highCount] - self.bound(s[Slot.highCount]) <= mean - bound
        {
            s[Slot.highCount] = count
            s[Slot.highSum] = s[Slot.sum]
        }
    }

    private func bound(_ count: Double) -> Double { (1 / (2 * count) * log(1 / driftConfidence)).squareRoot() }

    private func increase(_ s: UnsafeMutablePointer<Double>) -> DriftSignal {
        let (count, cut) = (s[Slot.count], s[Slot.lowCount])
        guard cut < count else { return .none }
        let rise = s[Slot.sum] / count - s[Slot.lowSum] / cut
        if rise >= reach(count, cut, driftConfidence) { return .drift }
        return rise >= reach(count, cut, warningConfidence) ? .warning : .none
    }

    private func hasDecreased(_ s: UnsafeMutablePointer<Double>) -> Bool {
        let (count, cut) = (s[Slot.count], s[Slot.highCount])
        guard cut < count else { return false }
        return s[Slot.highSum] / cut - s[Slot.sum] / count >= reach(count, cut, driftConfidence)
    }

    private func reach(_ count: Double, _ cut: Double, _ confidence: Double) -> Double {
        let m = (count - cut) / cut * (1 / count)
        return (m / 2 * log(2 / confidence)).squareRoot()
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "hddm-a", "Hoeffding's bound on the mean of the errors (Frías-Blanco et al. 2015)",
            fields: HDDMFields.common), input: .errors, presets: HDDMFields.presets
    ) { fields, _ throws(SettingError) in HDDMA(fields) }
}

/// What a fall of the mean error does: it is no reason for alarm, yet what came before it is another concept.
enum DecreaseResponse: String, CaseIterable {
    case ignore
    case restart
    case drift
}

enum HDDMFields {
    static let common = [
        HyperparameterField("drift-confidence", .number(1e-12...0.5), default: "0.001", "significance of a drift"),
        HyperparameterField("warning-confidence", .number(1e-12...0.5), default: "0.005", "significance of a warning"),
        HyperparameterField(
            "decrease", .choice(DecreaseResponse.allCases.map(\.rawValue)), default: "restart",
            "what a fall of the mean does: nothing, a silent new start, or a drift"),
    ]
    static let presets = ["river": ["decrease": "ignore"]]
}
