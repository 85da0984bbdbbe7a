import Components
import Records

extension Linear {
    /// The default optimizer: linear learners at several rates and levels of the target side by side, stacked and
    /// mixed as they earn it. There is no rate to set.
    ///
    /// - Throws: when a setting is given that belongs to other optimizers.
    static func makeMixture(
        _ parameters: Hyperparameters, _ context: LearnerContext
    ) throws(SettingError) -> any Learner {
        try checkMixture(parameters, context)
        let intercept = parameters.boolean("intercept")
        let (slots, isNative) = (context.slotCount, context.isFeatureNative)
        return switch context.task {
        // Anomalies and groups are not asked of it.
        case .binary, .anomaly, .clustering, .bandit:
            MixtureBinary(slotCount: slots, intercept: intercept, isFeatureNative: isNative)
        case .regression: MixtureRegression(slotCount: slots, intercept: intercept, isFeatureNative: isNative)
        case .multiclass: MixtureMulticlass(slotCount: slots, intercept: intercept, isFeatureNative: isNative)
        }
    }

    private static func checkMixture(_ parameters: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        let known = ["optimizer", "loss", "multiclass", "intercept", "dialect"]
        for field in fields where !known.contains(field.name) && parameters.isGiven(field.name) {
            throw SettingError(
                "linear: optimizer=mixture sets its own rates and has no field '\(field.name)'; leave it out, or choose "
                    + "an optimizer that has it, such as optimizer=sgd, adagrad, adam, ftrl or vw")
        }
        let loss = context.task == .regression ? "squared" : "logistic"
        guard ["auto", loss].contains(parameters["loss"]) else {
            throw SettingError(
                "linear: optimizer=mixture has only loss=\(loss) for \(context.task.rawValue) targets; for "
                    + "loss=\(parameters["loss"]) use optimizer=sgd, adagrad, adam or vw")
        }
        guard context.task != .multiclass || parameters["multiclass"] == "softmax" else {
            throw SettingError(
                "linear: optimizer=mixture has only multiclass=softmax; for multiclass=one-against-all use "
                    + "optimizer=sgd, adagrad, adam or vw")
        }
        guard context.batchMode == .sequential else {
            throw SettingError(
                "linear: optimizer=mixture learns record by record and has no batch mode 'mean'; use batch mode "
                    + "'sequential', or optimizer=sgd, adagrad or adam")
        }
    }
}
