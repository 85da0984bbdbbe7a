import Evaluation
import Foundation
import State
import Testing

/// Metrics against the textbooks' formulas, written out over all records at once.
@Suite struct MetricsTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func binaryMetricsEqualTheirFormulas(seed: UInt64) throws {
        let random = RandomGenerator(seed: seed)
        let metrics = ClassificationMetrics(isBinary: true)
        var rows: [(target: Int, p: Double)] = []
        for _ in 0..<2000 {
            let target = random.nextUniform() < 0.3 ? 1 : 0
            let p = min(max(random.nextUniform() * 0.6 + Double(target) * 0.3, 0.001), 0.999)
            rows.append((target, p))
            withUnsafePointer(to: p) {
                metrics.update(target: target, predicted: p > 0.5 ? 1 : 0, probabilities: $0, known: 2)
            }
        }
        let n = Double(rows.count)
        func count(_ matches: (Int, Int) -> Bool) -> Double {
            Double(rows.filter { matches($0.target, $0.p > 0.5 ? 1 : 0) }.count)
        }
        let (tp, fp, fn) = (count { $0 == 1 && $1 == 1 }, count { $0 == 0 && $1 == 1 }, count { $0 == 1 && $1 == 0 })
        let tn = n - tp - fp - fn
        let accuracy = (tp + tn) / n
        let chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / (n * n)
        let logLoss = rows.reduce(0) { $0 - log($1.target == 1 ? $1.p : 1 - $1.p) } / n
        let noChange = Double(zip(rows, rows.dropFirst()).filter { $0.target == $1.target }.count) / n
        #expect(abs(try #require(metrics.accuracy) - accuracy) < 1e-12, "seed \(seed)")
        #expect(abs(try #require(metrics.kappa) - (accuracy - chance) / (1 - chance)) < 1e-12)
        #expect(abs(try #require(metrics.f1) - 2 * tp / (2 * tp + fp + fn)) < 1e-12)
        #expect(abs(try #require(metrics.logLoss) - logLoss) < 1e-12)
        #expect(abs(try #require(metrics.noChange) - noChange) < 1e-12)
        #expect(abs(try #require(metrics.kappaTemporal) - (accuracy - noChange) / (1 - noChange)) < 1e-12)
        #expect(abs(try #require(metrics.rocAUC) - exactArea(rows)) < 1e-3)
    }

    /// The share of pairs of a positive and a negative that are ranked right; ties count half.
    private func exactArea(_ rows: [(target: Int, p: Double)]) -> Double {
        let positives = rows.filter { $0.target == 1 }
        let negatives = rows.filter { $0.target == 0 }
        var right = 0.0
        for positive in positives {
            for negative in negatives { right += positive.p > negative.p ? 1 : positive.p == negative.p ? 0.5 : 0 }
        }
        return right / Double(positives.count * negatives.count)
    }

    @Test(arguments: [4, 5] as [UInt64])
    func regressionMetricsEqualTheirFormulas(seed: UInt64) throws {
        let random = RandomGenerator(seed: seed)
        let metrics = RegressionMetrics()
        var rows: [(target: Double, prediction: Double)] = []
        for _ in 0..<1000 {
            let target = random.nextUniform() * 10 - 3
            rows.append((target, target + random.nextUniform() - 0.4))
            metrics.update(target: target, prediction: rows[rows.count - 1].prediction)
        }
        let n = Double(rows.count)
        let mean = rows.reduce(0) { $0 + $1.target } / n
        let residual = rows.reduce(0) { $0 + ($1.prediction - $1.target) * ($1.prediction - $1.target) }
        let total = rows.reduce(0) { $0 + ($1.target - mean) * ($1.target - mean) }
        let absolute = rows.reduce(0) { $0 + abs($1.prediction - $1.target) }
        #expect(abs(try #require(metrics.mae) - absolute / n) < 1e-9, "seed \(seed)")
        #expect(abs(try #require(metrics.rmse) - (residual / n).squareRoot()) < 1e-9)
        #expect(abs(try #require(metrics.r2) - (1 - residual / total)) < 1e-9)
        var running = 0.0
        var sum = 0.0
        for (index, row) in rows.enumerated() {
            sum += abs((index > 0 ? running / Double(index) : 0) - row.target)
            running += row.target
        }
        #expect(abs(try #require(metrics.meanMAE) - sum / n) < 1e-9)
    }

    @Test func nothingSeenIsNoNumber() {
        #expect(ClassificationMetrics(isBinary: true).accuracy == nil)
        #expect(RegressionMetrics().rmse == nil)
    }
}
