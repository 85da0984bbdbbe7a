import Components
import State

/// Early drift detection method: the distance between errors grows while the concept is stable; its mean plus two
/// deviations well below their maximum means that it is not (Baena-García et al., IWKDDS 2006).
///
/// Level = (mean + 2 deviations) / maximum of that; warning below `warning`, drift below `drift`.
public final class EDDM: DriftDetector {
    private enum Slot {
        static let count = 0
        static let errors = 1
        static let lastError = 2
        static let mean = 3
        /// Sum of squared deviations of the distances.
        static let squares = 4
        static let maximum = 5
        /// 1: in the warning zone since the last error.
        static let isWarning = 6
        static let stale = 7
        static let size = 8
    }

    private let warningLevel: Double
    private let driftLevel: Double
    private let minimum: Double
    private let isRiver: Bool
    private let sums = StateArray<Double>(count: Slot.size)

    private init(_ fields: Hyperparameters) {
        warningLevel = fields.double("warning")
        driftLevel = fields.double("drift")
        minimum = Double(fields.integer("min-instances"))
        isRiver = fields["rule"] == "river"
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func reset() { sums.clear() }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watchedError(value) else { return .none }
        if sums[Slot.stale] != 0 { reset() }
        let s = sums.base
        s[Slot.count] += 1
        guard value >= 0.5 else { return s[Slot.isWarning] != 0 ? .warning : .none }
        let level = addDistance(s)
        let isDrift = level.map { $0 < driftLevel } ?? false
        if isDrift {
            s[Slot.stale] = 1
            return .drift
        }
        if let level { s[Slot.isWarning] = level < warningLevel ? 1 : 0 } else if !isRiver { s[Slot.isWarning] = 0 }
        return s[Slot.isWarning] != 0 ? .warning : .none
    }

    /// Counts an error. The level, where it says something.
    private func addDistance(_ s: UnsafeMutablePointer<Double>) -> Double? {
        s[Slot.errors] += 1
        let errors = s[Slot.errors]
        let distance = s[Slot.count] - s[Slot.lastError]
        s[Slot.lastError] = s[Slot.count]
        let before = s[Slot.mean]
        s[Slot.mean] += (distance - before) / errors
        s[Slot.squares] += (distance - s[Slot.mean]) * (distance - before)
        // River takes the sample's variance, MOA the population's; and MOA counts from one.
        let variance = isRiver ? (errors > 1 ? s[Slot.squares] / (errors - 1) : 0) : s[Slot.squares] / errors
        let reach = s[Slot.mean] + 2 * max(0, variance).squareRoot()
        let isOld = isRiver ? s[Slot.count] > minimum : s[Slot.count] + 1 > minimum
        if reach > s[Slot.maximum] {
            if isOld { s[Slot.maximum] = reach }
            return nil
        }
        guard isOld, errors > minimum else { return isRiver ? nil : 1 }
        return reach / s[Slot.maximum]
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "eddm", "early drift detection method: the distance between errors (Baena-García et al. 2006)",
            fields: [
                HyperparameterField(
                    "min-instances", .integer(1...1_000_000), default: "30", "values, and errors, before a signal"),
                HyperparameterField("warning", .number(0...1), default: "0.95", "warning level"),
                HyperparameterField("drift", .number(0...1), default: "0.9", "drift level"),
                HyperparameterField(
                    "rule", .choice(["moa", "river"]), default: "moa", "whose variance and count of first values"),
            ]), input: .errors, presets: ["river": ["rule": "river"]]
    ) { fields, _ throws(SettingError) in EDDM(fields) }
}
