import Components

/// The registered extremely fast decision tree.
public enum ExtremelyFastDecisionTree {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "extremely-fast-decision-tree",
            "a Hoeffding tree that splits early and takes splits back that were not the best (EFDT)",
            fields: TreeSettings.fields().filter { $0.name != "remove-poor-attributes" } + [
                HyperparameterField(
                    "re-evaluation", .integer(1...1_000_000_000), default: "200",
                    "weight a split gets between two looks at it"),
                HyperparameterField(
                    "count", .choice(["node", "stream"]), default: "node",
                    "what is counted: a split's weight, or the stream's records (MOA)"),
                HyperparameterField(
                    "merit", .choice(AnytimeTree.Merit.allCases.map(\.rawValue)), default: "mean",
                    "what splits are compared by: the merit now, the mean of all looks, or their sum as MOA divides it"),
            ]),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false),
        presets: [
            "moa": TreeSettings.moa.merging(["re-evaluation": "2000", "count": "stream", "merit": "sum"]) { $1 },
            "river": ["re-evaluation": "20", "merit": "last"],
        ]
    ) { parameters, context throws(SettingError) in
        var settings = AnytimeTree.Settings()
        settings.tree = TreeSettings(parameters)
        settings.interval = parameters.double("re-evaluation")
        settings.countsStream = parameters["count"] == "stream"
        settings.merit = AnytimeTree.Merit(rawValue: parameters["merit"]) ?? .mean
        return ChangingTreeLearner(context) { AnytimeTree(settings, classes: $0, rooms: $1) }
    }
}
