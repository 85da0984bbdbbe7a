import Components
import Records
import State

/// The registered adaptive model rules: one `RuleSet`.
public final class AdaptiveModelRules: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "adaptive-model-rules",
            "rules with means or linear models that grow, and go when their errors rise (AMRules)",
            fields: [
                HyperparameterField(
                    "grace-period", .number(1...1e9), default: "200",
                    "weight a rule gets between two looks at its conditions"),
                HyperparameterField(
                    "confidence", .number(1e-300...1), default: "1e-7",
                    "delta of the Hoeffding bound: how often a condition may be the wrong one"),
                HyperparameterField(
                    "tie-threshold", .number(0...1), default: "0.05",
                    "below this bound the best condition is taken anyway"),
                HyperparameterField(
                    "model", .choice(RegressionTree.Settings.Leaf.allCases.map(\.rawValue)), default: "adaptive",
                    "what rules predict; adaptive = the mean or a linear model, whichever was nearer lately"),
                HyperparameterField(
                    "ordered", .boolean, default: "true",
                    "the first rule that covers a record learns and answers; false: all that do"),
                HyperparameterField("max-rules", .integer(1...10_000), default: "100", "rules beside the default one"),
                HyperparameterField(
                    "anomaly", .number(-100...0), default: "-0.75",
                    "mean log-odds of a record's values below which it does not teach its rule"),
                HyperparameterField(
                    "anomaly-weight", .number(0...1e9), default: "30",
                    "weight a rule must have before it sees anomalies"),
                HyperparameterField(
                    "drift-tolerance", .number(0...10), default: "0.005", "alpha of Page-Hinkley, in deviations"),
                HyperparameterField(
                    "drift-threshold", .number(0...1e9), default: "35",
                    "lambda of Page-Hinkley, in deviations: beyond it a rule goes"),
                HyperparameterField(
                    "max-mib", .integer(0...1 << 20), default: "32", "MiB of rules: beyond it there are no new ones"),
            ]),
        tasks: [.regression], input: .attributes(isScaled: false)
    ) { parameters, context throws(SettingError) in AdaptiveModelRules(parameters, context) }

    private let rules: RuleSet

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        var settings = RuleSet.Settings()
        settings.leaves.gracePeriod = parameters.double("grace-period")
        settings.leaves.confidence = parameters.double("confidence")
        settings.leaves.tieThreshold = parameters.double("tie-threshold")
        settings.leaves.leaf = RegressionTree.Settings.Leaf(rawValue: parameters["model"]) ?? .adaptive
        settings.leaves.binaryOnly = true
        settings.leaves.maximumBytes = parameters.integer("max-mib") << 20
        settings.isOrdered = parameters.boolean("ordered")
        settings.mostRules = parameters.integer("max-rules")
        settings.anomaly = parameters.double("anomaly")
        settings.leastWeight = parameters.double("anomaly-weight")
        settings.tolerance = parameters.double("drift-tolerance")
        settings.threshold = parameters.double("drift-threshold")
        rules = RuleSet(settings, rooms: context.attributes.map(\.firstRoom))
    }

    public var classCount: Int { 0 }
    public var state: [StateEntry] { rules.state }

    public func stateDidChange() { rules.stateDidChange() }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            predictions.write(rules.predict(features.attributes + row * features.attributeCount), row, features)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            let start = row * features.attributeCount
            predictions.write(rules.predict(features.attributes + start), row, features)
            guard let target = features.learnedNumber(row) else { continue }
            rules.learn(learned + start, target, Double(features.weights[row]))
        }
    }
}
