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

    /// Learns label `y` with importance `weight` (above 0), given the prediction `p`. Returns the prediction that the
    /// loss is taken from.
    func learn(_ row: VowpalRow, _ column: Int, _ y: Float, _ weight: Float, _ p: Float) -> Float
}

/// Whether a number may enter the state.
@inline(__always)
func isFinite(_ number: Float) -> Bool { abs(number) <= Float.greatestFiniteMagnitude }
