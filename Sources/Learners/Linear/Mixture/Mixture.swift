import Components
import Records

extension Linear {
    /// The default optimizer: several linear learners at different rates and the levels of the target, stacked and
    /// mixed as they earn it. No rate to set.
    static func makeMixture(
        _ parameters: Hyperparameters, _ context: LearnerContext
    ) throws(SettingError) -> any Learner {
        try checkMixture(parameters, context)
        let intercept = parameters.boolean("intercept")
        return MixtureBinary(
                slotCount: context.slotCount, intercept: intercept, isFeatureNative: context.isFeatureNative)
    }

    private static func checkMixture(_ parameters: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
    }
}
