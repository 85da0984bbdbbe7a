import Components

extension ForestMember.Settings {
    init(_ parameters: Hyperparameters) {
        tree = TreeSettings(parameters)
        warning.delta = max(parameters.double("warning-delta"), 1e-300)
        drift.delta = max(parameters.double("drift-delta"), 1e-300)
        weight = PoissonDraw(mean: parameters.double("lambda"))
        watches = parameters.boolean("drift-detection")
        growsBackground = parameters.boolean("background")
        weighsVotes = parameters.boolean("weighted-vote")
    }

    /// The fields that all forests share.
    ///
    /// - Parameters:
    ///   - subspace: who looks at a share of the attributes.
    ///   - warning: the default of its significance.
    ///   - drift: the default of its significance.
    static func fields(subspace: String, warning: String, drift: String) -> [HyperparameterField] {
        [
            HyperparameterField("models", .integer(1...10_000), default: "10", "trees"),
            HyperparameterField(
                "subspace", .number(0...1), default: "0.6", "share of the attributes that \(subspace) looks at"),
            HyperparameterField("lambda", .number(0.01...100), default: "6", "mean weight of a record"),
            HyperparameterField("warning-delta", .number(0...1), default: warning, "significance of a warning"),
            HyperparameterField("drift-delta", .number(0...1), default: drift, "significance of a drift"),
            HyperparameterField("drift-detection", .boolean, default: "true", "replace trees whose error rises"),
            HyperparameterField(
                "background", .boolean, default: "true", "a tree learns in the background from a warning on"),
            HyperparameterField(
                "weighted-vote", .boolean, default: "true", "trees weigh as much as they were right"),
            HyperparameterField(
                "threads", .integer(0...1024), default: "0",
                "0 = as many as there are cores; 1 = the learning thread alone; the result is the same"),
        ]
    }
}
