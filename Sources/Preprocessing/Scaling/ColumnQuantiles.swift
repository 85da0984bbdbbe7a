import State
import Statistics

/// Quantiles of one column, ready for transforming numbers row by row: a KLL sketch (`KLLSketch`) and what was asked of
/// it last. Below `exactCount` values quantiles are exact and lie between two values as scikit-learn's do; then the
/// sketch is asked whenever it has grown by an eighth.
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
    /// All values in ascending order, as long as they are few: what the sketch has, at hand.
    private var exact: [Double] = []

    init(_ question: Question) {
        self.question = question
        answers = StateArray(count: question.answerCount)
        next = StateArray(count: 1)
    }

    var state: [StateEntry] {
        sketch.state.prefixed("sketch") + [StateEntry("answers", answers), StateEntry("next", next)]
    }

    func stateDidChange() { exact = [] }

    /// Values learned.
    @inline(__always) var count: Int { sketch.count }

    /// What was answered, in the order of the question; nothing to go by while `count` is 0.
    @inline(__always) subscript(_ index: Int) -> Double { answers.base[index] }

    @inline(__always)
    func learn(_ value: Double) {
        guard value.isFinite else { return }
        sketch.learn(value)
        if sketch.count >= Int(next.base[0]) { ask(value) }
    }

    @inline(never)
    private func ask(_ value: Double) {
        let count = sketch.count
        if count < Self.exactCount {
            insert(value)
            answer {
                Self.interpolated(exact, $0)
            } distances: { center in
                let distances = exact.map { min(abs($0 - center), Double.greatestFiniteMagnitude) }.sorted()
                return Self.interpolated(distances, 0.5)
            }
            next.base[0] = Int64(count + 1)
        } else {
            exact = []
            let sorted = sketch.sorted
            answer {
                sorted.interpolated($0) ?? 0
            } distances: { center in
                sorted.distances(from: center).interpolated(0.5) ?? 0
            }
            next.base[0] = Int64(count + count / 8)
        }
    }

    private func answer(_ quantile: (Double) -> Double, distances: (_ center: Double) -> Double) {
        switch question {
        case .quantiles(let shares):
            for (index, share) in shares.enumerated() { answers.base[index] = quantile(share) }
        case .deviation:
            answers.base[0] = quantile(0.5)
            answers.base[1] = distances(answers.base[0])
        }
    }

    /// Puts the newest value into its place, or finds all of them again in a restored sketch.
    private func insert(_ value: Double) {
        guard exact.count + 1 == sketch.count else {
            exact = sketch.exactValues ?? []
            return
        }
        var low = 0
        var high = exact.count
        while low < high {
            let middle = (low + high) / 2
            if exact[middle] <= value { low = middle + 1 } else { high = middle }
        }
        exact.insert(value, at: low)
    }

    /// numpy's `linear` (Hyndman and Fan 1996, definition 7) of values in ascending order; there is one.
    private static func interpolated(_ sorted: [Double], _ share: Double) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = share * Double(sorted.count - 1)
        let whole = min(Int(place), sorted.count - 1)
        let below = sorted[whole]
        let above = whole + 1 < sorted.count ? sorted[whole + 1] : last
        let part = place - Double(whole)
        return below == above ? below : below * (1 - part) + above * part
    }
}
