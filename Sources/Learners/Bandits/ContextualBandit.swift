import Components
import Glibc
import Records
import State

/// A policy that chooses among the actions of a record (`DecisionRow`) by what it expects them to cost, and learns what
/// they cost from logged decisions.
///
/// Row r's outputs are the number of the action taken, from 1, then for each action its probability under the policy and
/// what it is expected to cost. The row's loss is the logged cost times this policy's probability of the logged action
/// over the logged one: the inverse propensity score, whose mean is what the policy would have cost.
public final class ContextualBandit: Learner {
    private let settings: BanditSettings
    private let exploration: any ExplorationPolicy
    private let model: any CostModel
    /// Doubly robust learning fills the actions that were not taken in from a model of its own.
    private let direct: (any CostModel)?
    private var view: ActionFeatures
    /// Decisions learned, actions they had.
    private let counts: StateArray<Double>
    private var scores = ActionScores()
    private var filled: [Double] = []

    init(_ settings: BanditSettings, _ exploration: any ExplorationPolicy, _ context: LearnerContext) {
        self.settings = settings
        self.exploration = exploration
        func make() -> any CostModel {
            if exploration.needsVariance {
                LinearPosterior(dimensions: settings.dimensions, ridge: settings.ridge)
            } else {
                AdaptiveCosts(slotCount: context.slotCount, rate: settings.rate)
            }
        }
        model = make()
        direct = settings.estimator == .dr ? make() : nil
        view = ActionFeatures(slotCount: context.slotCount, crosses: settings.crosses)
        counts = StateArray(count: 2)
    }

    public var classCount: Int { 0 }

    public var state: [StateEntry] {
        [StateEntry("counts", counts)] + model.state.prefixed("costs") + (direct?.state.prefixed("direct") ?? [])
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows { decide(row, features, predictions) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            guard let decision = decide(row, features, predictions) else { continue }
            let cost = features.targets[row]
            guard cost.isFinite, decision.chosen >= 0, decision.probability > 0, features.hasWeight(row) else {
                continue
            }
            learn(decision, cost, Double(features.weights[row]), features)
        }
    }

    /// Writes a row's outputs. Changes nothing that is state; leaves the decision's features in `view`.
    @discardableResult
    private func decide(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) -> DecisionRow? {
        predictions.classes[row] = -1
        predictions.losses[row] = .nan
        guard let decision = view.read(features, row) else {
            predictions.outputs(of: row)[0] = 0
            return nil
        }
        score(decision, features)
        predictions.widen(to: 1 + 2 * decision.actionCount)
        let outputs = predictions.outputs(of: row)
        outputs[0] = Double(scores.sample(draws: draws(features, row)) + 1)
        for action in 0..<decision.actionCount {
            outputs[1 + 2 * action] = scores.probabilities[action]
            outputs[2 + 2 * action] = scores.costs[action]
        }
        for rest in 1 + 2 * decision.actionCount..<predictions.width { outputs[rest] = 0 }
        if decision.chosen >= 0, decision.probability > 0 {
            let ratio = scores.probabilities[decision.chosen] / decision.probability
            predictions.losses[row] = ratio * features.targets[row]
        }
        return decision
    }

    private func score(_ decision: DecisionRow, _ features: FeatureBatch) {
        scores.begin(decision.actionCount)
        for action in 0..<decision.actionCount {
            view.form(action, decision, features)
            scores.costs[action] = model.cost(view)
            if exploration.needsVariance { scores.deviations[action] = model.deviation(view) }
        }
        exploration.fill(&scores, decisions: counts.base[0], draws: content(features, decision))
    }

    /// What a decision draws lots from: its own features and how much was learned, so that deciding changes nothing.
    private func content(_ features: FeatureBatch, _ decision: DecisionRow) -> UInt64 {
        var hash = settings.seed &+ UInt64(counts.base[0]) &* 0x9e37_79b9_7f4a_7c15
        for at in decision.context {
            hash = (hash ^ UInt64(features.indices[at])) &* 0xff51_afd7_ed55_8ccd
            hash = (hash ^ (hash >> 32) ^ UInt64(features.values[at].bitPattern)) &* 0xc4ce_b9fe_1a85_ec53
        }
        return hash
    }

    private func draws(_ features: FeatureBatch, _ row: Int) -> UInt64 {
        let range = features.offsets[row] + 2..<features.offsets[row + 1]
        var hash = settings.seed &+ UInt64(counts.base[0]) &* 0xd6e8_feb8_6659_fd93
        for at in range { hash = (hash ^ UInt64(features.indices[at])) &* 0xff51_afd7_ed55_8ccd }
        return hash ^ (hash >> 29)
    }

    private func learn(_ decision: DecisionRow, _ cost: Double, _ weight: Double, _ features: FeatureBatch) {
        let ratio = min(1 / decision.probability, settings.maximumRatio)
        switch settings.estimator {
        case .dm:
            view.form(decision.chosen, decision, features)
            model.learn(view, cost, weight)
        case .mtr:
            view.form(decision.chosen, decision, features)
            // Weights are 1 on average over uniform logs, whatever the number of actions.
            let typical = (counts.base[1] + Double(decision.actionCount)) / (counts.base[0] + 1)
            model.learn(view, cost, weight * ratio / typical)
        case .ips:
            for action in 0..<decision.actionCount {
                view.form(action, decision, features)
                model.learn(view, action == decision.chosen ? cost * ratio : 0, weight)
            }
        case .dr:
            learnDoublyRobust(decision, cost, weight, ratio, features)
        }
        counts.base[0] += 1
        counts.base[1] += Double(decision.actionCount)
    }

    /// Dudík, Langford and Li 2011, equation 1, for each action.
    private func learnDoublyRobust(
        _ decision: DecisionRow, _ cost: Double, _ weight: Double, _ ratio: Double, _ features: FeatureBatch
    ) {
        guard let direct else { return }
        filled.removeAll(keepingCapacity: true)
        for action in 0..<decision.actionCount {
            view.form(action, decision, features)
            let expected = direct.cost(view)
            filled.append(action == decision.chosen ? expected + (cost - expected) * ratio : expected)
        }
        for action in 0..<decision.actionCount {
            view.form(action, decision, features)
            model.learn(view, filled[action], weight)
        }
        view.form(decision.chosen, decision, features)
        direct.learn(view, cost, weight)
    }
}
