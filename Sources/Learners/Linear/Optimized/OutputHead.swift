/// What stands on top of the raw scores: how they become a prediction, a loss, and one gradient a score.
///
/// Kernels are generic over it, so everything here is resolved at compile time.
protocol OutputHead: Sendable {
    /// False: one score; true: one score a class.
    static var isMulticlass: Bool { get }
    static var needsNorm: Bool { get }
    /// Whether `gradients` reads the outputs that `answer` made from the same scores.
    static var needsOutputs: Bool { get }
    /// Classes of a head with one score: 2, or 0 for regression.
    static var singleClassCount: Int { get }
    /// The row's target in the form the other methods take; NaN = unknown.
    func target(_ rows: FeatureRows, _ row: Int, classes: Int) -> Double
    /// Turns the scores into outputs; returns the predicted class and the loss (meaningless for an unknown target).
    func answer(_ scores: Scores, _ target: Double, into outputs: UnsafeMutablePointer<Double>) -> (Int, Double)
    /// d loss / d score for every score, times the record's weight.
    func gradients(
        _ scores: Scores, _ target: Double, _ record: RecordScale, into gradients: UnsafeMutablePointer<Double>)
}

/// The raw scores of a row and the clocks of the models that made them.
struct Scores {
    let raw: UnsafeMutablePointer<Double>
    /// Made from `raw` by `answer`; valid only for heads that ask for it.
    let outputs: UnsafeMutablePointer<Double>
    let clocks: UnsafeMutablePointer<Double>
    let count: Int

    /// Whether a class was ever learned. Classes that were only announced take no part, so that the moment of the
    /// announcement does not matter.
    @inline(__always) func isKnown(_ index: Int) -> Bool { Clock(clocks + index * Clock.lanes).hasStarted }
}

/// What a record says about the size of its step.
struct RecordScale {
    let weight: Double
    /// Squared norm of its features, where a head asks for it.
    let norm: Double
}

/// Regression and binary classification: one score.
struct SingleOutput<Loss: PointLoss>: OutputHead {
    static var isMulticlass: Bool { false }
    static var needsNorm: Bool { Loss.needsNorm }
    static var needsOutputs: Bool { false }
    let loss: Loss

    static var singleClassCount: Int { Loss.isClassification ? 2 : 0 }

    @inline(__always) func target(_ rows: FeatureRows, _ row: Int, classes: Int) -> Double {
        guard Loss.isClassification else { return rows.targets[row] }
        switch rows.classes[row] {
        case 0: return -1
        case 1: return 1
        default: return .nan
        }
    }

    @inline(__always) func answer(
        _ scores: Scores, _ target: Double, into outputs: UnsafeMutablePointer<Double>
    ) -> (Int, Double) {
        let answer = loss.evaluate(scores.raw[0], target)
        outputs[0] = answer.output
        return (Loss.isClassification && answer.output > 0.5 ? 1 : 0, answer.loss)
    }

    @inline(__always) func gradients(
        _ scores: Scores, _ target: Double, _ record: RecordScale, into gradients: UnsafeMutablePointer<Double>
    ) {
        gradients[0] = loss.gradient(scores.raw[0], target, weight: record.weight, norm: record.norm)
    }
}
