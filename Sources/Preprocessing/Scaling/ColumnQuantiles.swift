import State
import Statistics

/// Quantiles of one column, ready for transforming numbers row by row: a KLL sketch (`KLLSketch`) and what was asked of
/// it last. It is asked again with every value up to `exactCount`, so long as quantiles are exact and lie between two
/// values as scikit-learn's do, then whenever it has grown by 1/32.
final class ColumnQuantiles: Stateful {
    enum Question {
        case quantiles([Double])
        /// The median, and the median distance from it.
        case deviation

        var answerCount: Int {
            switch self {
            case .quantiles(let shares): shares.count
            case .deviation: 2
            }
        }
    }

    /// Rank error of 2 %, some 25 KB for a million values.
    private static let accuracy = 128
    static let exactCount = 2 * accuracy

    private let question: Question
    private let sketch = KLLSketch(k: accuracy)
    private let answers: StateArray<Double>
    /// Values after which the sketch is asked again.
    private let next: StateArray<Int64>

    init(_ question: Question) {
        self.question = question
        answers = StateArray(count: question.answerCount)
        next = StateArray(count: 1)
    }

    var state: [StateEntry] {
        sketch.state.prefixed("sketch") + [StateEntry("answers", answers), StateEntry("next", next)]
    }

    /// Values learned.
    @inline(__always) var count: Int { sketch.count }

    /// What was answered, in the order of the question; nothing to go by while `count` is 0.
    @inline(__always) subscript(_ index: Int) -> Double { answers.base[index] }

    @inline(__always)
    func learn(_ value: Double) {
        guard value.isFinite else { return }
        sketch.learn(value)
        if sketch.count >= Int(next.base[0]) { ask() }
    }

    @inline(never)
    private func ask() {
        let sorted = sketch.sorted
        let count = sketch.count
        switch question {
        case .quantiles(let shares):
            for (index, share) in shares.enumerated() { answers.base[index] = sorted.interpolated(share) ?? 0 }
        case .deviation:
            let median = sorted.interpolated(0.5) ?? 0
            answers.base[0] = median
            answers.base[1] = sorted.distances(from: median).interpolated(0.5) ?? 0
        }
        next.base[0] = Int64(count < Self.exactCount ? count + 1 : count + count / 32)
    }
}
