import State
import Statistics

/// The times of the records: where they begin and end, whether they come in order, and the gaps between them.
final class TimeProfile: Stateful {
    /// Longest gaps remembered.
    static let kept = 5

    let gaps: KLLSketch
    /// Earliest, latest, previous; then the longest gaps: seconds and where they begin, longest first.
    private let times: StateArray<Double>
    /// Known, unknown, before their predecessor.
    private let counts: StateArray<Int64>

    init() {
        gaps = KLLSketch(k: NumberProfile.accuracy)
        times = StateArray(count: 3 + 2 * Self.kept)
        counts = StateArray(count: 3)
    }

    var state: [StateEntry] {
        [StateEntry("times", times), StateEntry("counts", counts)] + gaps.state.prefixed("gaps")
    }

    var count: Int { Int(counts[0]) }
    var unknown: Int { Int(counts[1]) }
    var outOfOrder: Int { Int(counts[2]) }
    var earliest: Double? { count > 0 ? times[0] : nil }
    var latest: Double? { count > 0 ? times[1] : nil }

    /// Longest first, in seconds.
    var longest: [(after: Double, seconds: Double)] {
        (0..<Self.kept).compactMap { times[3 + 2 * $0] > 0 ? (times[4 + 2 * $0], times[3 + 2 * $0]) : nil }
    }

    /// - Parameter time: in seconds; nil = unknown.
    func learn(_ time: Double?) {
        guard let time, time.isFinite else {
            counts.base[1] += 1
            return
        }
        let t = times.base
        counts.base[0] += 1
        if counts.base[0] == 1 {
            (t[0], t[1], t[2]) = (time, time, time)
            return
        }
        let gap = time - t[2]
        if gap < 0 { counts.base[2] += 1 } else { gaps.learn(gap) }
        if gap > t[3 + 2 * (Self.kept - 1)] { insert(gap, after: t[2]) }
        t[0] = min(t[0], time)
        t[1] = max(t[1], time)
        t[2] = time
    }

    private func insert(_ gap: Double, after time: Double) {
        var place = Self.kept - 1
        while place > 0, times[3 + 2 * (place - 1)] < gap {
            times[3 + 2 * place] = times[1 + 2 * place]
            times[4 + 2 * place] = times[2 + 2 * place]
            place -= 1
        }
        times[3 + 2 * place] = gap
        times[4 + 2 * place] = time
    }

    /// What `other` saw came after what this one saw.
    func merge(_ other: TimeProfile) {
        counts[1] += other.counts[1]
        guard other.count > 0 else { return }
        gaps.merge(other.gaps)
        for gap in other.longest where gap.seconds > times[3 + 2 * (Self.kept - 1)] {
            insert(gap.seconds, after: gap.after)
        }
        times[0] = count > 0 ? min(times[0], other.times[0]) : other.times[0]
        times[1] = count > 0 ? max(times[1], other.times[1]) : other.times[1]
        times[2] = other.times[2]
        counts[0] += other.counts[0]
        counts[2] += other.counts[2]
    }
}
