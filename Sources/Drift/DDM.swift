import Components
import State

/// Drift detection method: the error rate p of a learner falls while the concept is stable; p + s well above its minimum,
/// s = sqrt(p (1 - p) / n), means that it is not (Gama, Medas, Castillo and Rodrigues, SBIA 2004).
///
/// Warning when p + s > p_min + `warning` · s_min, drift when p + s > p_min + `drift` · s_min; after a drift it starts
/// anew.
public final class DDM: DriftDetector {
    private enum Slot {
        static let count = 0
        static let rate = 1
        static let leastRate = 2
        static let leastDeviation = 3
        /// 1: there is a minimum.
        static let hasLeast = 4
        /// 1: forget everything before the next value.
        static let stale = 5
        static let size = 6
    }

    private let warningLevel: Double
    private let driftLevel: Double
    /// Values before the minimum is kept, and before a drift.
    private let firstMinimum: Double
    private let firstDrift: Double
    private let sums = StateArray<Double>(count: Slot.size)

    private init(_ fields: Hyperparameters) {
        warningLevel = fields.double("warning")
        driftLevel = fields.double("drift")
        let least = Double(fields.integer("min-instances"))
        // MOA counts from one, so that its minimum begins a value earlier.
        firstMinimum = fields["rule"] == "river" ? least + 1 : least - 1
        firstDrift = fields["rule"] == "river" ? least + 1 : least
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func reset() { sums.clear() }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watchedError(value) else { return .none }
        if sums[Slot.stale] != 0 { reset() }
        let s = sums.base
        s[Slot.count] += 1
        let count = s[Slot.count]
        s[Slot.rate] += (value - s[Slot.rate]) / count
        let rate = s[Slot.rate]
        let deviation = max(0, rate * (1 - rate) / count).squareRoot()
        guard count >= firstMinimum else { return .none }
        if s[Slot.hasLeast] == 0 || rate + deviation <= s[Slot.leastRate] + s[Slot.leastDeviation] {
            s[Slot.hasLeast] = 1
            s[Slot.leastRate] = rate
            s[Slot.leastDeviation] = deviation
        }
        let level = rate + deviation
        if count >= firstDrift, level > s[Slot.leastRate] + driftLevel * s[Slot.leastDeviation] {
            s[Slot.stale] = 1
            return .drift
        }
        return level > s[Slot.leastRate] + warningLevel * s[Slot.leastDeviation] ? .warning : .none
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "ddm", "drift detection method: the error rate above its minimum (Gama et al. 2004)",
            fields: [
                HyperparameterField("min-instances", .integer(1...1_000_000), default: "30", "values before a drift"),
                HyperparameterField("warning", .number(0...100), default: "2", "warning level, in deviations"),
                HyperparameterField("drift", .number(0...100), default: "3", "drift level, in deviations"),
                HyperparameterField("rule", .choice(["moa", "river"]), default: "moa", "whose count of first values"),
            ]), input: .errors, presets: ["river": ["rule": "river"]]
    ) { fields, _ throws(SettingError) in DDM(fields) }
}
