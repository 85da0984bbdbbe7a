import Components

/// The numbers behind the gradient optimizers, with every "auto" resolved.
///
/// `dialect=river` takes River 0.26.1's defaults and formulas as they are; `dialect=thalweg` the published ones where
/// River deviates from them.
struct OptimizedSettings: Sendable {
    let optimizer: String
    let loss: String
    let isRiver: Bool
    let batchMode: BatchMode
    let hasIntercept: Bool
    /// Step per unit of gradient.
    let rate: Double
    let interceptRate: Double
    /// The decay of momentum, nesterov, rmsprop and adadelta.
    let momentum: Double
    let beta1: Double
    let beta2: Double
    let epsilon: Double
    /// ftrl's step size and the guard in its denominator.
    let alpha: Double
    let beta: Double
    let l1: Double
    let l2: Double
    /// Largest absolute loss derivative.
    let clip: Double

    init(_ parameters: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        optimizer = parameters["optimizer"]
        isRiver = parameters["dialect"] == "river"
        batchMode = context.batchMode
        hasIntercept = parameters.boolean("intercept")
        loss = try Self.loss(parameters, context)
        rate = parameters.automatic("learning-rate") ?? Self.defaultRate(optimizer)
        let interceptRate = parameters.automatic("intercept-learning-rate")
        let isPassive = ["pa1", "pa2"].contains(optimizer)
        let followsRate = !isRiver || isPassive || optimizer == "perceptron"
        self.interceptRate = interceptRate ?? (followsRate ? rate : 0.01)
        // Zeiler's rho is .95; the field's default is that of the three others.
        let hasOwnDecay = optimizer == "adadelta" && !parameters.isGiven("momentum")
        momentum = hasOwnDecay ? 0.95 : parameters.double("momentum")
        beta1 = parameters.double("beta1")
        beta2 = parameters.double("beta2")
        epsilon = parameters.double("epsilon")
        alpha = parameters.automatic("alpha") ?? (isRiver ? 0.05 : 0.1)
        beta = parameters.automatic("beta") ?? 1
        l1 = parameters.double("l1")
        l2 = parameters.automatic("l2") ?? (isRiver && optimizer == "ftrl" ? 1 : 0)
        clip = parameters.double("clip-gradient")
        try checkCombination()
    }

    /// The penalties that the learner applies itself; ftrl has them in its closed form.
    var learnerL1: Double { optimizer == "ftrl" ? 0 : l1 }
    var learnerL2: Double { optimizer == "ftrl" ? 0 : l2 }

    private static func defaultRate(_ optimizer: String) -> Double {
        switch optimizer {
        case "sgd": 0.01
        case "pa1", "pa2", "perceptron", "adadelta": 1
        default: 0.1
        }
    }

    private static func loss(_ parameters: Hyperparameters, _ context: LearnerContext) throws(SettingError) -> String {
        let loss = parameters["loss"]
        let optimizer = parameters["optimizer"]
        let isRegression = context.task == .regression
        if ["pa1", "pa2", "perceptron"].contains(optimizer) {
            guard loss == "auto" else { throw SettingError("\(optimizer) has its own loss; leave out loss=\(loss)") }
            guard !isRegression || optimizer != "perceptron" else {
                throw SettingError("perceptron learns classes; for numbers take pa1 or sgd")
            }
            return optimizer
        }
        guard loss != "auto" else { return isRegression ? "squared" : "logistic" }
        guard ["logistic", "hinge"].contains(loss) != isRegression else {
            let suitable = isRegression ? "any but logistic and hinge" : "logistic or hinge"
            throw SettingError("loss=\(loss) does not fit the task \(context.task.rawValue); take \(suitable)")
        }
        return loss
    }

    private func checkCombination() throws(SettingError) {
        let isMistakeDriven = ["pa1", "pa2", "perceptron"].contains(optimizer)
        if isMistakeDriven, batchMode == .mean {
            throw SettingError("\(optimizer) has no mean gradient: its steps are set by one record; take sequential")
        }
        if l1 > 0, isMistakeDriven || optimizer == "adadelta" {
            throw SettingError("l1 needs a learning rate to shrink by; \(optimizer) has none. Take ftrl or adagrad")
        }
        if l2 > 0, ["pa1", "pa2"].contains(optimizer) {
            throw SettingError("\(optimizer) is regularized by c, not by l2")
        }
        if optimizer == "ftrl", alpha <= 0 { throw SettingError("ftrl needs alpha above 0") }
    }
}

/// What the kernels need of the settings: plain numbers, free to copy.
struct StepSettings: BitwiseCopyable, Sendable {
    let isRiver: Bool
    let hasIntercept: Bool
    let interceptRate: Double
    let l2: Double
    let clip: Double
    let beta1: Double
    let beta2: Double
    /// L1 penalty of one step; 0 = none.
    let penalty: Double
    /// Whether there is any penalty outside the rule.
    let isRegularized: Bool

    init(_ settings: OptimizedSettings, hasIntercept: Bool) {
        isRiver = settings.isRiver
        self.hasIntercept = settings.hasIntercept && hasIntercept
        interceptRate = settings.interceptRate
        l2 = settings.learnerL2
        clip = settings.clip
        beta1 = settings.beta1
        beta2 = settings.beta2
        penalty = settings.learnerL1 * settings.rate
        isRegularized = l2 > 0 || penalty > 0
    }
}
