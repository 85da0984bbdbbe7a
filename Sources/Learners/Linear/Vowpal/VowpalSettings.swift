import Components
import Glibc
import Records

/// The losses there are, as values to switch over once a batch.
enum VowpalLossChoice {
    case squared
    case logistic
    case hinge
    case quantile(Float)
    case expectile(Float)
    case poisson
}

/// The update rules there are.
enum VowpalRuleChoice {
    case gradient(VowpalGradientSettings)
    case proximal(VowpalLeaderSettings)
    case pistol(VowpalLeaderSettings)
    case coin(VowpalLeaderSettings)

    /// Floats of a slot.
    var lanes: Int {
        if case .coin = self { 8 } else { 4 }
    }
}

/// A Vowpal learner's hyperparameters, resolved.
struct VowpalSettings {
    let loss: VowpalLossChoice
    let rule: VowpalRuleChoice
    let initialTime: Double
    /// What the sums of squared gradients start at.
    let initialSum: Float

    /// Predictions' range before the first label.
    var initialRange: ClosedRange<Double> {
        switch loss {
        case .logistic, .poisson: -50...50
        default: 0...0
        }
    }

    init(_ parameters: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        guard context.batchMode == .sequential else {
            throw SettingError(
                "linear: optimizer \(parameters["optimizer"]) learns record by record; for batch mode 'mean' choose "
                    + "sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, amsgrad, adamax or nadam")
        }
        loss = try Self.loss(parameters, context.task)
        // Vowpal Wabbit's --sgd is its gradient descent with everything switched off.
        let isPlain = parameters["optimizer"] == "sgd"
        guard parameters["optimizer"] == "vw" || isPlain else {
            rule = Self.leader(parameters)
            initialTime = 0
            initialSum = 0
            return
        }
        var settings = VowpalGradientSettings()
        settings.adaptive = !isPlain && parameters.boolean("adaptive")
        settings.normalized = !isPlain && parameters.boolean("normalized")
        settings.invariant = !isPlain && parameters.boolean("invariant")
        settings.power = Float(parameters.double("power-t"))
        settings.l1 = Float(parameters.double("l1"))
        settings.l2 = Float(parameters.automatic("l2") ?? 0)
        let both = settings.adaptive && settings.normalized
        let neither = !settings.adaptive && !settings.normalized
        let time = Float(parameters.automatic("initial-t") ?? (neither ? 1 : 0))
        settings.rate = Float(parameters.automatic("learning-rate") ?? (both ? 0.5 : 10))
        if neither { settings.rate *= powf(time, settings.power) }
        rule = .gradient(settings)
        initialTime = Double(time)
        initialSum = settings.adaptive ? time : 0
    }

    private static func leader(_ parameters: Hyperparameters) -> VowpalRuleChoice {
        let alpha = parameters.automatic("alpha")
        let beta = parameters.automatic("beta")
        func settings(_ alpha: Double, _ beta: Double) -> VowpalLeaderSettings {
            VowpalLeaderSettings(
                alpha: Float(alpha), beta: Float(beta), l1: Float(parameters.double("l1")),
                l2: Float(parameters.automatic("l2") ?? 0))
        }
        switch parameters["optimizer"] {
        case "coin": return .coin(settings(alpha ?? 4, beta ?? 1))
        case "pistol": return .pistol(settings(alpha ?? 1, beta ?? 0.5))
        default: return .proximal(settings(alpha ?? 0.5, beta ?? 1))
        }
    }

    private static func loss(_ parameters: Hyperparameters, _ task: Task) throws(SettingError) -> VowpalLossChoice {
        let tau = Float(parameters.double("tau"))
        switch parameters["loss"] {
        case "auto": return task == .binary ? .logistic : .squared
        case "squared": return .squared
        case "logistic": return .logistic
        case "hinge": return .hinge
        case "quantile": return .quantile(tau)
        case "expectile":
            guard tau > 0, tau <= 0.5 else {
                throw SettingError("linear: loss expectile with optimizer vw takes a tau above 0 and up to 0.5")
            }
            return .expectile(tau)
        case "poisson":
            guard task == .regression else {
                throw SettingError("linear: loss poisson counts things; it is for regression, not for classes")
            }
            return .poisson
        case let other:
            throw SettingError(
                "linear: optimizer \(parameters["optimizer"]) has no loss '\(other)'; there are: squared, logistic, "
                    + "hinge, quantile (tau 0.5: half the absolute error), expectile, poisson")
        }
    }
}
