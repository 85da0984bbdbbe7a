import Foundation
import Testing

/// `thalweg profile` and `thalweg split` as a person runs them.
struct ProfileCommandTests {
    private func clicks(_ records: Int) -> String {
        var lines = ["id,ts,price,city,target"]
        for index in 0..<records {
            let price = index % 10 == 3 ? "" : "\(Double(index * 7919 % 1000) / 4)"
            lines.append(
                "u\(index * 31 % (records / 3)),\(1_700_000_000 + index * 60),\(price),"
                    + "c\(index * 17 % 23),\(index * 7919 % 1000 < 300 ? 1 : 0)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test func jsonHasWhatIsPromised() throws {
        let workspace = Workspace()
        try workspace.write("clicks.csv", clicks(900))
        let outcome = try workspace.thalweg("profile --input clicks.csv --target target --id id --json")
        #expect(outcome.status == 0 && outcome.lines.count == 1, "\(outcome.stderr)")
        let json = try outcome.report().json
        #expect(json["records"] as? Int == 900 && json["rejected"] as? Int == 0 && json["duplicates"] as? Int == 0)
        let fields = try #require(json["fields"] as? [[String: Any]])
        #expect(fields.map { $0["name"] as? String } == ["id", "ts", "price", "city", "target"])
        let price = fields[2]
        #expect(price["type"] as? String == "number" && price["missing"] as? Int == 90 && price["count"] as? Int == 810)
        for key in [
            "role", "distinct", "min", "max", "mean", "sd", "skewness", "kurtosis", "quantiles", "histogram", "top",
            "correlation", "mutual_information", "zero", "negative",
        ] { #expect(price[key] != nil, "\(key)") }
        #expect((price["correlation"] as? Double ?? 0) < -0.5, "it decides the target")
        #expect(fields[3]["distinct"] as? Int == 23 && (fields[3]["length"] as? [String: Any])?["max"] as? Int == 3)
        let time = try #require(json["time"] as? [String: Any])
        #expect(time["field"] as? String == "ts" && time["first"] as? String == "2023-11-14T22:13:20Z")
        #expect((time["gap_seconds"] as? [String: Double])?["0.5"] == 60)
        let target = try #require(json["target"] as? [String: Any])
        #expect(target["task"] as? String == "binary")
    }

    @Test(arguments: ["csv", "jsonl", "arff", "vw", "libsvm"]) func everyFormatAndItsSuggestionRuns(_ format: String)
        throws
    {
        let workspace = Workspace()
        let made = try workspace.thalweg("generate agrawal --records 400 --format \(format) --output data.\(format)")
        #expect(made.status == 0, "\(made.stderr)")
        let target = ["vw", "libsvm"].contains(format) ? "" : "--target class"
        let outcome = try workspace.thalweg(
            "profile --input data.\(format) \(target) --report page.html --suggest suggested.yaml --json")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        #expect(try outcome.report().records == 400)
        #expect(workspace.text("page.html").contains("</html>"))
        let run = try workspace.thalweg("run -c suggested.yaml --predictions none --json")
        #expect(run.status == 0, "\(run.stderr)\n\(workspace.text("suggested.yaml"))")
        #expect(try run.report().learned == 400)
    }

    @Test func pipesTablesAndErrors() throws {
        let workspace = Workspace()
        try workspace.write("clicks.csv", clicks(300))
        let table = try workspace.shell("cat clicks.csv | \(Command.thalweg) profile --target target")
        #expect(table.status == 0 && table.stdout.contains("price") && !table.stdout.contains("\u{1b}"))
        #expect(table.stderr.isEmpty, "no live table where there is no terminal: \(table.stderr)")
        try workspace.write("empty.csv", "")
        #expect(try workspace.thalweg("profile --input empty.csv").status == 1)
        let wrong = try workspace.thalweg("profile --input clicks.csv --target nothing")
        #expect(wrong.status == 2 && wrong.stderr.contains("nothing"))
        try workspace.write("bad.csv", "a,b\n1,2\n3\n4,5\n")
        let bad = try workspace.thalweg("profile --input bad.csv --json")
        #expect(try bad.report().rejected == 1)
        #expect(bad.stderr.contains("bad.csv:3"))
    }

    @Test func splitCopiesEveryRecordOnceAndKeepsIdsTogether() throws {
        let workspace = Workspace()
        try workspace.write("clicks.csv", clicks(900))
        let lines = workspace.lines("clicks.csv")
        var reports: [String] = []
        for (directory, size) in [("a", 1), ("b", 256)] {
            let outcome = try workspace.thalweg(
                "split --input clicks.csv --output-dir \(directory) --id id --batch-size \(size) --json")
            #expect(outcome.status == 0, "\(outcome.stderr)")
            reports.append(outcome.lines.last ?? "")
        }
        var parts: [[String]] = []
        for part in ["train", "validation", "test"] {
            #expect(workspace.areEqual("a/\(part).csv", "b/\(part).csv"), "the batch size does not matter")
            let own = workspace.lines("a/\(part).csv")
            #expect(own.first == lines.first)
            parts.append(Array(own.dropFirst()))
        }
        #expect(parts.joined().sorted() == lines.dropFirst().sorted())
        let ids = parts.map { Set($0.map { $0.prefix { $0 != "," } }) }
        #expect(ids[0].isDisjoint(with: ids[1]) && ids[0].isDisjoint(with: ids[2]) && ids[1].isDisjoint(with: ids[2]))
        #expect(parts[0].count > 600 && parts[1].count > 30 && parts[2].count > 30)
        #expect(reports[0].contains("\"records\":\(parts[0].count)"))
    }

    @Test func splitByTimeByStrataAndByCount() throws {
        let workspace = Workspace()
        try workspace.write("clicks.csv", clicks(1_000))
        let time = try workspace.thalweg("split --input clicks.csv --output-dir t --by time --time ts")
        #expect(time.status == 0, "\(time.stderr)")
        let counts = ["train", "validation", "test"].map { workspace.lines("t/\($0).csv").count - 1 }
        #expect(counts == [800, 100, 100])
        #expect(workspace.lines("t/train.csv").dropFirst() == workspace.lines("clicks.csv")[1...800])
        let strata = try workspace.thalweg(
            "split --input clicks.csv --train s.csv --test e.csv --ratios 0.9,0.1 --stratify target --json")
        #expect(strata.status == 0, "\(strata.stderr)")
        #expect(workspace.lines("e.csv").count { $0.hasSuffix(",1") } == 30, "a tenth of 300")
        try workspace.write("crlf.jsonl", (0..<20).map { "{\"a\":\($0)}\r\n" }.joined())
        let every = try workspace.thalweg(
            "split --input crlf.jsonl --train x.jsonl --validation y.jsonl --test z.jsonl --by every")
        #expect(every.status == 0, "\(every.stderr)")
        #expect(workspace.text("y.jsonl").hasSuffix("}\r\n") && workspace.bytes("y.jsonl").count { $0 == 10 } == 2)
        let stream = try workspace.shell("cat clicks.csv | \(Command.thalweg) split --output-dir q --by time --time ts")
        #expect(stream.status == 2 && stream.stderr.contains("--boundaries"))
        let over = try workspace.thalweg("split --input clicks.csv --train clicks.csv --test b.csv --ratios 1,1")
        #expect(over.status == 2 && workspace.lines("clicks.csv").count == 1_001)
    }
}
