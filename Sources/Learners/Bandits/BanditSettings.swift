import Components
import Records

/// The hyperparameters that bandits share.
struct BanditSettings {
    /// How costs of actions that were not taken are made up for (Dudík, Langford and Li, Doubly Robust Policy Evaluation and
    /// Learning, ICML 2011; Bietti, Agarwal and Langford, A Contextual Bandit Bake-off, JMLR 2021).
    enum Estimator: String, CaseIterable {
        /// Inverse propensity scores: every action is learned, those not taken with cost 0.
        case ips
        /// The direct method: the action taken is learned as it is.
        case dm
        /// Doubly robust: every action is learned, from a direct model corrected by inverse propensity scores.
        case dr
        /// Multi-task regression: the action taken is learned with the weight 1 / probability.
        case mtr
    }

    let estimator: Estimator
    let crosses: Bool
    let rate: Double
    let dimensions: Int
    let ridge: Double
    let maximumRatio: Double
    let seed: UInt64

    static let crosses = HyperparameterField(
        "crosses", .boolean, default: "true", "features of the context times features of the action")
    static func estimator(_ standard: Estimator) -> HyperparameterField {
        HyperparameterField(
            "estimator", .choice(Estimator.allCases.map(\.rawValue)), default: standard.rawValue,
            "what makes up for actions that were not taken: ips|dm|dr|mtr")
    }
    static let maximumRatio = HyperparameterField(
        "max-ratio", .number(1...1e6), default: "1000", "1 / probability counts as no more")
    /// Of policies over `AdaptiveCosts`.
    static func adaptive(_ standard: Estimator, rate: String) -> [HyperparameterField] {
        [
            estimator(standard), crosses,
            HyperparameterField("rate", .number(1e-6...100), default: rate, "learning rate"), maximumRatio,
        ]
    }
    /// Of policies over `LinearPosterior`.
    static let posterior = [
        estimator(.dm), crosses,
        HyperparameterField(
            "dimensions", .integer(1...2048), default: "256", "features told apart; the rest share their places"),
        HyperparameterField("ridge", .number(1e-6...1e6), default: "1", "weight of the prior: costs of 0"),
        maximumRatio,
    ]

    init(_ parameters: Hyperparameters, _ context: LearnerContext) {
        estimator = Estimator(rawValue: parameters["estimator"]) ?? .mtr
        crosses = parameters.boolean("crosses")
        func number(_ name: String, or other: Double) -> Double {
            parameters.descriptor.fields.contains { $0.name == name } ? parameters.double(name) : other
        }
        rate = number("rate", or: 0.5)
        dimensions = Int(number("dimensions", or: 1))
        ridge = number("ridge", or: 1)
        maximumRatio = parameters.double("max-ratio")
        seed = context.seed
    }
}
