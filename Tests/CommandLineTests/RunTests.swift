import Foundation
import Testing

/// What `run` writes, and how it goes on.
struct RunTests {
    private static let command = "run --input s.jsonl --target class --bits 12 --snapshots s --progress none --json "

    @Test func predictionLines() throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 300).enumerated().map { index, line in
            var line = line.dropLast() + ",\"key\":\"record \(index)\"}"
            // Every tenth record comes without its target.
            if index % 10 == 9, let cut = line.firstRange(of: "\"class\"") {
                line = line[..<cut.lowerBound] + "\"o\":1}"
            }
            return String(line)
        }
        try workspace.write("s.jsonl", lines.joined(separator: "\n") + "\n")
        let report = try workspace.thalweg(Self.command + "--ignore key --predictions p.jsonl").report()
        #expect(report.records == 300 && report.learned == 270 && report.rejected == 0)
        var offset = 0
        var learned = 0
        for (index, (line, prediction)) in zip(lines, try workspace.objects("p.jsonl")).enumerated() {
            #expect(prediction["id"] as? String == "s.jsonl:\(offset)")
            #expect(prediction["position"] as? String == "s.jsonl:\(offset)")
            #expect(prediction["version"] as? Int == learned, "learned before record \(index)")
            let probabilities = try #require(prediction["probabilities"] as? [String: Double])
            #expect(Set(probabilities.keys) == ["groupA", "groupB"])
            #expect(abs(probabilities.values.reduce(0, +) - 1) < 1e-9)
            let best = probabilities.max { $0.value < $1.value }
            #expect(prediction["prediction"] as? String == best?.key || probabilities["groupA"] == 0.5)
            let target = try JSONObject.parse(line)["class"] as? String
            #expect(prediction["target"] as? String == target)
            learned += target == nil ? 0 : 1
            offset += line.utf8.count + 1
        }
        #expect(workspace.lines("p.jsonl").count == 300 && learned == 270)
    }

    @Test func idsAreTheRecordsOwn() throws {
        let workspace = Workspace()
        try workspace.write("r.csv", "key,x,y\nalpha,1,2\n\"be\"\"ta\",2,4\nγ,3,6\n")
        let outcome = try workspace.thalweg("run --input r.csv --target y --id key --task regression --progress none")
        let rows = try outcome.lines.map(JSONObject.parse)
        #expect(rows.map { $0["id"] as? String } == ["alpha", "be\"ta", "γ"])
        #expect(rows.allSatisfy { $0["value"] is Double && $0["prediction"] is Double && $0["probabilities"] == nil })
        #expect(rows.map { $0["target"] as? Double } == [2, 4, 6])
    }

    /// Not learned also means: neither scaled nor counted as a class.
    @Test func recordsWithoutTargetLeaveNoTrace() throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 1300)
        try workspace.write("a.jsonl", lines.joined(separator: "\n"))
        // The sample that fixes the schema is the same; the strangers come after it.
        var more = lines
        for index in [1299, 1250, 1100] { more.insert(#"{"attrib1":9e9,"attrib2":-4e7,"attrib3":null}"#, at: index) }
        try workspace.write("b.jsonl", more.joined(separator: "\n"))
        for name in ["a", "b"] {
            let line =
                "run --input \(name).jsonl --target class --snapshots \(name) --bits 12 --progress none --predictions p-\(name)"
            #expect(try workspace.thalweg(line).status == 0)
        }
        func arrays(_ directory: String) throws -> [String: String] {
            let file = try #require(workspace.snapshots(directory).last)
            let json = try JSONObject.parse(workspace.thalweg(["snapshot", "inspect", file, "--json"]).stdout)
            let tensors = try #require(json["tensors"] as? [[String: Any]])
            return Dictionary(
                uniqueKeysWithValues: tensors.map { ($0["name"] as? String ?? "", $0["digest"] as? String ?? "") })
        }
        let a = try arrays("a")
        let b = try arrays("b")
        let learned = a.keys.filter { !$0.hasPrefix("evaluation/totals") && !$0.hasPrefix("schema/") }
        #expect(learned.contains { $0.hasPrefix("learner/") } && learned.contains { $0.hasPrefix("preprocess/") })
        for name in learned { #expect(a[name] == b[name], "\(name)") }
        #expect(workspace.lines("p-b").count == 1303)
    }

    @Test func appendedInputIsLearnedOn() throws {
        let lines = try Streams.lines("sea", 2000)
        let whole = Workspace()
        try whole.write("s.jsonl", lines.joined(separator: "\n") + "\n")
        let expected = try whole.thalweg(Self.command + "--predictions p.jsonl").report()
        // With and without a last line end; 1,024 records are four full mini-batches.
        for (count, end) in [(1300, "\n"), (1300, ""), (1024, ""), (1024, "\n")] {
            let workspace = Workspace()
            try workspace.write("s.jsonl", lines[..<count].joined(separator: "\n") + end)
            #expect(try workspace.thalweg(Self.command + "--predictions p.jsonl").report().records == count)
            let again = try workspace.thalweg(Self.command + "--predictions p.jsonl")
            #expect(try again.report().records == count, "nothing new: \(again.stderr)")
            try workspace.append("s.jsonl", (end.isEmpty ? "\n" : "") + lines[count...].joined(separator: "\n") + "\n")
            let report = try workspace.thalweg(Self.command + "--predictions p.jsonl").report()
            #expect(report.digest == expected.digest && report.records == 2000, "\(count) records, end '\(end)'")
            let isEqual = workspace.bytes("p.jsonl") == whole.bytes("p.jsonl")
            #expect(isEqual, "\(count) records, end '\(end)'")
        }
    }

    @Test func newFilesOfAPatternAreLearnedOn() throws {
        let lines = try Streams.lines("sea", 1500)
        let workspace = Workspace()
        let line =
            "run --input part-*.jsonl --target class --bits 12 --snapshots s --progress none --json --predictions p"
        try workspace.write("part-1.jsonl", lines[..<1200].joined(separator: "\n") + "\n")
        #expect(try workspace.thalweg(line).report().records == 1200)
        try workspace.write("part-2.jsonl", lines[1200...].joined(separator: "\n"))
        let report = try workspace.thalweg(line).report()
        #expect(report.records == 1500)
        let whole = try workspace.thalweg(
            "evaluate --input part-*.jsonl --target class --bits 12 --progress none --json")
        #expect(try whole.report().digest == report.digest)
    }

    @Test func changedInputIsRefused() throws {
        let lines = try Streams.lines("sea", 1500)
        let changes: [(String, [String])] = [
            ("first bytes", ["{\"attrib1\":1,\"class\":\"groupA\"}"] + lines),
            ("shorter", Array(lines[..<900])), ("other", try Streams.lines("sea", 1500, seed: 2)),
        ]
        for (name, changed) in changes {
            let workspace = Workspace()
            try workspace.write("s.jsonl", lines.joined(separator: "\n") + "\n")
            let first = try workspace.thalweg(Self.command + "--predictions p.jsonl")
            #expect(first.status == 0)
            let before = workspace.bytes("p.jsonl")
            try workspace.write("s.jsonl", changed.joined(separator: "\n") + "\n")
            let outcome = try workspace.thalweg(Self.command + "--predictions p.jsonl")
            #expect(outcome.status == 1, "\(name)")
            #expect(outcome.stderr.contains("s.jsonl") && outcome.stderr.contains("--snapshots"), "\(outcome.stderr)")
            let isUntouched = workspace.bytes("p.jsonl") == before
            #expect(isUntouched)
        }
    }

    @Test(arguments: [
        ("--bits 13", "--bits 12", "13"), ("--bits 12 --seed 9", "--seed 1", "9"),
        ("--bits 12 --preset river", "--preset thalweg", "river"),
        ("--bits 12 --learner linear:optimizer=sgd", "--learner linear", "sgd"),
        ("--bits 12 --cross attrib1,attrib2", "--cross unset", "attrib1,attrib2"),
        ("--bits 12 --ignore attrib1", "--ignore unset", "attrib1"),
        ("--bits 12 --pipeline min-max", "--pipeline unset", "min-max"),
        ("--bits 12 --positive groupA", "--positive unset", "groupA"),
        ("--bits 12 --task multiclass", "--task unset", "multiclass"),
        ("--bits 12 --batch-mode mean", "--batch-mode sequential", "mean"),
    ])
    func changedOptionIsRefused(_ options: String, _ was: String, _ now: String) throws {
        let workspace = Workspace()
        try workspace.write("s.jsonl", Streams.generate("sea", 50, .jsonl))
        let line = "run --input s.jsonl --target class --snapshots s --progress none --predictions p "
        #expect(try workspace.thalweg(line + "--bits 12").status == 0)
        let before = workspace.names(in: "s")
        let outcome = try workspace.thalweg(line + options)
        #expect(outcome.status == 2)
        #expect(outcome.stderr.contains(was) && outcome.stderr.contains(now), "\(outcome.stderr)")
        #expect(workspace.names(in: "s") == before)
        #expect(try workspace.thalweg(line + "--bits 12").status == 0, "the same options still resume")
    }

    /// A predictions file that is not what the snapshot knows would get holes or double lines.
    @Test func removedPredictionsAreNoticed() throws {
        let workspace = Workspace()
        try workspace.write("s.jsonl", Streams.generate("sea", 300, .jsonl))
        _ = try workspace.thalweg(Self.command + "--predictions p.jsonl")
        try workspace.write("p.jsonl", "")
        let outcome = try workspace.thalweg(Self.command + "--predictions p.jsonl")
        #expect(outcome.status == 1 && outcome.stderr.contains("p.jsonl"), "\(outcome.stderr)")
    }
}
