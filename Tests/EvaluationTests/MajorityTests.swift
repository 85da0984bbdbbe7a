import Evaluation
import State
import Testing

/// The majority baseline, which keeps its counts, against a twin that looks at all classes at every record.
@Suite struct MajorityTests {
    /// Counts by class; the majority is the first of the largest.
    private struct SlowMajority {
        var counts: [Int]
        var hits = 0
        var scored = 0

        mutating func update(_ target: Int) {
            var best = 0
            for index in counts.indices where counts[index] > counts[best] { best = index }
            hits += best == target ? 1 : 0
            scored += 1
            counts[target] += 1
        }
    }

    /// Many ties, a majority that changes, records that are not scored, and a copy that goes on in the middle.
    @Test(arguments: [(classes: 1000, atOnce: true, seed: 6 as UInt64), (classes: 40, atOnce: false, seed: 7)])
    func equalsTheSlowTwin(_ classes: Int, _ atOnce: Bool, _ seed: UInt64) {
        let random = RandomGenerator(seed: seed)
        let probabilities = [Double](repeating: 1 / Double(classes), count: classes)
        var metrics = ClassificationMetrics(isBinary: false)
        var slow = SlowMajority(counts: Array(repeating: 0, count: classes))
        var majorities: Set<Int> = []
        for record in 0..<3000 {
            // Uniform first, then one class after the other comes more often than all before.
            let isFavoured = record > 1000 && random.nextUniform() < 0.3
            let target = isFavoured ? classes - record / 500 : Int(random.nextUniform() * Double(classes))
            let predicted = atOnce ? classes - 1 - target : target / 2
            let known = record % 50 == 49 ? 0 : classes
            metrics.update(target: target, predicted: predicted, probabilities: probabilities, known: known)
            if known > 0 { slow.update(target) }
            if record % 100 == 0 {
                majorities.insert(slow.counts.indices.max { slow.counts[$0] < slow.counts[$1] } ?? 0)
            }
            if record == 1500 {
                let twin = ClassificationMetrics(isBinary: false)
                let replica = Replica(of: metrics, twin: twin)
                Replica.note(metrics, on: [replica])
                replica.update()
                metrics = twin
            }
            if record % 250 == 0 { #expect(metrics.majorityClass == Double(slow.hits) / Double(slow.scored)) }
        }
        #expect(metrics.majorityClass == Double(slow.hits) / Double(slow.scored))
        #expect(slow.hits > 100 && majorities.count > 2)
    }

    /// Of classes seen equally often the first one counts, whichever came first.
    @Test func tiesGoToTheFirstClass() {
        let metrics = ClassificationMetrics(isBinary: false)
        let probabilities = [0.25, 0.25, 0.25, 0.25]
        // Before each: all tie, so that 0 counts; 2 leads; 1 and 2 tie, so that 1 counts.
        for target in [2, 1, 1] {
            metrics.update(target: target, predicted: 3, probabilities: probabilities, known: 4)
        }
        #expect(metrics.majorityClass == 1.0 / 3)
    }
}
