import Components
import Formats
import Learners
import Preprocessing
import Records

extension Configuration {
    /// Whether the learner sees fields as they are. An unknown learner sees nothing yet.
    var usesAttributes: Bool {
        guard let found = try? LearnerRegistry.find(learner.name), case .attributes = found.input else { return false }
        return true
    }

    /// What fills in the attributes of a learner that sees fields as they are; nil: it sees features.
    ///
    /// - Throws: where an option or the format only makes sense for features.
    func attributeEncoder(
        for learner: LearnerDescriptor, _ schema: Schema
    ) throws(SettingError) -> AttributeEncoder? {
        guard case .attributes = learner.input else { return nil }
        let name = learner.descriptor.name
        guard learner.tasks.contains(schema.task) else {
            throw SettingError(
                "\(name) is for the tasks \(learner.tasks.map(\.rawValue).joined(separator: " and ")); here it is "
                    + "\(schema.task.rawValue) (see --task)")
        }
        guard !schema.isFeatureNative else {
            throw SettingError(
                "\(name) learns from fields; VW text and LIBSVM bring hashed features. Give it JSON, CSV or ARFF, or "
                    + "choose a learner of features such as linear")
        }
        guard preset != .vw else { throw SettingError("there is no \(name) in --preset vw") }
        guard crosses.isEmpty else {
            throw SettingError("\(name) learns from fields as they are: --cross is not for it")
        }
        if let step = pipeline?.first(where: { EncodingSteps.find($0.name) != nil }) {
            throw SettingError("\(name) learns from fields as they are: the step '\(step.name)' is not for it")
        }
        let encoder = AttributeEncoder(schema: schema)
        guard !encoder.attributes.isEmpty || learner.isForecaster else {
            throw SettingError("\(name) learns from numbers and categories, and there is no such field")
        }
        return encoder
    }
}
