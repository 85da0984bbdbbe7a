import Components
import State

/// The adaptive random forest (Gomes et al., Adaptive random forests for evolving data stream classification, Machine
/// Learning 106, 2017): Hoeffding trees whose leaves look at random attributes, on Poisson(6) weights, each with ADWIN for
/// warnings and drifts and a background tree between them; votes weigh as much as the tree was right.
public enum AdaptiveRandomForest {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "adaptive-random-forest",
            "Hoeffding trees on random attributes and weights, replaced where they drift (ARF); on all cores",
            fields: ForestMember.Settings.fields(subspace: "a leaf", warning: "0.01", drift: "0.001") + [
                HyperparameterField(
                    "draws", .choice(["own", "alike"]), default: "own",
                    "own = each tree draws its attributes from a sequence of its own; alike = from the same (MOA)"),
                HyperparameterField(
                    "model", .choice(RegressionTree.Settings.Leaf.allCases.map(\.rawValue)), default: "adaptive",
                    "of numbers: what leaves predict; adaptive = the mean or a linear model, whichever was nearer lately"
                ),
            ] + TreeSettings.fields(grace: "50", confidence: "0.01")),
        tasks: [.binary, .multiclass, .regression], input: .attributes(isScaled: false),
        presets: ["moa": TreeSettings.moa.merging(["draws": "alike"]) { $1 }]
    ) { parameters, context throws(SettingError) in
        if context.task == .regression { return RegressionForest(parameters, context) }
        var settings = ForestMember.Settings(parameters)
        let count = context.attributes.count
        settings.tree.subspace = max(1, min(count, Int((Double(count) * parameters.double("subspace")).rounded())))
        settings.drawsAlike = parameters["draws"] == "alike"
        let seeds = RandomGenerator(seed: context.seed)
        return Forest(
            settings, seeds: (0..<parameters.integer("models")).map { _ in seeds.next() },
            isParallel: parameters.integer("threads") != 1, context)
    }
}
