import Components
import Glibc
import State

/// Statistical test of equal proportions: the error rate of the latest `window` values against that of all before them
/// (Nishida and Yamauchi, Detecting Concept Drift Using Statistical Testing, DS 2007, equation 1).
public final class STEPD: DriftDetector {
    private enum Slot {
        /// Older values and their errors.
        static let olderCount = 0
        static let olderErrors = 1
        /// Latest values and their errors.
        static let count = 2
        static let errors = 3
        /// Place of the oldest in the ring.
        static let first = 4
        static let stale = 5
        static let size = 6
    }

    private let size: Int
    private let driftAlpha: Double
    private let warningAlpha: Double
    private let sums = StateArray<Double>(count: Slot.size)
    /// The latest values, a ring.
    private let window: StateArray<Double>

    private init(_ fields: Hyperparameters) {
        size = fields.integer("window")
        driftAlpha = fields.double("drift-alpha")
        warningAlpha = fields.double("warning-alpha")
        window = StateArray(count: size)
    }

    public var state: [StateEntry] { [StateEntry("sums", sums), StateEntry("window", window)] }

    public func reset() {
        sums.clear()
        window.clear()
    }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watchedError(value) else { return .none }
        if sums[Slot.stale] != 0 { reset() }
        let s = sums.base
        let error = value >= 0.5 ? 1.0 : 0.0
        let first = Int(s[Slot.first])
        if Int(s[Slot.count]) == size {
            s[Slot.olderCount] += 1
            s[Slot.olderErrors] += window[first]
            s[Slot.errors] -= window[first]
            window[first] = error
            s[Slot.first] = Double((first + 1) % size)
        } else {
            window[Int(s[Slot.count])] = error
            s[Slot.count] += 1
        }
        s[Slot.errors] += error
        guard s[Slot.olderCount] >= Double(size) else { return .none }
        let significance = significance(s)
        guard significance < driftAlpha else { return significance < warningAlpha ? .warning : .none }
        s[Slot.stale] = 1
        return .drift
    }

    /// Two-sided p value; 1 where no record, or every one, was an error.
    private func significance(_ s: UnsafeMutablePointer<Double>) -> Double {
        let (older, latest) = (s[Slot.olderCount], s[Slot.count])
        let olderRight = older - s[Slot.olderErrors]
        let latestRight = latest - s[Slot.errors]
        let inverses = 1 / older + 1 / latest
        let share = (olderRight + latestRight) / (older + latest)
        let variance = share * (1 - share) * inverses
        guard variance > 0 else { return 1 }
        let distance = abs(olderRight / older - latestRight / latest) - inverses / 2
        return erfc(max(0, distance) / variance.squareRoot() / 2.0.squareRoot())
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "stepd", "test of equal error rates, latest against older (Nishida and Yamauchi 2007)",
            fields: [
                HyperparameterField("window", .integer(1...100_000), default: "30", "latest values"),
                HyperparameterField("drift-alpha", .number(0...1), default: "0.003", "significance of a drift"),
                HyperparameterField("warning-alpha", .number(0...1), default: "0.05", "significance of a warning"),
            ]), input: .errors
    ) { fields, _ throws(SettingError) in STEPD(fields) }
}
