import Components
extension Linear {
    static func makeVowpal(_ p: Hyperparameters, _ c: LearnerContext) throws(SettingError) -> any Learner { throw SettingError("not yet") }
}
