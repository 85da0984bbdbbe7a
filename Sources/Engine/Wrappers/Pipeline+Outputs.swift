import Evaluation
import Learners
import Records

/// What there is to say of calibration, intervals and several targets.
extension Pipeline {
    /// Names of the classes of each output, where there are several.
    var outputClassNames: [[String]] { further.map { [classNames] + $0.classNames } ?? [] }

    /// A row's predictions for several targets, for people.
    func outputTexts(_ row: Int, _ predictions: PredictionBatch) -> String {
        let answers = predictions.outputs(of: row)
        let classes = outputClassNames
        return schema.outputNames.indices.map { output in
            let answer = answers + output * MultiOutputLearner.width
            guard schema.task != .regression else { return fixed(answer[0], 4) }
            let index = Int(answer[1])
            return classes[output].indices.contains(index) ? classes[output][index] : "none"
        }.joined(separator: ",")
    }

    /// What calibration is worth; nil: probabilities are the learner's own.
    var reliability: [(name: String, value: Double?)]? { (learner as? CalibratedLearner)?.reliability }

    /// Level, coverage and mean width of intervals; nil: there are none.
    var intervalValues: [NamedValue]? {
        guard let level = configuration.wrappers.intervals?.level else { return nil }
        let (one, several) = (evaluation.intervals, evaluation.outputs)
        let measured = [
            ("coverage", one?.coverage ?? several?.coverage),
            ("mean_width", one?.meanWidth ?? several?.meanWidth),
        ]
        return [NamedValue("level", level)]
            + measured.compactMap { name, value in value.map { NamedValue(name, $0) } }
    }
}
