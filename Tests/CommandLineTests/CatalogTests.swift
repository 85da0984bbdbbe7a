import Foundation
import Generators
import Testing

/// `list`, `describe` and `generate`.
struct CatalogTests {
    @Test func listedIsDescribed() throws {
        let workspace = Workspace()
        let all = try workspace.thalweg("list").stdout
        var count = 0
        for kind in ["learners", "steps", "detectors", "formats", "generators"] {
            #expect(all.contains("\(kind):\n"))
            for line in try workspace.thalweg("list \(kind)").lines {
                let name = try #require(line.split(separator: " ").first)
                #expect(all.contains("  \(line)"))
                let described = try workspace.thalweg("describe \(name)")
                #expect(
                    described.status == 0 && described.stdout.hasPrefix("\(name) (\(kind)): "), "\(described.stdout)")
                count += 1
            }
        }
        #expect(count > 20)
    }

    @Test func listOfLearnersSaysTheirTasks() throws {
        let lines = try Workspace().thalweg("list learners").lines
        #expect(lines.contains { $0.hasPrefix("hoeffding-tree ") && $0.contains(" binary, multiclass, regression ") })
        #expect(lines.contains { $0.hasPrefix("k-means ") && $0.contains(" clustering ") })
    }

    @Test func readmeHasTheTableOfLearners() throws {
        let table = try Workspace().thalweg("list learners --markdown").stdout
        let readme = URL(filePath: #filePath).appending(path: "../../../README.md").standardized
        #expect(
            try String(contentsOf: readme, encoding: .utf8).contains(table),
            "README.md, All learners: put in what `thalweg list learners --markdown` prints")
    }

    /// What `describe` shows as a default is accepted as a setting.
    @Test func describedDefaultsAreTaken() throws {
        let workspace = Workspace()
        try workspace.write("s.jsonl", Streams.generate("sea", 50, .jsonl))
        let lines = try workspace.thalweg("describe linear").lines
            .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && $0.contains(" = ") }
        let fields = lines.map { $0.components(separatedBy: "  [")[0].trimmingCharacters(in: .whitespaces) }
            .map { $0.replacingOccurrences(of: " = ", with: "=") }
            .filter { !$0.hasSuffix("=") && !$0.hasPrefix("optimizer=") }
        #expect(fields.count > 5)
        let line =
            "evaluate --input s.jsonl --target class --bits 10 --json --progress none --learner linear:optimizer=sgd"
        let plain = try workspace.thalweg(line).report()
        let given = try workspace.thalweg(line + "," + fields.joined(separator: ","))
        #expect(try given.report().digest == plain.digest, "\(given.stderr)")
    }

    @Test(arguments: ["csv", "jsonl", "vw", "libsvm", "arff"])
    func everyFormatComesBack(_ format: String) throws {
        let workspace = Workspace()
        let name = "sea.\(format)"
        #expect(try workspace.shell("$T generate sea --records 1234 --seed 5 --format \(format) > \(name)").status == 0)
        let expected = try Streams.generate("sea", 1234, #require(.init(rawValue: format)), seed: 5)
        #expect(workspace.text(name) == expected)
        let target = ["vw", "libsvm"].contains(format) ? "" : "--target class"
        let outcome = try workspace.thalweg("evaluate --input \(name) \(target) --json --progress none")
        let report = try outcome.report()
        #expect(report.records == 1234 && report.learned == 1234 && report.rejected == 0, "\(outcome.stderr)")
        #expect((report.metrics["accuracy"] ?? 0) > 0.75)
        // And without a name that tells the format.
        let piped = try workspace.thalweg(
            "evaluate \(target) --json --progress none", input: .file(workspace.file(name)))
        #expect(try piped.report().digest == report.digest)
    }

    @Test func seedsMakeStreams() throws {
        let workspace = Workspace()
        for name in GeneratorRegistry.all.map(\.name) {
            let one = try workspace.thalweg("generate \(name) --records 20 --seed 1").stdout
            #expect(one.split(separator: "\n").count == 20)
            #expect(try workspace.thalweg("generate \(name) --records 20 --seed 1").stdout == one)
            #expect(try workspace.thalweg("generate \(name) --records 20 --seed 2").stdout != one)
            #expect(try one.split(separator: "\n").allSatisfy { try JSONObject.parse(String($0))["class"] != nil })
        }
    }
}
