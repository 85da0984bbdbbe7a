import Components
import Drift
import Learners
import Preprocessing

/// The learners there are. Adding one is one file and one line here.
public enum LearnerRegistry {
    public static let all: [LearnerDescriptor] = [
        Linear.learner,
        MultinomialNaiveBayes.learner,
        MultinomialNaiveBayes.complement,
        NaiveBayes.learner,
        HoeffdingTreeLearner.learner,
        HoeffdingAdaptiveTree.learner,
        ExtremelyFastDecisionTree.learner,
        AdaptiveRandomForest.learner,
        StreamingRandomPatches.learner,
        Bagging.online,
        Bagging.adwin,
        Bagging.leveraging,
        OnlineBoosting.learner,
        StreamingGradientBoostedTrees.learner,
        AggregatedMondrianForest.learner,
        AdaptiveModelRules.learner,
        NearestNeighbors.learner,
        HalfSpaceTrees.learner,
        GaussianScorer.learner,
        QuantileScorer.learner,
        LODA.learner,
        KMeans.learner,
        HoltWinters.learner,
        SNARIMAX.learner,
        ContextualBandit.epsilonGreedy,
        ContextualBandit.squareCB,
        ContextualBandit.linUCB,
        ContextualBandit.thompsonSampling,
        Perceptron.learner,
        FactorizationMachine.learner,
        FieldAwareFactorizationMachine.learner,
        MatrixFactorization.learner,
        BernoulliNaiveBayes.learner,
        BayesianLinearRegression.learner,
        OnlineIsolationForest.learner,
        DBSTREAM.learner,
        SelfAdjustingNeighbors.learner,
    ]

    public static func find(_ name: String) throws(SettingError) -> LearnerDescriptor {
        if let found = all.first(where: { $0.descriptor.name == name }) { return found }
        throw SettingError("there is no learner '\(name)'" + didYouMean(name, all.map(\.descriptor.name)))
    }
}

extension Configuration {
    /// Targets come with their records: several of them, the next ones of a series, costs of logged decisions.
    public var needsPromptTargets: Bool {
        guard schema.furtherTargets.isEmpty else { return true }
        guard let found = try? LearnerRegistry.find(learner.name) else { return false }
        return found.isForecaster || found.tasks == [.bandit]
    }

    /// Checks names and fields of learner and steps before any data is read.
    public func validate() throws(SettingError) {
        let found = try LearnerRegistry.find(learner.name)
        _ = try Hyperparameters(found.descriptor, given: learner.fields)
        if let detector {
            _ = try Hyperparameters(DetectorRegistry.find(detector.name).descriptor, given: detector.fields)
        }
        if let featureDrift {
            let test = try FieldDriftWatch.test(featureDrift)
            _ = try Hyperparameters(test.descriptor, given: featureDrift.fields)
        }
        for step in pipeline ?? [] {
            let encoding = EncodingSteps.find(step.name)
            let descriptor = if let encoding { encoding } else { try StepKind.find(step.name).descriptor }
            _ = try Hyperparameters(descriptor, given: step.fields)
        }
    }
}
