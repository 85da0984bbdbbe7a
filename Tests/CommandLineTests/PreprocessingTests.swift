import Foundation
import Generators
import Testing

/// A pipeline of nearly every step there is, from the command line.
struct PreprocessingTests {
    /// Of the directory that the tests lie in.
    private static let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("examples/preprocessing/payments.yaml").path

    private static func workspace(_ records: Int) throws -> Workspace {
        let workspace = Workspace()
        try workspace.write("payments.jsonl", Streams.generate("payments", records, .jsonl))
        return workspace
    }

    private static let line = "--config \(example) --input payments.jsonl --bits 12 --progress none --json"

    @Test func theExampleLearns() throws {
        let workspace = try Self.workspace(Scale.records(6000, full: 20_000))
        let outcome = try workspace.thalweg("evaluate \(Self.line)")
        let report = try outcome.report()
        #expect((report.metrics["roc_auc"] ?? 0) > 0.8, "\(outcome.stderr)")
        #expect(report.rejected > 0, "late records are rejected")
        let plain = try workspace.thalweg(
            "evaluate --input payments.jsonl --target class --bits 12 --progress none --json"
        ).report()
        #expect((report.metrics["roc_auc"] ?? 0) > (plain.metrics["roc_auc"] ?? 1) + 0.02)
        let steps = try #require(try JSONObject.parse(outcome.lines.last ?? "")["preprocessing"] as? [String: Any])
        #expect(((steps["0-deduplicate"] as? [String: Any])?["duplicates"] as? Int ?? 0) > 10)
        #expect(steps.keys.contains { $0.hasSuffix("top-features") })
    }

    @Test func theBatchSizeDoesNotMatter() throws {
        let workspace = try Self.workspace(1500)
        let digests = try [1, 7, 256].map {
            try workspace.thalweg("evaluate \(Self.line) --batch-size \($0)").report().digest
        }
        #expect(Set(digests).count == 1)
    }

    @Test func targetsThatComeLaterTeachTheSameWhateverTheBatchSize() throws {
        let workspace = try Self.workspace(1500)
        let reports = try [1, 7, 256].map {
            try workspace.thalweg("evaluate \(Self.line) --delay 100 --batch-size \($0)").report()
        }
        #expect(Set(reports.map(\.digest)).count == 1)
        #expect((reports[0].metrics["log_loss"] ?? 1) < 0.35)
    }

    @Test func slotsOfTheirOwnHaveNames() throws {
        let workspace = try Self.workspace(2000)
        let outcome = try workspace.thalweg(
            "evaluate --input payments.jsonl --target class --pipeline identifiers:admit=3 "
                + "--pipeline top-features:every=500")
        #expect(outcome.stderr.contains("note="), "\(outcome.stderr)")
    }

    @Test func aResumedRunEndsInTheSameBytes() throws {
        let workspace = try Self.workspace(2000)
        let whole = try workspace.thalweg("run \(Self.line) --snapshots whole --predictions p-whole").report()
        let all = workspace.text("payments.jsonl")
        let lines = all.split(separator: "\n")
        try workspace.write("payments.jsonl", lines.prefix(1203).joined(separator: "\n") + "\n")
        _ = try workspace.thalweg("run \(Self.line) --snapshots parts --predictions p-parts").report()
        try workspace.write("payments.jsonl", all)
        let resumed = try workspace.thalweg("run \(Self.line) --snapshots parts --predictions p-parts").report()
        #expect(resumed.digest == whole.digest)
        #expect(workspace.areEqual("p-whole", "p-parts"))
    }

    @Test(arguments: [
        ("--pipeline rolling:window=1m", "time=FIELD"), ("--pipeline log:fields=amuont", "did you mean 'amount'"),
        ("--pipeline text", "fields=A+B"), ("--pipeline expression:is=amount+nothing", "no number field 'nothing'"),
        ("--pipeline roling", "did you mean 'rolling'"), ("--pipeline lag --pipeline lag", "there is one of that name"),
    ])
    func whatIsWrongIsSaid(_ options: String, _ message: String) throws {
        let workspace = try Self.workspace(50)
        let outcome = try workspace.thalweg(
            "evaluate --input payments.jsonl --target class --progress none \(options)")
        #expect(outcome.status == 2)
        #expect(outcome.stderr.contains(message), "\(outcome.stderr)")
    }
}
