/// A logged decision as one row of features: what was known, the actions there were to choose from, which one was chosen
/// and how likely it was.
///
/// Layout: two entries with the probability and the number of the chosen action as values, the features of the context,
/// then for each action an entry and the action's features. All these entries have the index `mark`, which no feature has.
/// The target is what the chosen action cost.
public struct DecisionRow: Sendable {
    public static let mark = UInt32.max

    /// The chosen action, from 0; -1 = nobody says.
    public let chosen: Int
    /// How likely the chosen action was, over 0 up to 1.
    public let probability: Double
    /// Where the context's features stand in the batch.
    public let context: Range<Int>
    public let actionCount: Int

    /// Reads row `row` of a batch.
    ///
    /// - Parameter starts: gets where each action's features begin, and one more: where the last one's end, plus one.
    /// - Returns: nil where the row is no decision, or has no actions.
    public init?(_ features: FeatureBatch, _ row: Int, starts: inout [Int]) {
        starts.removeAll(keepingCapacity: true)
        let (first, end) = (features.offsets[row], features.offsets[row + 1])
        let indices = features.indices
        guard end - first >= 3, indices[first] == Self.mark, indices[first + 1] == Self.mark else { return nil }
        var at = first + 2
        while at < end {
            if indices[at] == Self.mark { starts.append(at + 1) }
            at += 1
        }
        guard let firstAction = starts.first else { return nil }
        actionCount = starts.count
        starts.append(end + 1)
        context = first + 2..<firstAction - 1
        probability = Double(features.values[first])
        let number = features.values[first + 1]
        chosen = number >= 0 && number < Float(actionCount) ? Int(number) : -1
    }

    /// The features of an action.
    public static func action(_ action: Int, _ starts: [Int]) -> Range<Int> {
        starts[action]..<starts[action + 1] - 1
    }
}
