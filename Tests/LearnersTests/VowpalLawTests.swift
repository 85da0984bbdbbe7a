import Components
import Records
import State
import Testing

@testable import Learners

@Suite struct VowpalLawTests {
    /// One of each kind: every rule, loss, task and choice of the gradient descent.
    static let cases: [VowpalCase] = {
        let off = ["adaptive": "false", "normalized": "false", "invariant": "false"]
        var kinds: [[String: String]] = ["coin", "pistol", "ftrl"].map { ["optimizer": $0, "dialect": "vw"] }
        for loss in ["squared", "logistic", "hinge", "quantile", "expectile", "poisson"] {
            kinds.append(["optimizer": "vw", "loss": loss])
            kinds.append(["optimizer": "vw", "loss": loss].merging(off) { $1 })
        }
        kinds.append(["optimizer": "vw", "power-t": "0.3", "l1": "0.001", "l2": "0.01"])
        kinds.append(["optimizer": "vw", "power-t": "3", "learning-rate": "1e8"])
        kinds.append(["optimizer": "vw", "l1": "1e9", "l2": "1e9"])
        kinds.append(["optimizer": "vw", "invariant": "false", "initial-t": "3"])
        var cases: [VowpalCase] = []
        for task in Records.Task.allCases {
            for kind in kinds where task == .regression || kind["loss"] != "poisson" {
                cases.append(VowpalCase(task: task, parameters: kind, bits: 6, classes: 3))
            }
        }
        return cases
    }()

    private static func fill(
        _ features: FeatureBatch, rows: Int, _ random: inout VowpalGenerator, isExtreme: Bool = false
    ) {
        func number() -> Float {
            let value = Float.random(in: -2...2, using: &random)
            guard isExtreme else { return value == 0 ? 1 : value }
            let powers: [Float] = [0, Float.leastNonzeroMagnitude, 1e-30, 1e-19, 1, 1e10, 1e19, 1e30, 3e38]
            return min(max(value * powers[Int.random(in: 0..<9, using: &random)], -3.4e38), 3.4e38)
        }
        features.offsets[0] = 0
        for row in 0..<rows {
            let count = Int.random(in: 0...9, using: &random)
            let start = features.offsets[row]
            for at in start..<(start + count) {
                features.indices[at] = UInt32.random(in: 0..<64, using: &random)
                features.values[at] = number()
            }
            features.offsets[row + 1] = start + count
            features.targets[row] = Double(number())
            features.classes[row] = Int32.random(in: 0..<2, using: &random)
            features.weights[row] = isExtreme ? abs(number()) : Float.random(in: 0.5...2, using: &random)
        }
        features.rows = rows
    }

    private static func make(_ kind: VowpalCase) throws -> any Learner {
        let learner = try kind.learner()
        if kind.task == .multiclass { learner.grow(toClasses: kind.classes) }
        return learner
    }

    private static func isFinite(_ learner: any Learner) -> Bool {
        learner.state.allSatisfy { entry in
            if let floats = entry.array as? StateArray<Float> { return floats.elements.allSatisfy(\.isFinite) }
            if let doubles = entry.array as? StateArray<Double> { return doubles.elements.allSatisfy(\.isFinite) }
            return false
        }
    }

    @Test func nothingMakesTheStateNonFinite() throws {
        for kind in Self.cases {
            var random = VowpalGenerator(state: 7)
            let learner = try Self.make(kind)
            let features = FeatureBatch(capacity: 64)
            let predictions = PredictionBatch(capacity: 64)
            for _ in 0..<40 {
                Self.fill(features, rows: 64, &random, isExtreme: true)
                learner.predictThenLearn(features, into: predictions)
                for row in 0..<64 {
                    #expect(predictions.losses[row].isFinite, "\(kind)")
                    for column in 0..<predictions.width {
                        #expect(predictions.outputs[row * predictions.stride + column].isFinite, "\(kind)")
                    }
                }
            }
            #expect(Self.isFinite(learner), "\(kind)")
        }
    }

    @Test func predictingAndUnknownTargetsAndWeightZeroChangeNothing() throws {
        for kind in Self.cases {
            var random = VowpalGenerator(state: 8)
            let learner = try Self.make(kind)
            let features = FeatureBatch(capacity: 32)
            let predictions = PredictionBatch(capacity: 32)
            Self.fill(features, rows: 32, &random)
            learner.predictThenLearn(features, into: predictions)
            let digest = learner.digest
            Self.fill(features, rows: 32, &random)
            learner.predict(features, into: predictions)
            #expect(learner.digest == digest, "\(kind)")
            for row in 0..<32 where row % 2 == 0 { features.weights[row] = 0 }
            for row in 0..<32 where row % 2 == 1 {
                features.targets[row] = .nan
                features.classes[row] = -1
            }
            learner.predictThenLearn(features, into: predictions)
            #expect(learner.digest == digest, "\(kind)")
            features.weights[0] = 1
            features.targets[0] = 1
            learner.predictThenLearn(features, into: predictions)
            #expect(learner.digest != digest, "\(kind)")
        }
    }

    @Test func batchBoundariesDoNotMatter() throws {
        for kind in Self.cases {
            var digests: Set<String> = []
            for size in [1, 5, 60] {
                var random = VowpalGenerator(state: 9)
                let learner = try Self.make(kind)
                let features = FeatureBatch(capacity: 60)
                let predictions = PredictionBatch(capacity: 60)
                for _ in 0..<(60 / size) {
                    Self.fill(features, rows: size, &random)
                    learner.predictThenLearn(features, into: predictions)
                }
                digests.insert(learner.digest)
            }
            #expect(digests.count == 1, "\(kind)")
        }
    }

    /// A replica that copies only the pages marked as changed equals its original, and predicts the same.
    @Test func replicasFollow() throws {
        for var kind in Self.cases {
            kind.bits = 12
            var random = VowpalGenerator(state: 10)
            let learner = try Self.make(kind)
            let twin = try kind.learner()
            let replica = Replica(of: learner, twin: twin)
            let features = FeatureBatch(capacity: 4)
            let predictions = PredictionBatch(capacity: 4)
            for round in 0..<12 {
                Self.fill(features, rows: 4, &random)
                for at in 0..<features.featureCount { features.indices[at] *= UInt32(round + 1) }
                learner.predictThenLearn(features, into: predictions)
                if kind.task == .multiclass, round == 6 { learner.grow(toClasses: 5) }
                Replica.note(learner, on: [replica])
                replica.update()
                #expect(twin.digest == learner.digest, "\(kind), round \(round)")
            }
            learner.predict(features, into: predictions)
            let own = (0..<4).map { predictions.outputs[$0 * predictions.stride] }
            twin.predict(features, into: predictions)
            #expect((0..<4).map { predictions.outputs[$0 * predictions.stride] } == own)
            #expect(twin.classCount == learner.classCount)
        }
    }

    @Test func newClassesLeaveTheOldOnesAlone() throws {
        var random = VowpalGenerator(state: 11)
        let kind = VowpalCase(task: .multiclass, parameters: ["optimizer": "vw"], bits: 6, classes: 2)
        let learner = try Self.make(kind)
        let features = FeatureBatch(capacity: 32)
        let predictions = PredictionBatch(capacity: 32)
        Self.fill(features, rows: 32, &random)
        learner.predictThenLearn(features, into: predictions)
        learner.predict(features, into: predictions)
        let before = (0..<32).map { predictions.outputs[$0 * predictions.stride] / predictions.outputs[$0 * 2 + 1] }
        learner.grow(toClasses: 5)
        learner.predict(features, into: predictions)
        #expect(predictions.width == 5)
        for row in 0..<32 {
            let start = predictions.outputs + row * predictions.stride
            #expect(abs(start[0] / start[1] - before[row]) < 1e-12)
            #expect(start[2] == start[4])
        }
    }

    @Test func learningValuesAreLearned() throws {
        let kind = VowpalCase(task: .regression, parameters: ["optimizer": "vw"], bits: 6)
        let features = FeatureBatch(capacity: 1)
        let predictions = PredictionBatch(capacity: 1)
        var random = VowpalGenerator(state: 12)
        repeat { Self.fill(features, rows: 1, &random) } while features.featureCount < 3
        let plain = try Self.make(kind)
        plain.predictThenLearn(features, into: predictions)
        features.allocateLearningValues()
        for at in 0..<features.featureCount {
            features.learningValues?[at] = features.values[at]
            features.values[at] *= 3
        }
        let other = try Self.make(kind)
        other.predictThenLearn(features, into: predictions)
        #expect(other.digest == plain.digest)
    }

    @Test(arguments: [
        (["loss": "huber"], Records.Task.regression, BatchMode.sequential, "has no loss 'huber'"),
        (["loss": "absolute"], .regression, .sequential, "quantile (tau 0.5: half the absolute error)"),
        (["loss": "expectile", "tau": "0.8"], .regression, .sequential, "a tau above 0 and up to 0.5"),
        (["loss": "poisson"], .binary, .sequential, "it is for regression"),
        ([:], .binary, .mean, "learns record by record"),
    ])
    func impossibleSettingsSaySo(
        _ given: [String: String], _ task: Records.Task, _ mode: BatchMode, _ message: String
    ) throws {
        let parameters = try Hyperparameters(
            Linear.learner.descriptor, given: given.merging(["optimizer": "vw"]) { $1 })
        let context = LearnerContext(task: task, slotCount: 64, seed: 1, batchMode: mode, isFeatureNative: true)
        let error = #expect(throws: SettingError.self) { try Linear.makeVowpal(parameters, context) }
        #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
    }
}

/// SplitMix64.
struct VowpalGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
