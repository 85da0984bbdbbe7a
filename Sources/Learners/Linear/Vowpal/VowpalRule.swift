/// How weights score and learn: gradient descent or one of the follow-the-regularized-leader family.
protocol VowpalRule {
    associatedtype Loss: VowpalLoss
    var loss: Loss { get }
    /// Whether the label widens the range of predictions before the prediction is made (gradient descent), or after.
    static var widensFirst: Bool { get }
    /// Whether the answer is the prediction made while learning, where a record is learned.
    static var answersWhileLearning: Bool { get }

    /// The sum of weights times values for one class. Changes nothing.
    func score(_ row: VowpalRow, _ column: Int) -> Float

    /// Learns from one record, for one class. Returns the prediction that the loss is taken from.
    func learn(_ row: VowpalRow, _ column: Int, _ target: VowpalTarget) -> Float
}

/// Whether a number may enter the state.
@inline(__always)
func isFinite(_ number: Float) -> Bool { abs(number) <= Float.greatestFiniteMagnitude }

/// What a record is learned with.
struct VowpalTarget {
    let label: Float
    /// The importance, above 0.
    let weight: Float
    /// What was predicted, and its loss.
    let prediction: Float
    let loss: Float
}
