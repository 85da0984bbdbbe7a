import Components
import Records
import State
import Testing

@testable import Learners

/// The online isolation forest beside its authors' program.
@Suite struct OnlineIsolationForestTests {
    private static func make(seed: UInt64) throws -> any Learner {
        let learner = OnlineIsolationForest.learner
        return try learner.make(
            Hyperparameters(learner.descriptor, given: ["window": "400", "leaf": "16"]),
            LearnerContext(
                task: .anomaly, slotCount: 0, seed: seed, batchMode: .sequential, isFeatureNative: false,
                attributes: ["a", "b", "c"].map { Attribute($0, .numeric) }))
    }

    /// Two clouds that drift along the diagonal; one record in 25 lies anywhere.
    private static func stream(_ rows: Int) -> (FeatureBatch, isOdd: [Bool]) {
        var draw = PortableSequence(seed: 2024)
        let batch = FeatureBatch(capacity: rows)
        batch.reserveAttributes(3)
        var isOdd: [Bool] = []
        for row in 0..<rows {
            isOdd.append(draw.next() < 0.04)
            let centre = draw.next() < 0.5 ? 0.2 : 0.8
            for column in 0..<3 {
                batch.attributes[3 * row + column] =
                    isOdd[row]
                    ? 2 * draw.next() - 0.5
                    : centre + (draw.next() + draw.next() + draw.next() - 1.5) * 0.2 + Double(row) / Double(rows)
            }
            batch.weights[row] = 1
            batch.offsets[row + 1] = 0
        }
        batch.rows = rows
        return (batch, isOdd)
    }

    /// The share of pairs of an odd and a usual record in which the odd one scores higher.
    private static func areaUnderCurve(_ scores: [Double], _ isOdd: [Bool]) -> Double {
        var (wins, pairs) = (0.0, 0.0)
        for odd in scores.indices where isOdd[odd] {
            for usual in scores.indices where !isOdd[usual] {
                wins += scores[odd] > scores[usual] ? 1 : scores[odd] == scores[usual] ? 0.5 : 0
                pairs += 1
            }
        }
        return wins / pairs
    }

    /// AUC of CapyMOA 0.15.1's OnlineIsolationForest (the authors' program) on this stream with window_size=400,
    /// max_leaf_samples=16 and random_seed 1 to 5.
    private static let authors = [0.9106, 0.9116, 0.9182, 0.9254, 0.9267]

    @Test func tellsAnomaliesAsItsAuthorsDo() throws {
        let (batch, isOdd) = Self.stream(1200)
        let predictions = PredictionBatch(capacity: 1200)
        let found: [Double] = try (1...5).map { (seed: UInt64) in
            try Self.make(seed: seed).predictThenLearn(batch, into: predictions)
            return Self.areaUnderCurve((0..<1200).map { predictions.outputs[$0 * predictions.stride] }, isOdd)
        }
        let mine = found.reduce(0, +) / 5
        let theirs = Self.authors.reduce(0, +) / 5
        let (least, most) = (try #require(Self.authors.min()), try #require(Self.authors.max()))
        #expect(abs(mine - theirs) < most - least, "\(found)")
    }
}

/// Uniform numbers that any language can draw: x' = 1664525 x + 1013904223 mod 2^32 (Numerical Recipes), of which the
/// upper 24 bits count.
struct PortableSequence {
    private var state: UInt32

    init(seed: UInt32) { state = seed }

    /// In [0, 1).
    mutating func next() -> Double {
        state = state &* 1_664_525 &+ 1_013_904_223
        return Double(state >> 8) / 16_777_216
    }
}
