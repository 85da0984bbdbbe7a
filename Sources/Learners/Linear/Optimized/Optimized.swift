import Components
import Records

extension Linear {
    /// The linear learners under the classic gradient optimizers, FTRL, passive-aggressive steps and the perceptron.
    /// - Throws: when loss, task, optimizer, penalties and batch mode do not fit together.
    static func makeOptimized(
        _ parameters: Hyperparameters, _ context: LearnerContext
    ) throws(SettingError) -> any Learner {
        let settings = try OptimizedSettings(parameters, context)
        let factory = OptimizedFactory(settings: settings, slotCount: context.slotCount)
        let zone = parameters.double("huber-epsilon")
        let c = parameters.double("c")
        let isSoftmax = try isSoftmax(parameters, context)
        switch settings.loss {
        case "pa1", "pa2":
            if context.task == .regression {
                let loss: PassiveAggressiveLoss<PassiveAggressiveNumbers> = passive(settings, c: c, zone: zone)
                return factory.descent(SingleOutput(loss: loss))
            }
            let loss: PassiveAggressiveLoss<PassiveAggressiveClasses> = passive(settings, c: c, zone: zone)
            return context.task == .binary
                ? factory.descent(SingleOutput(loss: loss)) : factory.descent(OneAgainstAll(loss: loss))
        case "perceptron", "hinge":
            let threshold: Double = settings.loss == "hinge" ? 1 : 0
            return classes(factory, context, HingeLoss(threshold: threshold, isRiver: settings.isRiver))
        case "logistic":
            if isSoftmax { return factory.any(SoftmaxOutput(isRiver: settings.isRiver)) }
            return classes(factory, context, LogisticLoss(isRiver: settings.isRiver))
        case "squared": return factory.any(SingleOutput(loss: SquaredLoss()))
        case "poisson": return factory.any(SingleOutput(loss: PoissonLoss()))
        default:
            let tau = parameters.double("tau")
            return factory.any(SingleOutput(loss: residual(settings, tau: tau, zone: zone)))
        }
    }

    /// Softmax is the default of several classes where the loss allows it.
    private static func isSoftmax(
        _ parameters: Hyperparameters, _ context: LearnerContext
    ) throws(SettingError) -> Bool {
        guard context.task == .multiclass, parameters["multiclass"] == "softmax" else { return false }
        let loss = parameters["loss"]
        let hasOwnLoss = ["pa1", "pa2", "perceptron"].contains(parameters["optimizer"])
        guard hasOwnLoss || !["auto", "logistic"].contains(loss) else { return true }
        guard !parameters.isGiven("multiclass") else {
            let culprit = hasOwnLoss ? "optimizer=\(parameters["optimizer"])" : "loss=\(loss)"
            throw SettingError("\(culprit) cannot learn a softmax; take multiclass=one-against-all")
        }
        return false
    }

    private static func classes(
        _ factory: OptimizedFactory, _ context: LearnerContext, _ loss: some PointLoss
    ) -> any Learner {
        context.task == .binary ? factory.any(SingleOutput(loss: loss)) : factory.any(OneAgainstAll(loss: loss))
    }

    private static func passive<Kind>(
        _ settings: OptimizedSettings, c: Double, zone: Double
    ) -> PassiveAggressiveLoss<Kind> {
        PassiveAggressiveLoss(
            c: c, isSecond: settings.loss == "pa2", epsilon: zone, hasIntercept: settings.hasIntercept,
            isRiver: settings.isRiver)
    }

    private static func residual(_ settings: OptimizedSettings, tau: Double, zone: Double) -> ResidualLoss {
        let kind: ResidualLoss.Kind =
            switch settings.loss {
            case "quantile": .quantile
            case "expectile": .expectile
            case "huber": .huber
            case "epsilon-insensitive": .insensitive
            default: .absolute
            }
        let usesTau = kind == .quantile || kind == .expectile
        return ResidualLoss(kind: kind, parameter: usesTau ? tau : zone, isRiver: settings.isRiver)
    }
}

/// Makes the learner specialised for a head and the configured rule: the switch over optimizers outside all loops.
private struct OptimizedFactory {
    let settings: OptimizedSettings
    let slotCount: Int

    /// For heads that bring their own step size.
    func descent<Head: OutputHead>(_ head: Head) -> any Learner { make(head, DescentRule.self) }

    func any<Head: OutputHead>(_ head: Head) -> any Learner {
        switch settings.optimizer {
        case "momentum": make(head, MomentumRule.self)
        case "nesterov": make(head, NesterovRule.self)
        case "adagrad": make(head, AdaGradRule.self)
        case "rmsprop": make(head, RMSPropRule.self)
        case "adadelta": make(head, AdaDeltaRule.self)
        case "adam": make(head, AdamRule.self)
        case "amsgrad": make(head, AMSGradRule.self)
        case "adamax": make(head, AdaMaxRule.self)
        case "nadam": make(head, NadamRule.self)
        case "ftrl": settings.isRiver ? make(head, RiverProximalRule.self) : make(head, ProximalRule.self)
        default: make(head, DescentRule.self)
        }
    }

    private func make<Head: OutputHead, Rule: UpdateRule>(_ head: Head, _ rule: Rule.Type) -> any Learner {
        let rule = Rule(settings, isIntercept: false)
        let interceptRule = Rule(settings, isIntercept: true)
        // River's softmax has no intercept.
        let steps = StepSettings(settings, hasIntercept: !(Head.needsOutputs && settings.isRiver))
        // The closure is where the kernels become concrete: called once a batch, it is specialised for head and rule,
        // which the methods of a generic class behind an existential would not be.
        return OptimizedLearner(LinearTable(Head.self, Rule.self, settings, slotCount: slotCount), settings.batchMode) {
            table, features, predictions, mode in
            let kernel = RuleKernel(
                rule: rule, interceptRule: interceptRule, settings: steps, view: LinearView(table),
                rows: FeatureRows(features))
            let pass = LinearPass(head, kernel, predictions)
            switch mode {
            case nil: pass.predict()
            case .sequential: pass.predictThenLearn()
            case .mean: pass.predictThenStep(table.touched)
            }
        }
    }
}
