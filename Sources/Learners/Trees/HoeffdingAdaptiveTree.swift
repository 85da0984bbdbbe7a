import Components
import Drift

/// The registered Hoeffding adaptive tree.
public enum HoeffdingAdaptiveTree {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "hoeffding-adaptive-tree", "a Hoeffding tree that replaces branches whose error rises (HAT-ADWIN)",
            fields: TreeSettings.fields() + [
                HyperparameterField("delta", .number(1e-12...1), default: "0.002", "significance of ADWIN"),
                HyperparameterField(
                    "drift-window", .integer(1...1_000_000), default: "300",
                    "errors that a branch and its alternative must have seen before they are compared"),
                HyperparameterField(
                    "switch-significance", .number(1e-12...1), default: "0.05", "significance of that comparison"),
                HyperparameterField(
                    "bootstrap", .boolean, default: "true", "leaves weigh each record by a draw from Poisson(1)"),
                HyperparameterField(
                    "replace-early", .boolean, default: "false",
                    "an alternative takes its place as soon as it splits, as in MOA's implementation"),
            ]),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false),
        presets: ["moa": TreeSettings.moa.merging(["replace-early": "true"]) { $1 }]
    ) { parameters, context throws(SettingError) in
        var settings = AdaptiveTree.Settings()
        settings.tree = TreeSettings(parameters)
        settings.window.delta = parameters.double("delta")
        settings.leastWidth = parameters.double("drift-window")
        settings.significance = parameters.double("switch-significance")
        settings.bootstraps = parameters.boolean("bootstrap")
        settings.replacesEarly = parameters.boolean("replace-early")
        return ChangingTreeLearner(context) { AdaptiveTree(settings, classes: $0, rooms: $1) }
    }
}
