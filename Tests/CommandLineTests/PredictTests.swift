import Foundation
import Testing

/// `predict` scores and never learns.
struct PredictTests {
    /// A workspace with a trained snapshot in `s`, and the records that come after it in `next.jsonl`.
    private static func trained(_ options: String = "") throws -> Workspace {
        let workspace = Workspace()
        let lines = try Streams.lines("agrawal", 1500)
        try workspace.write("first.jsonl", lines[..<1200].joined(separator: "\n"))
        try workspace.write("next.jsonl", lines[1200...].joined(separator: "\n"))
        let outcome = try workspace.thalweg(
            "run --input first.jsonl --target class --bits 12 --snapshots s --progress none --predictions p \(options)")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        return workspace
    }

    @Test(arguments: ["", "--preset river", "--learner linear:optimizer=ftrl --cross car,elevel", "--positive groupA"])
    func learnsNothing(_ options: String) throws {
        let workspace = try Self.trained(options)
        let file = try #require(workspace.snapshots("s").last)
        let before = FileManager.default.contents(atPath: file)
        let first = try workspace.thalweg("predict --input next.jsonl --snapshot s --progress none")
        let second = try workspace.thalweg("predict --input next.jsonl --snapshot \(file) --progress none")
        #expect(first.status == 0 && first.lines.count == 300, "\(first.stderr)")
        let areEqual = first.stdout == second.stdout
        #expect(areEqual)
        #expect(FileManager.default.contents(atPath: file) == before)
        #expect(workspace.names(in: "s").count == 1)
        let versions = try Set(first.lines.map { try JSONObject.parse($0)["version"] as? Int })
        #expect(versions == [1200], "one version for all")
    }

    /// The first of the next records gets from `predict` what `run` would have given it.
    @Test func agreesWithRun() throws {
        let workspace = try Self.trained()
        let predicted = try workspace.thalweg("predict --input next.jsonl --snapshot s --progress none")
        try workspace.append("first.jsonl", "\n" + workspace.text("next.jsonl"))
        let run = try workspace.thalweg(
            "run --input first.jsonl --target class --bits 12 --snapshots s --progress none --predictions p")
        #expect(run.status == 0)
        let learned = try JSONObject.parse(workspace.lines("p")[1200])
        let scored = try JSONObject.parse(#require(predicted.lines.first))
        #expect(learned["probabilities"] as? [String: Double] == scored["probabilities"] as? [String: Double])
    }

    @Test func recordsLackATarget() throws {
        let workspace = try Self.trained()
        let bare = try workspace.lines("next.jsonl").map { line in
            String(line[..<(try #require(line.firstRange(of: ",\"class\"")).lowerBound)]) + "}"
        }
        try workspace.write("bare.jsonl", bare.joined(separator: "\n"))
        let outcome = try workspace.thalweg("predict --input bare.jsonl --snapshot s --progress none --json")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let report = try outcome.report()
        #expect(report.records == 300 && report.learned == 0 && report.rejected == 0)
        let with = try workspace.thalweg("predict --input next.jsonl --snapshot s --progress none")
        let a = try outcome.lines.dropLast().map { try JSONObject.parse($0)["probabilities"] as? [String: Double] }
        let b = try with.lines.map { try JSONObject.parse($0)["probabilities"] as? [String: Double] }
        #expect(a == b && a.count == 300, "the target is not looked at")
    }

    @Test func otherFormatOfTheSameFields() throws {
        let workspace = try Self.trained()
        let csv = try Streams.lines("agrawal", 1500, .csv)
        try workspace.write("next.csv", ([csv[0]] + csv[1201...]).joined(separator: "\n"))
        let a = try workspace.thalweg("predict --input next.csv --format csv --snapshot s --progress none")
        let b = try workspace.thalweg("predict --input next.jsonl --snapshot s --progress none")
        let first = try a.lines.map { try JSONObject.parse($0)["probabilities"] as? [String: Double] }
        let second = try b.lines.map { try JSONObject.parse($0)["probabilities"] as? [String: Double] }
        #expect(first == second && first.count == 300, "\(a.stderr)")
    }

    @Test func optionsAgainstTheSnapshotAreRefused() throws {
        let workspace = try Self.trained()
        let outcome = try workspace.thalweg("predict --input next.jsonl --snapshot s --bits 13")
        #expect(outcome.status == 2 && outcome.stderr.contains("--bits"), "\(outcome.stderr)")
    }
}
