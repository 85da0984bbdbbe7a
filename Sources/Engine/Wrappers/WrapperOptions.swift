import Components
import JSON
import Learners
import Records

/// What is put around the learner, whichever it is.
public struct WrapperOptions: Sendable, Equatable {
    /// Names of the settings.
    public static let names = ImbalanceOptions.names + ["calibrate"] + IntervalOptions.names

    public let imbalance: ImbalanceOptions?
    public let calibration: CalibrationMethod?
    public let intervals: IntervalOptions?

    /// Nothing.
    public init() {
        imbalance = nil
        calibration = nil
        intervals = nil
    }

    /// - Parameter text: what a setting says; nil: it is not given.
    public init(_ text: (_ setting: String) -> String?) throws(SettingError) {
        imbalance = try ImbalanceOptions(text)
        intervals = try IntervalOptions(text)
        guard let name = text("calibrate") else {
            calibration = nil
            return
        }
        calibration = CalibrationMethod(rawValue: name)
        guard calibration != nil else {
            throw SettingError(
                "--calibrate is '\(name)'" + didYouMean(name, CalibrationMethod.allCases.map(\.rawValue)))
        }
    }

    /// What stands behind each predicted number.
    public var layout: NumberLayout { intervals?.layout ?? NumberLayout() }

    /// What a snapshot keeps of them; nothing where there is nothing.
    var identity: [(String, JSONValue)] {
        (imbalance?.identity ?? []) + (calibration.map { [("calibrate", .string($0.rawValue))] } ?? [])
            + (intervals?.identity ?? [])
    }

    /// Refuses what does not fit the task.
    func check(_ task: Task) throws(SettingError) {
        let isClassification = task == .binary || task == .multiclass
        let given = identity.map(\.0)
        for name in ImbalanceOptions.names + ["calibrate"] where given.contains(name) && !isClassification {
            throw SettingError("--\(name) is for classes; here the task is \(task.rawValue) (see --task)")
        }
        guard intervals == nil || task == .regression else {
            let option = intervals?.level == nil ? "--quantiles" : "--intervals"
            throw SettingError("\(option) is for numbers; here the task is \(task.rawValue) (see --task)")
        }
    }

    /// Puts around a learner what is asked for.
    ///
    /// - Parameter classNames: the names in use, in index order.
    func wrap(
        _ learner: any Learner, _ context: LearnerContext, classNames: @escaping () -> [String]
    ) -> any Learner {
        var learner = learner
        if let imbalance {
            // Not the numbers that the learner draws.
            let rules = imbalance.rules(seed: context.seed ^ 0x5341_4d50_4c45)
            learner = ReweightedLearner(learner, rules, classNames: classNames)
        }
        if let calibration {
            learner = CalibratedLearner(
                learner, calibration, isBinary: context.task == .binary, batchMode: context.batchMode)
        }
        guard let intervals else { return learner }
        if let level = intervals.level {
            learner = IntervalLearner(
                learner, intervals.method, level: level, window: intervals.window, batchMode: context.batchMode)
        }
        guard !intervals.quantiles.isEmpty else { return learner }
        return QuantileLearner(
            learner, intervals.method, levels: intervals.quantiles, first: intervals.layout.firstQuantile,
            window: intervals.window, batchMode: context.batchMode)
    }
}
