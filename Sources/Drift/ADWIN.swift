import Components
import State

/// ADWIN as a detector of its own: one `AdaptiveWindow` in a named array.
public final class ADWIN: DriftDetector {
    private let rule: AdaptiveWindow
    private let window: StateArray<Double>

    public init(_ rule: AdaptiveWindow = AdaptiveWindow()) {
        self.rule = rule
        window = StateArray(count: rule.scalarCount)
    }

    public var state: [StateEntry] { [StateEntry("window", window)] }

    /// Mean of the values in the window.
    public var mean: Double { rule.mean(window.base) }
    /// Values in the window.
    public var width: Int { Int(rule.width(window.base)) }

    public func update(_ value: Double) -> DriftSignal { rule.update(window.base, value) ? .drift : .none }

    public func reset() { rule.reset(window.base) }
}

extension ADWIN {
    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "adwin", "adaptive windowing: the mean of a window that shrinks at a change (Bifet and Gavaldà 2007)",
            fields: [
                HyperparameterField("delta", .number(1e-12...1), default: "0.002", "significance"),
                HyperparameterField("clock", .integer(1...1_000_000), default: "32", "values between two checks"),
                HyperparameterField("max-buckets", .integer(1...1000), default: "5", "buckets of each size"),
                HyperparameterField(
                    "min-window", .integer(1...1_000_000), default: "5", "shortest part whose mean counts"),
                HyperparameterField("grace-period", .integer(1...1_000_000), default: "10", "values before any check"),
                HyperparameterField(
                    "direction", .choice(AdaptiveWindow.Direction.allCases.map(\.rawValue)), default: "both",
                    "which changes of the mean are drifts"),
                HyperparameterField(
                    "rule", .choice(AdaptiveWindow.Rule.allCases.map(\.rawValue)), default: "moa",
                    "whose choice of cuts; river's window starts empty after a drift"),
            ]), input: .numbers,
        presets: ["moa": ["direction": "up"], "river": ["rule": "river"]]
    ) { fields, _ throws(SettingError) in
        ADWIN(
            AdaptiveWindow(
                delta: fields.double("delta"), clock: fields.integer("clock"),
                bucketsPerRow: fields.integer("max-buckets"), minimumLength: fields.integer("min-window"),
                gracePeriod: fields.integer("grace-period"),
                direction: AdaptiveWindow.Direction(rawValue: fields["direction"]) ?? .both,
                rule: AdaptiveWindow.Rule(rawValue: fields["rule"]) ?? .moa))
    }
}
