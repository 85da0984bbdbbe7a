import Components
import State

/// Cumulative sum: g = max(0, g + x - mean - delta), drift when g > threshold (Page, Biometrika 41, 1954).
public final class CUSUM: DriftDetector {
    private enum Slot {
        static let count = 0
        static let mean = 1
        static let sum = 2
        static let stale = 3
        static let size = 4
    }

    private let delta: Double
    private let threshold: Double
    private let minimum: Double
    private let sums = StateArray<Double>(count: Slot.size)

    private init(_ fields: Hyperparameters) {
        delta = fields.double("delta")
        threshold = fields.double("threshold")
        // MOA counts from one.
        minimum = Double(fields.integer("min-instances")) - 1
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func reset() { sums.clear() }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watched(value) else { return .none }
        if sums[Slot.stale] != 0 { reset() }
        let s = sums.base
        s[Slot.count] += 1
        s[Slot.mean] += (value - s[Slot.mean]) / s[Slot.count]
        s[Slot.sum] = max(0, s[Slot.sum] + value - s[Slot.mean] - delta)
        guard s[Slot.count] >= minimum, s[Slot.sum] > threshold else { return .none }
        s[Slot.stale] = 1
        return .drift
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "cusum", "cumulative sum of what exceeds the mean (Page 1954)",
            fields: [
                HyperparameterField("min-instances", .integer(1...1_000_000), default: "30", "values before a drift"),
                HyperparameterField("delta", .number(0...1e9), default: "0.005", "change of the mean that is none"),
                HyperparameterField("threshold", .number(0...1e12), default: "50", "sum of a drift"),
            ]), input: .numbers
    ) { fields, _ throws(SettingError) in CUSUM(fields) }
}
