import Components
import State

/// Page-Hinkley: the cumulated distance of the values from their mean, above its minimum (Page, Biometrika 41, 1954;
/// Hinkley, Biometrika 58, 1971; with forgetting after Sebastião and Fernandes, ISMIS 2017).
///
/// U = alpha U + (x - mean - delta); drift when U - min U > threshold. Falls alike, with x - mean + delta and the
/// maximum. MOA's rule is U > threshold.
public final class PageHinkley: DriftDetector {
    private enum Slot {
        static let count = 0
        static let mean = 1
        static let rise = 2
        static let fall = 3
        static let leastRise = 4
        static let mostFall = 5
        static let stale = 6
        static let size = 7
    }

    private let delta: Double
    private let threshold: Double
    private let alpha: Double
    private let minimum: Double
    private let direction: AdaptiveWindow.Direction
    private let isMOA: Bool
    private let sums = StateArray<Double>(count: Slot.size)

    private init(_ fields: Hyperparameters) {
        delta = fields.double("delta")
        threshold = fields.double("threshold")
        alpha = fields.double("alpha")
        isMOA = fields["rule"] == "moa"
        // MOA counts from one.
        minimum = Double(fields.integer("min-instances")) - (isMOA ? 1 : 0)
        direction = AdaptiveWindow.Direction(rawValue: fields["direction"]) ?? .up
    }

    public var state: [StateEntry] { [StateEntry("sums", sums)] }

    public func reset() { sums.clear() }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watched(value) else { return .none }
        if sums[Slot.stale] != 0 { reset() }
        let s = sums.base
        s[Slot.count] += 1
        s[Slot.mean] += (value - s[Slot.mean]) / s[Slot.count]
        let distance = value - s[Slot.mean]
        s[Slot.rise] = alpha * s[Slot.rise] + (distance - delta)
        s[Slot.fall] = alpha * s[Slot.fall] + (distance + delta)
        let isFirst = s[Slot.count] == 1
        s[Slot.leastRise] = isFirst ? s[Slot.rise] : min(s[Slot.leastRise], s[Slot.rise])
        s[Slot.mostFall] = isFirst ? s[Slot.fall] : max(s[Slot.mostFall], s[Slot.fall])
        guard s[Slot.count] >= minimum else { return .none }
        let risen = s[Slot.rise] - (isMOA ? 0 : s[Slot.leastRise]) > threshold
        let fallen = (isMOA ? 0 : s[Slot.mostFall]) - s[Slot.fall] > threshold
        guard direction != .down && risen || direction != .up && fallen else { return .none }
        s[Slot.stale] = 1
        return .drift
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "page-hinkley", "the cumulated distance from the mean, above its minimum (Page 1954)",
            fields: [
                HyperparameterField("min-instances", .integer(1...1_000_000), default: "30", "values before a drift"),
                HyperparameterField("delta", .number(0...1e9), default: "0.005", "change of the mean that is none"),
                HyperparameterField("threshold", .number(0...1e12), default: "50", "cumulated distance of a drift"),
                HyperparameterField("alpha", .number(0...1), default: "0.9999", "forgetting factor of the distance"),
                HyperparameterField(
                    "direction", .choice(["up", "down", "both"]), default: "up",
                    "which changes of the mean are drifts"),
                HyperparameterField(
                    "rule", .choice(["page", "moa"]), default: "page", "moa: the distance itself, not above its minimum"
                ),
            ]), input: .numbers, presets: ["moa": ["rule": "moa"], "river": ["direction": "both"]]
    ) { fields, _ throws(SettingError) in PageHinkley(fields) }
}
