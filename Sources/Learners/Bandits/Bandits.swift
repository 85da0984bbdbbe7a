import Components
import Records

extension ContextualBandit {
    private static func learner(
        _ name: String, _ summary: String, _ fields: [HyperparameterField],
        _ policy: @escaping @Sendable (Hyperparameters) -> any ExplorationPolicy
    ) -> LearnerDescriptor {
        LearnerDescriptor(Descriptor(name, summary, fields: fields), tasks: [.bandit]) { parameters, context in
            ContextualBandit(BanditSettings(parameters, context), policy(parameters), context)
        }
    }

    public static let epsilonGreedy = learner(
        "epsilon-greedy", "chooses among actions: the cheapest, and now and then any",
        [HyperparameterField("epsilon", .number(0...1), default: "0.05", "share of decisions taken by lot")]
            + BanditSettings.adaptive(.mtr, rate: "0.5")
    ) { EpsilonGreedy(epsilon: $0.double("epsilon")) }

    /// Foster and Rakhlin's oracle is a plain regression on the actions that were taken, so costs do not weigh by their
    /// propensities; half of the others' rate, as Vowpal Wabbit's weights come to.
    public static let squareCB = learner(
        "squarecb", "chooses among actions: the less likely the more it is expected to cost",
        [
            HyperparameterField("gamma-scale", .number(0...1e6), default: "10", "how sharply costs tell"),
            HyperparameterField("gamma-exponent", .number(0...1), default: "0.5", "how that grows with decisions"),
        ] + BanditSettings.adaptive(.dm, rate: "0.25")
    ) { SquareCB(scale: $0.double("gamma-scale"), exponent: $0.double("gamma-exponent")) }

    public static let linUCB = learner(
        "linucb", "chooses among actions: the one that may be the cheapest",
        [HyperparameterField("alpha", .number(0...1e6), default: "1", "deviations that an action may be cheaper")]
            + BanditSettings.posterior
    ) { LinUCB(alpha: $0.double("alpha")) }

    public static let thompsonSampling = learner(
        "thompson-sampling", "chooses among actions: each as often as it is the cheapest in a drawing",
        [HyperparameterField("scale", .number(0...1e6), default: "0.3", "of the deviations that are drawn from")]
            + BanditSettings.posterior
    ) { ThompsonSampling(scale: $0.double("scale")) }
}
