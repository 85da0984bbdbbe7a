import Components
import Records
import State
import Testing

@testable import Learners

/// What the memories of SAM-kNN are for.
@Suite struct SelfAdjustingNeighborsTests {
    private static func make() throws -> any Learner {
        try SelfAdjustingNeighbors.learner.make(
            Hyperparameters(SelfAdjustingNeighbors.learner.descriptor, given: ["limit": "600"]),
            LearnerContext(
                task: .binary, slotCount: 0, seed: 5, batchMode: .sequential, isFeatureNative: false,
                attributes: ["a", "b"].map { Attribute($0, .numeric) }))
    }

    /// Two classes side by side in the unit square, which change places when `isSwapped`.
    private static func batch(_ random: RandomGenerator, _ rows: Int, isSwapped: Bool) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows)
        batch.reserveAttributes(2)
        for row in 0..<rows {
            for column in 0..<2 { batch.attributes[2 * row + column] = random.nextUniform() }
            batch.classes[row] = (batch.attributes[2 * row] > 0.5) != isSwapped ? 1 : 0
            batch.weights[row] = 1
            batch.offsets[row + 1] = 0
        }
        batch.rows = rows
        return batch
    }

    private static func size(_ learner: any Learner, _ name: String) throws -> Int64 {
        try #require(learner.state.first { $0.name == "\(name)/size" }?.array as? StateArray<Int64>)[0]
    }

    @Test func theShortTermMemoryFollowsTheStream() throws {
        let learner = try Self.make()
        let random = RandomGenerator(seed: 1)
        let predictions = PredictionBatch(capacity: 400)
        func accuracy(_ rows: Int, isSwapped: Bool) -> Double {
            let batch = Self.batch(random, rows, isSwapped: isSwapped)
            learner.predictThenLearn(batch, into: predictions)
            return Double((0..<rows).count { predictions.classes[$0] == batch.classes[$0] }) / Double(rows)
        }
        #expect(accuracy(300, isSwapped: false) > 0.9)
        _ = accuracy(150, isSwapped: true)
        #expect(try Self.size(learner, "short-term") <= 175, "records from before the change have left")
        #expect(accuracy(150, isSwapped: true) > 0.9)
    }

    @Test func memoriesAreBounded() throws {
        let learner = try Self.make()
        let random = RandomGenerator(seed: 2)
        let predictions = PredictionBatch(capacity: 400)
        for _ in 0..<4 {
            learner.predictThenLearn(Self.batch(random, 400, isSwapped: false), into: predictions)
            let (short, long) = (try Self.size(learner, "short-term"), try Self.size(learner, "long-term"))
            #expect(short + long <= 600 && short <= 600 && long <= 240, "\(short), \(long)")
        }
    }
}
