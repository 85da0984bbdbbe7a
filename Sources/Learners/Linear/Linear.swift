import Components
import Records

/// The linear family: one registered learner, whose hyperparameters choose the loss and the update.
public enum Linear {
    static let optimizers = [
        "mixture", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "adamax",
        "nadam",
        "ftrl", "vw", "coin", "pistol", "pa1", "pa2", "perceptron",
    ]
    static let losses = [
        "auto", "squared", "logistic", "hinge", "quantile", "poisson", "huber", "absolute", "expectile",
        "epsilon-insensitive",
    ]

    /// "auto" stands for the optimizer's own default, which `thalweg describe linear` lists in the summary.
    static let fields: [HyperparameterField] = [
        HyperparameterField(
            "optimizer", .choice(optimizers), default: "mixture",
            "how weights move: mixture = several rates side by side, the best combination chosen as it goes; vw = "
                + "adaptive, normalized and importance-invariant; the others as in the literature"),
        HyperparameterField(
            "loss", .choice(losses), default: "auto",
            "auto = logistic for classes, squared for numbers"),
        HyperparameterField(
            "multiclass", .choice(["softmax", "one-against-all"]), default: "softmax", "how several classes are learned"
        ),
        HyperparameterField(
            "learning-rate", .number(0...1e9), default: "auto",
            "auto = .01 sgd; 1 adadelta, pa1 and pa2 (a factor of the step they choose) and perceptron; .1 the other "
                + "optimizers; .5 vw (10 with adaptive=false or normalized=false, and for sgd in vw's dialect)"),
        HyperparameterField(
            "intercept-learning-rate", .number(0...1e9), default: "auto",
            "auto = the learning rate; .01 in river's dialect but for pa1, pa2 and perceptron"),
        HyperparameterField("intercept", .boolean, default: "true", "learn a constant term"),
        HyperparameterField("l1", .number(0...1e9), default: "0", "L1 regularization"),
        HyperparameterField("l2", .number(0...1e9), default: "auto", "L2 regularization; auto = 0, 1 for river's ftrl"),
        HyperparameterField(
            "momentum", .number(0...1), default: "0.9",
            "rho of momentum, nesterov, rmsprop and adadelta, which takes .95 unless it is given"),
        HyperparameterField("beta1", .number(0...1), default: "0.9", "first moment decay of the Adam family"),
        HyperparameterField("beta2", .number(0...1), default: "0.999", "second moment decay of the Adam family"),
        HyperparameterField(
            "epsilon", .number(0...1), default: "1e-8", "guard in the adaptive optimizers' denominators"),
        HyperparameterField(
            "alpha", .number(1e-9...1e9), default: "auto", "ftrl: .1 (vw .5, river .05); pistol: 1; coin: 4"),
        HyperparameterField("beta", .number(0...1e9), default: "auto", "ftrl: 1; pistol: .5; coin: 1"),
        HyperparameterField("c", .number(0...1e9), default: "1", "aggressiveness of pa1 and pa2"),
        HyperparameterField("tau", .number(0...1), default: "0.5", "quantile or expectile"),
        HyperparameterField(
            "huber-epsilon", .number(0...1e9), default: "0.1", "where huber's loss turns linear; the insensitive zone"),
        HyperparameterField("clip-gradient", .number(0...1e300), default: "1e12", "largest loss derivative"),
        HyperparameterField("adaptive", .boolean, default: "true", "vw: per-weight rates from summed gradients"),
        HyperparameterField("normalized", .boolean, default: "true", "vw: per-weight scales"),
        HyperparameterField("invariant", .boolean, default: "true", "vw: importance-invariant steps"),
        HyperparameterField("power-t", .number(0...10), default: "0.5", "vw: exponent of the rates' decay"),
        HyperparameterField("initial-t", .number(0...1e12), default: "auto", "vw: initial time"),
        HyperparameterField(
            "dialect", .choice(["thalweg", "vw", "river"]), default: "thalweg",
            "whose details where peers differ (set by --preset)"),
    ]

    public static let learner = LearnerDescriptor(
        Descriptor(
            "linear",
            "linear and logistic regression, passive-aggressive, perceptron: sparse or dense, any number of "
                + "classes", fields: fields),
        tasks: [.binary, .multiclass, .regression]
    ) { parameters, context throws(SettingError) in
        switch (parameters["optimizer"], parameters["dialect"]) {
        case ("mixture", _): try makeMixture(parameters, context)
        case ("vw", _), ("coin", _), ("pistol", _), ("ftrl", "vw"), ("sgd", "vw"): try makeVowpal(parameters, context)
        default: try makeOptimized(parameters, context)
        }
    }
}

extension Hyperparameters {
    /// The value of a number field, nil while it stands at "auto".
    func automatic(_ name: String) -> Double? { Double(self[name]) }
}
