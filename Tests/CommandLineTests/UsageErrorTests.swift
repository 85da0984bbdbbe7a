import Foundation
import Testing

/// What is wrong is said before anything is read or learned, with the nearest right name.
struct UsageErrorTests {
    struct Mistake: CustomTestStringConvertible, Sendable {
        let line: String
        let words: [String]

        init(_ line: String, _ words: String...) {
            self.line = line
            self.words = words
        }

        var testDescription: String { line }
    }

    static let mistakes = [
        Mistake("evalate --input sea.jsonl", "evalate", "evaluate"),
        Mistake("evaluate --input sea.jsonl --targt class", "--targt", "--target"),
        Mistake("evaluate --input sea.jsonl --target clas", "clas", "'class'"),
        Mistake("evaluate --input sea.jsonl --target class --ignore attrib9", "attrib9", "'attrib"),
        Mistake("evaluate --input sea.jsonl --target class --positive groupC", "groupC", "groupA, groupB"),
        Mistake("evaluate --input sea.jsonl --target class --task binry", "--task", "binry", "'binary'"),
        Mistake("evaluate --input sea.jsonl --target class --format jsnl", "jsnl", "'jsonl'"),
        Mistake("evaluate --input sea.jsonl --target class --preset rivr", "rivr", "'river'"),
        Mistake("evaluate --input sea.jsonl --target class --learner liner", "liner", "'linear'"),
        Mistake("evaluate --input sea.jsonl --target class --learner linear:optimizr=sgd", "optimizr", "'optimizer'"),
        Mistake("evaluate --input sea.jsonl --target class --learner linear:optimizer=sdg", "sdg", "'sgd'"),
        Mistake("evaluate --input sea.jsonl --target class --pipeline standardise", "standardise", "'standardize'"),
        Mistake("evaluate --input sea.jsonl --target class --cross atrib1,attrib2", "atrib1", "'attrib1'"),
        Mistake("evaluate --input sea.jsonl --target class --batch-size none", "--batch-size", "none"),
        Mistake("evaluate --input sea.jsonl --target class --batch-size 0", "--batch-size", "from 1"),
        Mistake("evaluate --input sea.jsonl --target class --bits 99", "--bits", "99"),
        Mistake("evaluate --input sea.jsonl --target class --batch-wait soon", "--batch-wait", "500ms"),
        Mistake("evaluate --input sea.jsonl --target class --batch-mode avarage", "avarage", "--batch-mode"),
        Mistake("evaluate --input sea.jsonl --target class --seed x", "--seed"),
        Mistake("evaluate --input sea.jsonl --target class --max-rejected 2", "--max-rejected"),
        Mistake("evaluate --input sea.jsonl --target class --progress often", "--progress"),
        Mistake("evaluate --input sea.jsonl --target class --snapshot-keep 3", "--snapshot-keep", "--snapshots"),
        Mistake("evaluate --input - --input sea.jsonl --target class", "--input -"),
        Mistake("evaluate --input mqtt://host/topic --target class", "mqtt"),
        Mistake("predict --input sea.jsonl", "--snapshot"),
        Mistake("predict --input sea.jsonl --snapshot x --snapshots y", "--snapshots"),
        Mistake("generate see", "see", "sea"),
        Mistake("generate sea:funtion=2", "funtion", "function"),
        Mistake("generate sea:function=x", "function=x"),
        Mistake("generate sea --format jsnl", "jsnl", "jsonl"),
        Mistake("generate sea --records -1", "--records"),
        Mistake("describe liner", "liner", "'linear'"),
        Mistake("list leaners", "leaners", "'learners'"),
        Mistake("config check missing.yaml", "missing.yaml"),
    ]

    @Test(arguments: mistakes)
    func usage(_ mistake: Mistake) throws {
        let workspace = Workspace()
        try workspace.write("sea.jsonl", Streams.generate("sea", 100, .jsonl))
        let outcome = try workspace.thalweg(mistake.line)
        #expect(outcome.status == 2)
        #expect(outcome.stdout.isEmpty)
        for word in mistake.words { #expect(outcome.stderr.contains(word), "\(outcome.stderr)") }
    }

    static let failures = [
        Mistake("evaluate --input missing.jsonl --target class", "missing.jsonl", "No such file"),
        Mistake("evaluate --input nothing-*.jsonl --target class", "nothing-*.jsonl"),
        Mistake("evaluate --input folder --target class", "'folder' is a directory"),
        Mistake("evaluate --input empty --target class", "empty"),
        Mistake("evaluate --input locked/sea.jsonl/x --target class", "locked/sea.jsonl/x"),
        Mistake("predict --input sea.jsonl --snapshot missing", "missing", "No such file"),
        Mistake("predict --input sea.jsonl --snapshot folder", "folder", "no good snapshot"),
        Mistake("predict --input sea.jsonl --snapshot sea.jsonl", "sea.jsonl", "header"),
        Mistake("snapshot list missing", "missing"),
        Mistake("snapshot list folder", "folder"),
        Mistake("snapshot inspect sea.jsonl", "sea.jsonl"),
    ]

    @Test(arguments: failures)
    func runtime(_ failure: Mistake) throws {
        let workspace = Workspace()
        try workspace.write("sea.jsonl", Streams.generate("sea", 100, .jsonl))
        try workspace.write("empty", "")
        try FileManager.default.createDirectory(atPath: workspace.file("folder"), withIntermediateDirectories: false)
        let outcome = try workspace.thalweg(failure.line)
        #expect(outcome.status == 1)
        #expect(outcome.stdout.isEmpty)
        for word in failure.words { #expect(outcome.stderr.contains(word), "\(outcome.stderr)") }
    }

    @Test func helpAndVersionAreData() throws {
        let workspace = Workspace()
        for line in ["--help", "evaluate --help", "--version"] {
            let outcome = try workspace.thalweg(line)
            #expect(outcome.status == 0 && !outcome.stdout.isEmpty && outcome.stderr.isEmpty, "\(line)")
        }
    }
}
