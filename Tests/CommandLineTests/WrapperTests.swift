import Foundation
import Testing

/// What is put around any learner at the command line: imbalance, calibration, intervals.
struct WrapperTests {
    /// One record in ten of class `rare`, which b tells, with scores that are far from sure.
    private static func classes(_ records: Int) -> String {
        var numbers = SeededNumbers(31)
        var text = "a,b,c,class\n"
        for _ in 0..<records {
            let isRare = Int.random(in: 0..<10, using: &numbers) == 0
            let b = Double.random(in: 0...1, using: &numbers) + (isRare ? 0.4 : 0)
            // The same twice: naive Bayes believes it twice.
            text += "\(Double.random(in: 0...1, using: &numbers)),\(b),\(b),\(isRare ? "rare" : "usual")\n"
        }
        return text
    }

    static let options = [
        "--class-weight balanced", "--class-weight rare=5,usual=.5", "--sample under", "--sample over",
        "--sample random --sample-rate 2 --sample-distribution rare=.3,usual=.7", "--calibrate platt",
        "--calibrate isotonic", "--class-weight balanced --sample over --calibrate isotonic",
    ]

    /// The batch size, and a run cut in two by a snapshot, change nothing; something else does.
    @Test(
        arguments: options + [
            "--intervals 0.8", "--intervals .9 --interval-method adaptive --interval-window 50",
            "--quantiles .2,.7 --intervals .5 --interval-method adaptive",
        ])
    func onlyRecordsAndOptionsCount(_ options: String) throws {
        let workspace = Workspace()
        let isRegression = options.contains("intervals")
        let text = isRegression ? Streams.regression(600) : Self.classes(600)
        try workspace.write("s.csv", text)
        let learner = isRegression ? "--target y" : "--target class --learner naive-bayes"
        let line = "run --input s.csv \(learner) --bits 10 --progress none --json "
        let whole = try workspace.thalweg(line + options + " -p whole.jsonl").report()
        #expect(whole.learned == 600)
        let part = try workspace.thalweg(line + options + " -p part.jsonl --batch-size 7").report()
        #expect(part.digest == whole.digest && workspace.areEqual("part.jsonl", "whole.jsonl"))
        #expect(try workspace.thalweg(line + "-p plain.jsonl").report().digest != whole.digest)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try workspace.write("s.csv", lines[..<301].joined(separator: "\n") + "\n")
        let resumed = line + options + " -p resumed.jsonl --snapshots s"
        #expect(try workspace.thalweg(resumed).report().learned == 300)
        try workspace.write("s.csv", text)
        let end = try workspace.thalweg(resumed).report()
        #expect(end.digest == whole.digest && workspace.areEqual("resumed.jsonl", "whole.jsonl"))
        // The snapshot says how it was made, to whoever resumes and to whoever predicts.
        let other = try workspace.thalweg(line + "-p resumed.jsonl --snapshots s")
        #expect(other.status == 2 && other.stderr.contains("was made with --"), "\(other.stderr)")
        let asked = try workspace.thalweg("predict --snapshot s --input s.csv --progress none")
        let first = try JSONObject.parse(#require(asked.lines.first))
        #expect((first["lower"] != nil) == isRegression, "\(first)")
        let again = try workspace.thalweg("predict --snapshot s --input s.csv --progress none --batch-size 9")
        #expect(again.stdout == asked.stdout)
    }

    @Test(arguments: ["--class-weight balanced", "--sample under", "--sample over"])
    func theRareClassIsFound(_ options: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.classes(3000))
        let line = "run --input s.csv --target class --learner naive-bayes --progress none -p p.jsonl "
        func recall() throws -> Double {
            let rare = try workspace.objects("p.jsonl").filter { $0["target"] as? String == "rare" }
            return Double(rare.count { $0["prediction"] as? String == "rare" }) / Double(rare.count)
        }
        #expect(try workspace.thalweg(line).status == 0)
        let plain = try recall()
        #expect(try workspace.thalweg(line + options).status == 0)
        let found = try recall()
        #expect(found > plain + 0.2, "\(plain), \(found)")
    }

    @Test(arguments: ["platt", "isotonic"]) func probabilitiesComeTrue(_ method: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.classes(3000))
        let line = "evaluate --input s.csv --target class --learner naive-bayes --progress none --json "
        let plain = try workspace.thalweg(line).report()
        let report = try workspace.thalweg(line + "--calibrate " + method).report()
        let values = try #require(report.json["calibration"] as? [String: Double])
        for name in ["ece", "log_loss"] {
            let (before, after) = (plain.metrics[name] ?? 0, report.metrics[name] ?? 1)
            #expect(after < before, "\(name): \(before), \(after)")
            #expect(abs((values[name] ?? 0) - after) < 0.002)
            #expect(abs((values["uncalibrated_" + name] ?? 0) - before) < 0.002)
        }
    }

    @Test(arguments: ["conformal", "adaptive"]) func intervalsHoldTheirShare(_ method: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Streams.regression(3000))
        let line =
            "evaluate --input s.csv --target y --progress none --json --intervals 0.8 --interval-method \(method)"
        let report = try workspace.thalweg(line + " -p p.jsonl").report()
        let values = try #require(report.json["intervals"] as? [String: Double])
        #expect(values["level"] == 0.8 && abs((values["coverage"] ?? 0) - 0.8) < 0.08, "\(values)")
        var (inside, width) = (0.0, 0.0)
        let predictions = try workspace.objects("p.jsonl")
        for prediction in predictions {
            let ends = try #require(prediction["lower"] as? Double)...#require(prediction["upper"] as? Double)
            if ends.contains(prediction["target"] as? Double ?? .nan) { inside += 1 }
            width += ends.upperBound - ends.lowerBound
        }
        let count = Double(predictions.count)
        #expect(abs(inside / count - (values["coverage"] ?? 0)) < 1e-9)
        #expect(abs(width / count - (values["mean_width"] ?? 0)) < 1e-9 * max(width / count, 1))
    }

    /// A share of the targets that is the level lies at or below each quantile, the report counts what was told, and
    /// the loss of the quantiles is below that of the predictions in their place.
    @Test(arguments: ["conformal", "adaptive"]) func quantilesHoldTheirShares(_ method: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Streams.regression(3000))
        let line = "evaluate --input s.csv --target y --progress none --json --quantiles 0.1,0.5,0.9 --interval-method "
        let report = try workspace.thalweg(line + method + " -p p.jsonl").report()
        let values = try #require(report.json["quantiles"] as? [String: [String: Double]])
        let predictions = try workspace.objects("p.jsonl")
        for level in [0.1, 0.5, 0.9] {
            let measured = try #require(values["\(level)"])
            var (below, loss, plain) = (0.0, 0.0, 0.0)
            for prediction in predictions {
                let told = try #require((prediction["quantiles"] as? [String: Double])?["\(level)"])
                let (target, value) = (prediction["target"] as? Double ?? .nan, prediction["value"] as? Double ?? .nan)
                if target <= told { below += 1 }
                loss += max(level * (target - told), (level - 1) * (target - told))
                plain += max(level * (target - value), (level - 1) * (target - value))
            }
            let count = Double(predictions.count)
            #expect(abs(below / count - level) < 0.05, "\(method) \(level): \(below / count)")
            #expect(abs((measured["coverage"] ?? 0) - below / count) < 1e-9)
            #expect(abs((measured["pinball_loss"] ?? 0) - loss / count) < 1e-9 * max(loss / count, 1))
            #expect(loss < plain * (level == 0.5 ? 1.05 : 0.9), "\(method) \(level): \(loss), \(plain)")
        }
    }

    /// Intervals of answers given before their targets came are judged as they were given.
    @Test func intervalsOfDelayedTargets() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Streams.regression(1500))
        let line = "evaluate --input s.csv --target y --progress none --json --intervals 0.8 --delay 50 -p p.jsonl"
        let report = try workspace.thalweg(line).report()
        let values = try #require(report.json["intervals"] as? [String: Double])
        let coverage = try #require(values["coverage"])
        #expect(coverage > 0.6 && coverage < 0.95, "\(values)")
        let again = try workspace.thalweg(line + " --batch-size 11").report()
        #expect(again.digest == report.digest)
    }

    @Test(arguments: [
        ("--target class --class-weight balnced", "it takes balanced, or CLASS=NUMBER"),
        ("--target class --class-weight rarr=2", "there is no class 'rarr'; did you mean 'rare'?"),
        ("--target class --class-weight rare=-1", "a weight is a number from 0"),
        ("--target class --sample sideways", "--sample is 'sideways'"),
        ("--target class --sample-distribution rare=1", "it needs --sample"),
        ("--target class --sample under --sample-distribution rare=.2,usual=.2", "sum to 0.4, not 1"),
        ("--target class --sample under --sample-rate 2", "--sample-rate is for --sample random"),
        ("--target class --calibrate plat", "did you mean 'platt'?"),
        ("--target class --intervals .9", "--intervals is for numbers"),
        ("--target a --class-weight balanced", "--class-weight is for classes"),
        ("--target a --calibrate platt", "--calibrate is for classes"),
        ("--target a --intervals 1", "a share above 0 and below 1"),
        ("--target a --interval-window 9", "it needs --intervals"),
        ("--target a --quantiles .5,.5", "rising shares above 0 and below 1"),
        ("--target class --quantiles .5", "--quantiles is for numbers"),
    ])
    func whatDoesNotFitIsTold(_ options: String, _ reason: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.classes(50))
        let outcome = try workspace.thalweg("evaluate --input s.csv " + options)
        #expect(outcome.status == 2 && outcome.stderr.contains(reason), "\(outcome.stderr)")
    }
}
