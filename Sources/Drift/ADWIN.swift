import Components
import State

/// ADWIN as a detector of its own: one `AdaptiveWindow` in a named array, and a more sensitive one behind it where
/// warnings are wanted, as adaptive random forests do (Gomes et al., Machine Learning 106, 2017, Algorithm 1).
public final class ADWIN: DriftDetector {
    private let rule: AdaptiveWindow
    /// Of warnings; nil: there are none.
    private let warning: AdaptiveWindow?
    private let window: StateArray<Double>

    /// - Parameter warningDelta: significance of a warning, above the rule's; nil: no warnings.
    public init(_ rule: AdaptiveWindow = AdaptiveWindow(), warningDelta: Double? = nil) {
        self.rule = rule
        warning = warningDelta.map {
            var warning = rule
            warning.delta = $0
            return warning
        }
        window = StateArray(count: rule.scalarCount * (warning == nil ? 1 : 2))
    }

    public var state: [StateEntry] { [StateEntry("window", window)] }

    /// Mean of the values in the window.
    public var mean: Double { rule.mean(window.base) }
    /// Values in the window.
    public var width: Int { Int(rule.width(window.base)) }

    public func update(_ value: Double) -> DriftSignal {
        let isDrift = rule.update(window.base, value)
        guard let warning else { return isDrift ? .drift : .none }
        let second = window.base + rule.scalarCount
        let isWarning = warning.update(second, value)
        guard isDrift else { return isWarning ? .warning : .none }
        warning.reset(second)
        return .drift
    }

    public func reset() { window.clear() }
}

extension ADWIN {
    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "adwin", "adaptive windowing: the mean of a window that shrinks at a change (Bifet and Gavaldà 2007)",
            fields: [
                HyperparameterField("delta", .number(1e-12...1), default: "0.002", "significance"),
                HyperparameterField(
                    "warning-delta", .number(0...1), default: "0", "significance of a warning, above delta; 0 = none"),
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
        let warningDelta = fields.double("warning-delta")
        guard warningDelta == 0 || warningDelta > fields.double("delta") else {
            throw SettingError("adwin: warning-delta=\(warningDelta) must be above delta=\(fields.double("delta"))")
        }
        return ADWIN(
            AdaptiveWindow(
                delta: fields.double("delta"), clock: fields.integer("clock"),
                bucketsPerRow: fields.integer("max-buckets"), minimumLength: fields.integer("min-window"),
                gracePeriod: fields.integer("grace-period"),
                direction: AdaptiveWindow.Direction(rawValue: fields["direction"]) ?? .both,
                rule: AdaptiveWindow.Rule(rawValue: fields["rule"]) ?? .moa),
            warningDelta: warningDelta > 0 ? warningDelta : nil)
    }
}
