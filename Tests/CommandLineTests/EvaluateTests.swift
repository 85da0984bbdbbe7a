import Foundation
import Testing

/// The names and JSON keys that other programs rely on.
struct EvaluateTests {
    private static let keys: Set<String> = [
        "records", "learned", "rejected", "seconds", "recordsPerSecond", "task", "metrics", "baselines", "model",
        "digest",
    ]

    @Test func binaryReport() throws {
        let workspace = Workspace()
        try workspace.write("sea.jsonl", Streams.generate("sea", 1000, .jsonl))
        let outcome = try workspace.thalweg("evaluate --input sea.jsonl --target class --json")
        #expect(outcome.status == 0)
        #expect(outcome.lines.count == 1, "stdout carries data only: \(outcome.stdout.prefix(300))")
        let report = try outcome.report()
        #expect(Set(report.json.keys) == Self.keys)
        #expect(report.records == 1000 && report.learned == 1000 && report.rejected == 0)
        #expect(
            Set(report.metrics.keys) == [
                "accuracy", "log_loss", "roc_auc", "kappa", "kappa_temporal", "f1", "ece", "average_loss",
            ])
        #expect((report.metrics["accuracy"] ?? 0) > 0.8, "SEA's classes can be told apart")
        let baselines = try #require(report.json["baselines"] as? [String: Double])
        #expect(Set(baselines.keys) == ["no_change", "majority"])
        let model = try #require(report.json["model"] as? [String: Int])
        #expect(Set(model.keys) == ["bytes", "parameters", "version"])
        #expect(model["version"] == 1000 && (model["bytes"] ?? 0) > 0 && (model["parameters"] ?? 0) > 0)
        #expect(report.digest.count == 32 && report.digest.allSatisfy(\.isHexDigit))
    }

    @Test func multiclassReport() throws {
        let workspace = Workspace()
        try workspace.write("led.csv", Streams.generate("led", 800, .csv))
        let report = try workspace.thalweg("evaluate --input led.csv --target class --task multiclass --json").report()
        #expect(
            Set(report.metrics.keys) == ["accuracy", "log_loss", "kappa", "kappa_temporal", "f1", "average_loss"])
        #expect((report.metrics["accuracy"] ?? 0) > 0.4, "ten digits, 10 % of the segments inverted")
    }

    @Test func regressionReport() throws {
        let workspace = Workspace()
        try workspace.write("line.csv", Streams.regression(2000))
        let report = try workspace.thalweg("evaluate --input line.csv --target y --json").report()
        #expect(report.json["task"] as? String == "regression")
        #expect(Set(report.metrics.keys) == ["mae", "rmse", "r2", "average_loss"])
        let baselines = try #require(report.json["baselines"] as? [String: Double])
        let rmse = try #require(report.metrics["rmse"])
        #expect(try rmse < #require(baselines["mean"]) / 2, "a line is learned")
        #expect(baselines["no_change"] != nil)
    }

    @Test func progressGoesToStandardError() throws {
        let workspace = Workspace()
        try workspace.write("sea.jsonl", Streams.generate("sea", 500, .jsonl))
        let shown = try workspace.thalweg("evaluate --input sea.jsonl --target class --json")
        #expect(shown.stderr.contains("average  since"))
        #expect(shown.stderr.contains("number of examples = 500"))
        // Doubling counts: 1, 2, 4 ... 256.
        let rows = shown.stderr.split(separator: "\n").filter { $0.contains("/s ") }
        #expect(rows.count == 9, "\(shown.stderr)")
        let silent = try workspace.thalweg("evaluate --input sea.jsonl --target class --json --progress none")
        #expect(silent.stderr.isEmpty)
        let every = try workspace.thalweg("evaluate --input sea.jsonl --target class --progress 100")
        #expect(every.stdout.isEmpty, "nothing asked for data")
        #expect(every.stderr.split(separator: "\n").filter { $0.contains("/s ") }.count == 5, "\(every.stderr)")
    }
}
