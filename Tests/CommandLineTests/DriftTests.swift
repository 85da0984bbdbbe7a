import Foundation
import Testing

/// Drift as a user meets it: marks in table and report, what becomes of the learner, snapshots.
struct DriftTests {
    private static let change = 3000

    /// Two numbers; which class they mean is turned around after `change` records, and `z` moves by 4 there.
    private static func stream(_ records: Int = 6000) -> String {
        var numbers = SeededNumbers(17)
        var text = "x,z,kind,y\n"
        for record in 0..<records {
            let isOther = record >= change
            let x = Double.random(in: -1...1, using: &numbers)
            let z = Double.random(in: 0...1, using: &numbers) + (isOther ? 4 : 0)
            let kind = ["a", "b", "c"].randomElement(using: &numbers) ?? "a"
            text += "\(x),\(z),\(kind),\((x > 0) != isOther ? "yes" : "no")\n"
        }
        return text
    }

    private static let line = "evaluate --input s.csv --target y --bits 8 --json --learner linear:optimizer=sgd"

    private static func workspace() throws -> Workspace {
        let workspace = Workspace()
        try workspace.write("s.csv", stream())
        return workspace
    }

    @Test(arguments: ["adwin", "ddm", "hddm-a", "hddm-w", "page-hinkley:threshold=20", "kswin", "rddm", "stepd"])
    func marksTheChange(_ detector: String) throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.thalweg(Self.line + " --detector \(detector)")
        let report = try outcome.report()
        let drifts = try #require(report.json["drifts"] as? [Int])
        #expect(drifts.contains { $0 > Self.change && $0 < Self.change + 400 }, "\(drifts)")
        #expect(drifts.count { $0 <= Self.change } <= 3, "\(drifts)")
        let first = try #require(drifts.first { $0 > Self.change })
        let marks = outcome.stderr.split(separator: "\n").filter { $0.hasPrefix("drift ") && $0.contains(" \(first) ") }
        #expect(marks.count == 1, "\(outcome.stderr)")
        #expect(report.json["warnings"] is [Int])
    }

    /// The learner's actions: what it learned of the old concept is in the way.
    @Test func actionsHelpAndDoNotDependOnTheBatchSize() throws {
        let workspace = try Self.workspace()
        let accuracy = { (text: String) in try workspace.thalweg(text).report().metrics["accuracy"] ?? 0 }
        let plain = try accuracy(Self.line + " --detector ddm")
        for action in ["reset", "switch"] {
            let line = Self.line + " --detector ddm --on-drift \(action)"
            let whole = try workspace.thalweg(line).report()
            #expect((whole.metrics["accuracy"] ?? 0) > plain, "\(action)")
            let small = try workspace.thalweg(line + " --batch-size 7").report()
            #expect(whole.digest == small.digest, "\(action)")
        }
    }

    /// Interrupted before, between warning and drift, and after it.
    @Test(arguments: [2900, 3030, 3500]) func resumesToTheSameBytes(_ records: Int) throws {
        let workspace = try Self.workspace()
        let lines = workspace.lines("s.csv")
        try workspace.write("part.csv", lines.prefix(records + 1).joined(separator: "\n") + "\n")
        let watch = " --detector ddm --on-drift switch --feature-drift psi:window=500"
        let line = Self.line.replacingOccurrences(of: "s.csv", with: "part.csv") + watch + " --snapshots snaps"
        let whole = try workspace.thalweg(Self.line + watch).report()
        #expect(try workspace.thalweg(line).status == 0)
        try workspace.append("part.csv", lines.dropFirst(records + 1).joined(separator: "\n") + "\n")
        let resumed = try workspace.thalweg(line + " --batch-size 33").report()
        #expect(resumed.records == 6000)
        #expect(resumed.digest == whole.digest)
        #expect(resumed.json["drifts"] as? [Int] == whole.json["drifts"] as? [Int])
        let other = try workspace.thalweg(line.replacingOccurrences(of: "ddm", with: "eddm"))
        #expect(other.status == 2 && other.stderr.contains("--detector"), "\(other.stderr)")
    }

    @Test(arguments: ["psi", "ks"]) func fieldsThatChangeAreNamed(_ test: String) throws {
        let workspace = try Self.workspace()
        let outcome = try workspace.thalweg(Self.line + " --feature-drift \(test)")
        let report = try outcome.report()
        let found = try #require(report.json["featureDrifts"] as? [[String: Any]])
        #expect(found.map { $0["field"] as? String } == ["z"], "\(found)")
        #expect(found.first?["record"] as? Int == 4000, "the window from 3000 on")
        #expect(outcome.stderr.contains("z: \(test) "))
    }

    @Test func wrongSettingsAreTold() throws {
        let workspace = try Self.workspace()
        try workspace.write("line.csv", Streams.regression(50))
        let cases = [
            ("--detector adwim", "did you mean 'adwin'?"), ("--detector adwin:delt=1", "no field 'delt'"),
            ("--detector adwin --on-drift restart", "'restart'"), ("--on-drift reset", "--detector"),
            ("--feature-drift chi", "there is no test 'chi'"),
        ]
        for (options, message) in cases {
            let outcome = try workspace.thalweg(Self.line + " " + options)
            #expect(outcome.status == 2 && outcome.stderr.contains(message), "\(options): \(outcome.stderr)")
        }
        let numbers = try workspace.thalweg("evaluate --input line.csv --target y --detector ddm")
        #expect(numbers.status == 2 && numbers.stderr.contains("adwin"), "\(numbers.stderr)")
        try workspace.write("c.yaml", "detector:\n  name: page-hinkley\n  threshold: 20\non-drift: reset\n")
        let file = try workspace.thalweg(Self.line + " --config c.yaml").report()
        #expect((file.json["detector"] as? [String: Any])?["onDrift"] as? String == "reset")
    }
}
