import Records
import State

/// What a policy would have cost on decisions that another policy logged. With c the logged cost, p the logged
/// probability of the action taken a, π the policy and ĉ what it expects actions to cost, per decision
///
///     ips  Σ c π(a) / p / n                                       (Horvitz and Thompson 1952)
///     mtr  Σ c π(a) / p / Σ π(a) / p   self-normalized: what a regression with these weights fits
///     dm   Σ Σ_b π(b) ĉ(b) / n                                    (the direct method)
///     dr   dm + Σ (c - ĉ(a)) π(a) / p / n                         (doubly robust: Dudík, Langford and Li 2011)
final class PolicyMetrics: Stateful {
    private enum Sum {
        static let count = 0
        static let cost = 1
        static let weighted = 2
        static let ratio = 3
        static let direct = 4
        static let correction = 5
        static let uniform = 6
        static let all = 7
    }

    private let sums = StateArray<Double>(count: Sum.all)
    private var starts: [Int] = []

    var state: [StateEntry] { [StateEntry("sums", sums)] }

    /// Takes a decision whose cost is known.
    ///
    /// - Parameter outputs: as bandits write them: the action taken, then a probability and a cost for each.
    func update(_ row: Int, _ features: FeatureBatch, outputs: UnsafePointer<Double>) {
        guard let decision = DecisionRow(features, row, starts: &starts), decision.chosen >= 0,
            decision.probability > 0
        else { return }
        let cost = features.targets[row]
        let ratio = outputs[1 + 2 * decision.chosen] / decision.probability
        var direct = 0.0
        for action in 0..<decision.actionCount { direct += outputs[1 + 2 * action] * outputs[2 + 2 * action] }
        let correction = ratio * (cost - outputs[2 + 2 * decision.chosen])
        guard (ratio * cost).isFinite, direct.isFinite, correction.isFinite else { return }
        let sums = sums.base
        sums[Sum.count] += 1
        sums[Sum.cost] += cost
        sums[Sum.weighted] += ratio * cost
        sums[Sum.ratio] += ratio
        sums[Sum.direct] += direct
        sums[Sum.correction] += correction
        sums[Sum.uniform] += cost / decision.probability / Double(decision.actionCount)
    }

    private func mean(_ index: Int) -> Double? { sums[Sum.count] > 0 ? sums[index] / sums[Sum.count] : nil }

    var ips: Double? { mean(Sum.weighted) }
    var mtr: Double? { sums[Sum.ratio] > 0 ? sums[Sum.weighted] / sums[Sum.ratio] : nil }
    var dm: Double? { mean(Sum.direct) }
    var dr: Double? { dm.flatMap { direct in mean(Sum.correction).map { direct + $0 } } }
    /// What the policy cost that logged the decisions.
    var logged: Double? { mean(Sum.cost) }
    /// What choosing by lot would have cost.
    var uniform: Double? { mean(Sum.uniform) }
}
