import Components
import Records
import State
import Testing

@testable import Learners

/// Bandits on decisions whose best actions are known: the laws of `Learner`, and that they find them.
@Suite struct BanditTests {
    static let policies = [
        ContextualBandit.epsilonGreedy, ContextualBandit.squareCB, ContextualBandit.linUCB,
        ContextualBandit.thompsonSampling,
    ]

    struct Setup: Sendable, CustomTestStringConvertible {
        let index: Int
        let estimator: String
        var testDescription: String { "\(BanditTests.policies[index].descriptor.name) \(estimator)" }

        func make() throws -> any Learner {
            let found = BanditTests.policies[index]
            return try found.make(
                try Hyperparameters(found.descriptor, given: ["estimator": estimator]),
                LearnerContext(
                    task: .bandit, slotCount: 1 << 10, seed: 3, batchMode: .sequential, isFeatureNative: true))
        }
    }

    static let setups: [Setup] = policies.indices.flatMap { index in
        ["ips", "dm", "dr", "mtr"].map { Setup(index: index, estimator: $0) }
    }

    static let actions = 3

    /// Decisions of three contexts and three actions, logged by lot with unequal chances; in context c action c costs -1, the
    /// others nothing.
    static func batch(_ random: RandomGenerator, _ rows: Int) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows, featuresPerRow: 9)
        batch.offsets[0] = 0
        for row in 0..<rows {
            let context = Int(random.next() % 3)
            let chances = [0.6, 0.3, 0.1]
            let draw = random.nextUniform()
            let chosen = draw < 0.6 ? 0 : draw < 0.9 ? 1 : 2
            batch.appendRow(3 + 2 * actions) { indices, values in
                for place in 0..<3 + 2 * actions { (indices[place], values[place]) = (DecisionRow.mark, 0) }
                (values[0], values[1]) = (Float(chances[chosen]), Float(chosen))
                (indices[2], values[2]) = (UInt32(100 + context), 1)
                for action in 0..<actions {
                    (indices[4 + 2 * action], values[4 + 2 * action]) = (UInt32(7 + action), 1)
                }
            }
            batch.targets[row] = chosen == context ? -1 : 0
            batch.classes[row] = -1
            batch.weights[row] = 1
        }
        return batch
    }

    private static func run(_ learner: any Learner, _ batch: FeatureBatch) -> [[Double]] {
        let predictions = PredictionBatch(capacity: batch.rows)
        predictions.rows = batch.rows
        learner.predictThenLearn(batch, into: predictions)
        return (0..<batch.rows).map { row in (0..<1 + 2 * actions).map { predictions.outputs(of: row)[$0] } }
    }

    private static func context(_ batch: FeatureBatch, _ row: Int) -> Int {
        Int(batch.indices[batch.offsets[row] + 2]) - 100
    }

    @Test(arguments: setups) func findsTheBestActions(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 11)
        let learner = try setup.make()
        _ = Self.run(learner, Self.batch(random, 3000))
        let batch = Self.batch(random, 300)
        let outputs = Self.run(learner, batch)
        let right = (0..<300).reduce(0) { $0 + outputs[$1][1 + 2 * Self.context(batch, $1)] }
        #expect(right / 300 > 0.85, "\(right / 300)")
        for row in outputs {
            #expect(abs(row[1] + row[3] + row[5] - 1) < 1e-9)
            #expect(row[2 * Int(row[0]) - 1] > 0, "the action taken has a chance")
        }
    }

    @Test(arguments: setups) func predictionIsPure(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 12)
        let learner = try setup.make()
        _ = Self.run(learner, Self.batch(random, 200))
        let one = Self.batch(random, 1)
        let digest = learner.digest
        let predictions = PredictionBatch(capacity: 1)
        learner.predict(one, into: predictions)
        #expect(learner.digest == digest)
        let said = (0..<7).map { predictions.outputs(of: 0)[$0] }
        #expect(Self.run(learner, one) == [said])
        #expect(learner.digest != digest)
    }

    @Test(arguments: setups) func whatIsNotLearnedChangesNothing(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 13)
        let learner = try setup.make()
        _ = Self.run(learner, Self.batch(random, 100))
        let digest = learner.digest
        let batch = Self.batch(random, 40)
        for row in 0..<40 {
            switch row % 4 {
            case 0: batch.weights[row] = [0, -1, .nan, .infinity][row / 4 % 4]
            case 1: batch.targets[row] = .nan
            case 2: batch.values[batch.offsets[row] + 1] = [-1, 3, 99, 1e30][row / 4 % 4]
            default: batch.values[batch.offsets[row]] = 0
            }
        }
        _ = Self.run(learner, batch)
        #expect(learner.digest == digest)
    }

    @Test(arguments: setups) func batchesMakeNoDifference(_ setup: Setup) throws {
        let (whole, parts) = (try setup.make(), try setup.make())
        let batch = Self.batch(RandomGenerator(seed: 14), 120)
        let expected = Self.run(whole, batch)
        var found: [[Double]] = []
        let slice = FeatureBatch(capacity: 50)
        for range in [0..<1, 1..<50, 50..<83, 83..<120] {
            slice.copyRows(range, of: batch)
            found += Self.run(parts, slice)
        }
        #expect(found == expected)
        #expect(parts.digest == whole.digest)
    }

    @Test(arguments: setups) func finiteWhateverComes(_ setup: Setup) throws {
        let random = RandomGenerator(seed: 15)
        let learner = try setup.make()
        let wild: [Float] = [
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, .leastNonzeroMagnitude, .infinity, .nan, 3,
        ]
        for _ in 0..<5 {
            let batch = Self.batch(random, 100)
            for row in 0..<100 {
                for place in [2, 4, 6, 8] where random.next() % 2 == 0 {
                    batch.values[batch.offsets[row] + place] = wild[Int(random.next() % 7)]
                }
                if random.next() % 3 == 0 {
                    batch.targets[row] = [1e300, -1e300, 1e90, .infinity][Int(random.next() % 4)]
                }
                if random.next() % 5 == 0 { batch.values[batch.offsets[row]] = 1e-30 }
            }
            for outputs in Self.run(learner, batch) {
                let areFinite = outputs.allSatisfy(\.isFinite)
                #expect(areFinite, "\(outputs)")
            }
        }
        for entry in learner.state {
            guard let array = entry.array as? StateArray<Double> else { continue }
            let areFinite = array.elements.allSatisfy(\.isFinite)
            #expect(areFinite, "\(entry.name)")
        }
    }

    @Test func rowsWithoutActionsAreNoDecisions() throws {
        let batch = FeatureBatch(capacity: 3)
        batch.offsets[0] = 0
        for shape in [[5], [DecisionRow.mark, DecisionRow.mark, 7], []] as [[UInt32]] {
            batch.appendRow(shape.count) { indices, values in
                for (place, index) in shape.enumerated() { (indices[place], values[place]) = (index, 1) }
            }
        }
        var starts: [Int] = []
        for row in 0..<3 { #expect(DecisionRow(batch, row, starts: &starts) == nil) }
    }

    /// Probabilities against their formulas, by hand.
    @Test func policiesFollowTheirFormulas() {
        var scores = ActionScores()
        func fill(_ policy: any ExplorationPolicy, decisions: Double = 3) -> [Double] {
            scores.begin(3)
            scores.costs = [0.5, 0.1, 0.3]
            scores.deviations = [0.5, 0, 0.05]
            policy.fill(&scores, decisions: decisions, draws: 1)
            return scores.probabilities
        }
        #expect(fill(EpsilonGreedy(epsilon: 0.3)) == [0.3 / 3, 0.3 / 3 + (1 - 0.3), 0.3 / 3])
        let found = fill(SquareCB(scale: 10, exponent: 0.5))
        #expect(abs(found[0] - 1 / (3 + 20 * 0.4)) < 1e-12)
        #expect(abs(found[2] - 1 / (3 + 20 * 0.2)) < 1e-12)
        #expect(fill(LinUCB(alpha: 1)) == [1, 0, 0])
        #expect(fill(LinUCB(alpha: 0.1)) == [0, 1, 0])
        let drawn = fill(ThompsonSampling(scale: 1))
        // N(.5, .5²) is below .1 with a chance of .21; N(.3, .05²) hardly ever.
        #expect(abs(drawn[0] - 0.21) < 0.12 && drawn[2] < 0.02)
    }

    /// News for three users at two times: in each case one of four articles is clicked with a chance of .8, the others with
    /// .15; logged with chances .4, .3, .2 and .1 that go round by lot.
    private static func news(_ rows: Int) -> FeatureBatch {
        var draw = PortableSequence(seed: 77)
        func below(_ bound: Int) -> Int { Int(draw.next() * Double(bound)) }
        let best = [[0, 2], [1, 0], [3, 1]]
        let batch = FeatureBatch(capacity: rows, featuresPerRow: 12)
        batch.offsets[0] = 0
        for row in 0..<rows {
            let (user, time, shift) = (below(3), below(2), below(4))
            let chances = (0..<4).map { [0.4, 0.3, 0.2, 0.1][($0 + shift) % 4] }
            var (chosen, rest) = (0, draw.next())
            while chosen < 3, rest >= chances[chosen] {
                rest -= chances[chosen]
                chosen += 1
            }
            batch.targets[row] = draw.next() < (chosen == best[user][time] ? 0.8 : 0.15) ? -1 : 0
            batch.appendRow(12) { indices, values in
                for place in 0..<12 { (indices[place], values[place]) = (DecisionRow.mark, 0) }
                (values[0], values[1]) = (Float(chances[chosen]), Float(chosen))
                (indices[2], values[2]) = (UInt32(100 + user), 1)
                (indices[3], values[3]) = (UInt32(200 + time), 1)
                for action in 0..<4 { (indices[5 + 2 * action], values[5 + 2 * action]) = (UInt32(7 + action), 1) }
            }
            batch.classes[row] = -1
            batch.weights[row] = 1
        }
        return batch
    }

    /// What policies cost on 6,000 news, by IPS: no more than Vowpal Wabbit 9.11's on the same log, which are
    /// `--cb_explore_adf -q UA` with `--squarecb` and with `--epsilon 0.05`.
    @Test(arguments: [(ContextualBandit.squareCB, -0.60041), (ContextualBandit.epsilonGreedy, -0.56287)])
    func costsNoMoreThanTheirs(_ policy: LearnerDescriptor, _ theirs: Double) throws {
        let learner = try policy.make(
            try Hyperparameters(policy.descriptor, given: [:]),
            LearnerContext(task: .bandit, slotCount: 1 << 18, seed: 1, batchMode: .sequential, isFeatureNative: true))
        let batch = Self.news(6000)
        let predictions = PredictionBatch(capacity: 6000)
        predictions.rows = 6000
        learner.predictThenLearn(batch, into: predictions)
        let cost = (0..<6000).reduce(0) { $0 + predictions.losses[$1] } / 6000
        #expect(cost <= theirs && cost > theirs - 0.02, "\(cost)")
    }
}
