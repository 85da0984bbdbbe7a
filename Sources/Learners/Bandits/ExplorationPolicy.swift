import Glibc
import State

/// What is expected of the actions of one decision, and how likely each is taken.
struct ActionScores {
    var costs: [Double] = []
    /// Standard deviations of what is expected, in the unit of the cost's noise.
    var deviations: [Double] = []
    var probabilities: [Double] = []

    mutating func begin(_ count: Int) {
        costs.removeAll(keepingCapacity: true)
        deviations.removeAll(keepingCapacity: true)
        probabilities.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            costs.append(0)
            deviations.append(0)
            probabilities.append(0)
        }
    }

    /// The first of the cheapest.
    var best: Int { costs.indices.min { costs[$0] < costs[$1] } ?? 0 }

    /// The action that the lot falls on.
    func sample(draws: UInt64) -> Int {
        var left = Double(draws >> 11) * 0x1p-53
        for (action, probability) in probabilities.enumerated() {
            left -= probability
            if left < 0 { return action }
        }
        return probabilities.lastIndex { $0 > 0 } ?? 0
    }
}

/// How a bandit turns expected costs into probabilities.
protocol ExplorationPolicy: Sendable {
    /// It asks for `deviations`.
    var needsVariance: Bool { get }

    /// Fills in the probabilities, which sum to 1.
    ///
    /// - Parameters:
    ///   - decisions: learned so far.
    ///   - draws: seeds whatever is drawn.
    func fill(_ scores: inout ActionScores, decisions: Double, draws: UInt64)
}

/// The cheapest action but for a share of `epsilon`, which all actions have alike (Langford and Zhang 2007).
struct EpsilonGreedy: ExplorationPolicy {
    let epsilon: Double
    var needsVariance: Bool { false }

    func fill(_ scores: inout ActionScores, decisions: Double, draws: UInt64) {
        let count = Double(scores.costs.count)
        for action in scores.costs.indices { scores.probabilities[action] = epsilon / count }
        scores.probabilities[scores.best] += 1 - epsilon
    }
}

/// Probabilities in inverse proportion to how much more than the cheapest an action costs (Foster and Rakhlin, Beyond UCB:
/// Optimal and Efficient Contextual Bandits with Regression Oracles, ICML 2020, Algorithm 1):
///
///     p_a = 1 / (K + γ (ĉ_a - min ĉ)),  the cheapest takes the rest,  γ = scale t^exponent
struct SquareCB: ExplorationPolicy {
    let scale: Double
    let exponent: Double
    var needsVariance: Bool { false }

    func fill(_ scores: inout ActionScores, decisions: Double, draws: UInt64) {
        let gamma = scale * pow(decisions + 1, exponent)
        let best = scores.best
        var rest = 1.0
        for action in scores.costs.indices where action != best {
            let distance = scores.costs[action] - scores.costs[best]
            scores.probabilities[action] = 1 / (Double(scores.costs.count) + gamma * distance)
            rest -= scores.probabilities[action]
        }
        scores.probabilities[best] = max(rest, 0)
    }
}

/// The action that might be the cheapest: expected cost less `alpha` deviations (Li, Chu, Langford and Schapire, A
/// Contextual-Bandit Approach to Personalized News Article Recommendation, WWW 2010).
struct LinUCB: ExplorationPolicy {
    let alpha: Double
    var needsVariance: Bool { true }

    func fill(_ scores: inout ActionScores, decisions: Double, draws: UInt64) {
        func bound(_ action: Int) -> Double { scores.costs[action] - alpha * scores.deviations[action] }
        let chosen = scores.costs.indices.min { bound($0) < bound($1) } ?? 0
        scores.probabilities[chosen] = 1
    }
}

/// Each action as often as it is the cheapest when costs are drawn from what is believed of them (Thompson 1933; Agrawal and
/// Goyal, Thompson Sampling for Contextual Bandits with Linear Payoffs, ICML 2013): in 128 drawings, each action's cost
/// for itself, so that probabilities can be told.
struct ThompsonSampling: ExplorationPolicy {
    let scale: Double
    var needsVariance: Bool { true }
    private static let drawings = 128

    func fill(_ scores: inout ActionScores, decisions: Double, draws: UInt64) {
        var draw = SplitMix64(seed: draws)
        for _ in 0..<Self.drawings {
            var (cheapest, lowest) = (0, Double.infinity)
            for action in scores.costs.indices {
                let drawn = scores.costs[action] + scale * scores.deviations[action] * Self.normal(&draw)
                if drawn < lowest { (cheapest, lowest) = (action, drawn) }
            }
            scores.probabilities[cheapest] += 1 / Double(Self.drawings)
        }
    }

    /// Box and Muller's transform of two uniform numbers.
    private static func normal(_ draw: inout SplitMix64) -> Double {
        let radius = -2 * log(1 - draw.nextUniform())
        return radius.squareRoot() * cos(2 * .pi * draw.nextUniform())
    }
}
