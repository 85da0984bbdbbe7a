import Foundation
import Testing

/// Unsupervised learners at the command line: no target is needed; one serves to judge the scores.
struct AnomalyTests {
    /// A cloud, and one record in fifty far from it.
    private static func stream(_ records: Int = 3000) -> String {
        var numbers = SeededNumbers(23)
        var text = "a,b,odd\n"
        for _ in 0..<records {
            let isOdd = Int.random(in: 0..<50, using: &numbers) == 0
            let spread = isOdd ? 4.0 : 1
            let sum = { (numbers: inout SeededNumbers) in
                (0..<6).reduce(0.0) { sum, _ in sum + Double.random(in: -spread...spread, using: &numbers) }
            }
            text += "\(sum(&numbers)),\(sum(&numbers)),\(isOdd ? 1 : 0)\n"
        }
        return text
    }

    @Test(arguments: ["half-space-trees", "gaussian-scorer", "quantile-scorer", "loda", "online-isolation-forest"])
    func scoresTellAnomalies(_ learner: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.stream())
        let line = "evaluate --input s.csv --learner \(learner) --json --progress none"
        let judged = try workspace.thalweg(line + " --target odd").report()
        #expect(judged.json["task"] as? String == "anomaly")
        #expect((judged.metrics["roc_auc"] ?? 0) > 0.75, "\(judged.metrics)")
        #expect((judged.metrics["pr_auc"] ?? 0) > 0.1, "\(judged.metrics)")
        // The target says nothing to the learner.
        let outcome = try workspace.thalweg(line + " --ignore odd -p out.jsonl")
        let alone = try outcome.report()
        #expect(alone.learned == 3000 && alone.metrics.isEmpty, "\(outcome.stderr)")
        let predictions = try workspace.objects("out.jsonl")
        #expect(predictions.count == 3000)
        #expect(predictions.allSatisfy { (0...1).contains($0["prediction"] as? Double ?? -1) })
        let flagged = predictions.count { $0["anomaly"] as? Bool == true }
        #expect(flagged > 5 && flagged < 120, "about one in a hundred: \(flagged)")
    }

    @Test func tasksThatALearnerDoesNotDoAreTold() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.stream(100))
        let outcome = try workspace.thalweg("evaluate --input s.csv --target odd --task anomaly")
        #expect(outcome.status == 2 && outcome.stderr.contains("half-space-trees"), "\(outcome.stderr)")
    }
}
