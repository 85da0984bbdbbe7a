import Glibc
import State

/// The micro-clusters of a density-based clustering: centres with fading weights, and how much pairs of them share (Hahsler
/// and Bolanos, Clustering Data Streams Based on Shared Density between Micro-Clusters, IEEE TKDE 28(6), 2016). A fixed number
/// of places; a micro-cluster's number says how old it is.
final class MicroClusters {
    struct Rule {
        let radius: Double
        /// Weights halve in 1 / fading records.
        let fading: Double
        /// Records between two times at which weak micro-clusters are removed.
        let interval: Int
        let most: Int
        let width: Int
    }

    private let rule: Rule
    /// Place after place.
    let centres: StateArray<Double>
    /// Of each place: the weight, when it was last updated; weight 0 = the place is free.
    let weights: StateArray<Double>
    /// Of each place: the micro-cluster's number.
    let numbers: StateArray<Int64>
    /// Of each pair of places: shared density, when it was last updated.
    private let shared: StateArray<Double>
    /// Records learned, the next number.
    private let progress = StateArray<Int64>(count: 2)
    private var near: [Int] = []
    private var before: [Double] = []

    init(_ rule: Rule) {
        self.rule = rule
        centres = StateArray(count: rule.most * rule.width)
        weights = StateArray(count: rule.most, lanes: 2)
        numbers = StateArray(count: rule.most)
        shared = StateArray(count: rule.most * rule.most, lanes: 2, marksChanges: true)
    }

    var state: [StateEntry] {
        [
            StateEntry("centres", centres), StateEntry("weights", weights), StateEntry("numbers", numbers),
            StateEntry("shared", shared), StateEntry("progress", progress),
        ]
    }

    var time: Int64 { progress.base[0] }

    func isThere(_ place: Int) -> Bool { weights.base[2 * place] > 0 }

    func weight(_ place: Int) -> Double { weights.base[2 * place] }

    /// Places in use, the oldest micro-cluster first.
    var ordered: [Int] {
        (0..<rule.most).filter(isThere).sorted { numbers.base[$0] < numbers.base[$1] }
    }

    /// Squared distance of a record to a centre; a missing number is where the centre is.
    @inline(__always)
    func distance(_ place: Int, _ record: UnsafePointer<Double>) -> Double {
        let centre = centres.base + place * rule.width
        var sum = 0.0
        for index in 0..<rule.width where !record[index].isNaN {
            sum += (record[index] - centre[index]) * (record[index] - centre[index])
        }
        return sum
    }

    private func faded(_ weight: Double, since last: Double) -> Double {
        weight * exp2(-rule.fading * max(0, Double(time) - last))
    }

    // MARK: Learning

    /// Algorithm 1; every `interval` records Algorithm 2.
    func learn(_ record: UnsafePointer<Double>, weight: Double) {
        near.removeAll(keepingCapacity: true)
        for place in 0..<rule.most where isThere(place) && distance(place, record) < rule.radius * rule.radius {
            near.append(place)
        }
        near.sort { numbers.base[$0] < numbers.base[$1] }
        if near.isEmpty { begin(record, weight) } else { move(record, weight) }
        progress[0] += 1
        if time % Int64(rule.interval) == 0 { removeWeak() }
    }

    private func begin(_ record: UnsafePointer<Double>, _ weight: Double) {
        let place = (0..<rule.most).first { !isThere($0) } ?? weakest
        remove(place)
        let centre = centres.base + place * rule.width
        for index in 0..<rule.width { centre[index] = record[index].isNaN ? 0 : record[index] }
        weights.base[2 * place] = weight
        weights.base[2 * place + 1] = Double(time)
        numbers.base[place] = progress.base[1]
        progress[1] += 1
    }

    /// The place of least weight now; the first of several.
    private var weakest: Int {
        var best = (place: 0, weight: Double.infinity)
        for place in 0..<rule.most {
            let weight = faded(weights.base[2 * place], since: weights.base[2 * place + 1])
            if weight < best.weight { best = (place, weight) }
        }
        return best.place
    }

    private func move(_ record: UnsafePointer<Double>, _ weight: Double) {
        let sigma = rule.radius / 3
        before.removeAll(keepingCapacity: true)
        for (index, place) in near.enumerated() {
            let share = exp(-distance(place, record) / (2 * sigma * sigma))
            let centre = centres.base + place * rule.width
            before.append(contentsOf: UnsafeBufferPointer(start: centre, count: rule.width))
            let kept = faded(weights.base[2 * place], since: weights.base[2 * place + 1])
            weights.base[2 * place] = min(kept + weight, 1e15)
            weights.base[2 * place + 1] = Double(time)
            for index in 0..<rule.width where !record[index].isNaN {
                centre[index] += share * (record[index] - centre[index])
            }
            for other in near[(index + 1)...] { meet(place, other, weight) }
        }
        separate()
    }

    /// A record lies in both.
    private func meet(_ one: Int, _ other: Int, _ weight: Double) {
        let at = 2 * pair(one, other)
        shared[at] = min(faded(shared.base[at], since: shared.base[at + 1]) + weight, 1e15)
        shared[at + 1] = Double(time)
    }

    private func pair(_ one: Int, _ other: Int) -> Int { min(one, other) * rule.most + max(one, other) }

    /// Centres that came too close to each other go back.
    private func separate() {
        let width = rule.width
        for (index, one) in near.enumerated() {
            for (offset, other) in near[(index + 1)...].enumerated() {
                guard distance(one, centres.base + other * width) < rule.radius * rule.radius else { continue }
                for place in 0..<width {
                    centres.base[one * width + place] = before[index * width + place]
                    centres.base[other * width + place] = before[(index + 1 + offset) * width + place]
                }
            }
        }
    }

    private func removeWeak() {
        let least = exp2(-rule.fading * Double(rule.interval))
        for place in 0..<rule.most where isThere(place) {
            if faded(weights.base[2 * place], since: weights.base[2 * place + 1]) < least { remove(place) }
        }
    }

    private func remove(_ place: Int) {
        guard isThere(place) else { return }
        weights.base[2 * place] = 0
        for other in 0..<rule.most where other != place {
            let at = 2 * pair(place, other)
            guard shared.base[at] != 0 else { continue }
            shared[at] = 0
            shared[at + 1] = 0
        }
    }

    // MARK: Groups

    /// Whether two micro-clusters share enough: more than `share` of their mean weight (Algorithm 3).
    func isConnected(_ one: Int, _ other: Int, share: Double, leastShared: Double) -> Bool {
        let at = 2 * pair(one, other)
        let density = shared.base[at]
        guard density > 0, faded(density, since: shared.base[at + 1]) >= leastShared else { return false }
        return density > share * (weight(one) + weight(other)) / 2
    }

    /// Shared density below this is forgotten.
    func leastShared(_ share: Double) -> Double { share * exp2(-rule.fading * Double(rule.interval)) }
}
