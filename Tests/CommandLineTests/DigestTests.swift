import Foundation
import Testing

/// What is learned depends on records, options and seed alone.
struct DigestTests {
    struct Model: CustomTestStringConvertible, Sendable {
        let file: String
        let options: String
        var testDescription: String { file + " " + options }
    }

    static let models = [
        Model(file: "sea.jsonl", options: "--target class"),
        Model(file: "agrawal.csv", options: "--target class"),
        Model(file: "agrawal.csv", options: "--target class --preset river --learner linear:optimizer=sgd"),
        Model(file: "agrawal.csv", options: "--target class --preset river --learner linear:optimizer=adam"),
        Model(file: "agrawal.csv", options: "--target class --learner linear:optimizer=ftrl --cross elevel,car"),
        Model(file: "agrawal.csv", options: "--target class --learner linear:optimizer=coin"),
        Model(file: "agrawal.csv", options: "--target class --learner linear:optimizer=pa2"),
        Model(file: "sea.vw", options: "--preset vw --learner linear:loss=logistic"),
        Model(file: "led.csv", options: "--target class --task multiclass"),
        Model(
            file: "led.csv", options: "--target class --task multiclass --preset river --learner linear:optimizer=sgd"),
        Model(file: "agrawal.csv", options: "--target class --learner naive-bayes"),
        Model(
            file: "agrawal.csv", options: "--target class --learner hoeffding-tree:grace-period=50,tie-threshold=0.5"),
        Model(
            file: "led.csv",
            options:
                "--target class --task multiclass --learner hoeffding-adaptive-tree:grace-period=50,tie-threshold=0.5"),
        Model(
            file: "led.csv",
            options: "--target class --task multiclass --learner adaptive-random-forest:models=4,tie-threshold=0.5"),
        Model(
            file: "agrawal.csv", options: "--target class --preset river --pipeline standardize --learner naive-bayes"),
        Model(file: "line.csv", options: "--target y"),
        Model(file: "line.csv", options: "--target y --preset river --learner linear:optimizer=adagrad"),
        Model(file: "line.csv", options: "--target y --pipeline impute --pipeline min-max --pipeline indicate-missing"),
    ]

    private static let records = Scale.records(400, full: 1100)

    private static func make(_ file: String, in workspace: Workspace) throws {
        switch file {
        case "sea.jsonl": try workspace.write(file, Streams.generate("sea", records, .jsonl))
        case "sea.vw": try workspace.write(file, Streams.generate("sea", records, .vw))
        case "agrawal.csv": try workspace.write(file, Streams.generate("agrawal", records, .csv))
        case "led.csv": try workspace.write(file, Streams.generate("led", records, .csv))
        default: try workspace.write(file, Streams.regression(records))
        }
    }

    /// Batch sizes around the rows of a part, and ones that leave a rest.
    @Test(arguments: models)
    func batchSizeChangesNothing(_ model: Model) throws {
        let workspace = Workspace()
        try Self.make(model.file, in: workspace)
        let line = "run --input \(model.file) \(model.options) --bits 14 --progress none --json"
        let expected = try workspace.thalweg(line + " --predictions whole.jsonl").report()
        #expect(expected.learned == Self.records)
        for size in [1, 7, Self.records - 100] {
            let report = try workspace.thalweg(line + " --batch-size \(size) --predictions part.jsonl").report()
            #expect(report.digest == expected.digest, "batch size \(size)")
            #expect(workspace.areEqual("part.jsonl", "whole.jsonl"), "batch size \(size)")
        }
        #expect(workspace.lines("whole.jsonl").count == Self.records)
    }

    @Test func sideEffectsChangeNothing() throws {
        let workspace = Workspace()
        try Self.make("agrawal.csv", in: workspace)
        let line = "evaluate --input agrawal.csv --target class --bits 14 --json --progress "
        let expected = try workspace.thalweg(line + "none").report().digest
        for more in [
            "none --snapshots s1 --snapshot-every-records 1", "none --snapshots s2 --snapshot-every 1ms",
            "none --predictions p.jsonl --quarantine q.jsonl", "1", "auto --batch-wait 1ms",
        ] {
            #expect(try workspace.thalweg(line + more).report().digest == expected, "\(more)")
        }
        #expect(try workspace.thalweg(line + "none --seed 2 --bits 13").report().digest != expected)
    }

    /// Bytes come as they like: a record's pieces, many records at once.
    @Test func piecesOfStandardInputChangeNothing() throws {
        let workspace = Workspace()
        try Self.make("agrawal.csv", in: workspace)
        let arguments = ["evaluate", "--target", "class", "--bits", "14", "--json", "--progress", "none"]
        let expected = try workspace.thalweg(arguments + ["--input", "agrawal.csv"]).report().digest
        let redirected = try workspace.thalweg(arguments, input: .file(workspace.file("agrawal.csv")))
        #expect(try redirected.report().digest == expected)
        var numbers = SeededNumbers(SeededNumbers.seed("pieces"))
        let command = try Command(Command.thalweg, arguments, in: workspace, input: .pipe)
        var rest = workspace.text("agrawal.csv")[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...700, using: &numbers))
            command.send(String(piece))
            rest = rest[piece.endIndex...]
        }
        command.closeInput()
        #expect(try command.wait().report().digest == expected)
    }

    @Test func sameRecordsInAnotherFormatAreTheSameModel() throws {
        let workspace = Workspace()
        for format in ["jsonl", "csv"] {
            _ = try workspace.shell("$T generate agrawal -n 1500 --format \(format) > agrawal.\(format)")
        }
        let line = "evaluate --target class --bits 14 --json --progress none --input "
        let csv = try workspace.thalweg(line + "agrawal.csv").report()
        let jsonl = try workspace.thalweg(line + "agrawal.jsonl").report()
        #expect(csv.learned == 1500 && csv.digest == jsonl.digest)
    }

    /// Compression is not part of the records.
    @Test(arguments: ["gzip", "zstd --rm", "zstd --rm -19 --no-check", "zstd --rm -1 --no-check"])
    func compressionChangesNothing(_ tool: String) throws {
        let workspace = Workspace()
        // Larger than a block of any of them, and than the engine's own chunks. Any learner sees what was read.
        let records = Scale.records(4000, full: 8000)
        try workspace.write("agrawal.csv", Streams.generate("agrawal", records, .csv))
        #expect(workspace.bytes("agrawal.csv").count > 300_000)
        let line = "evaluate --target class --preset river --bits 14 --json --progress none --input "
        let plain = try workspace.thalweg(line + "agrawal.csv").report()
        let packed = try workspace.shell("\(tool) -q agrawal.csv && ls agrawal.csv.*")
        let name = try #require(packed.lines.first, "\(tool) is not installed: \(packed.stderr)")
        let report = try workspace.thalweg(line + name).report()
        #expect(report.records == records && report.digest == plain.digest)
        let piped = try workspace.thalweg(line + "-", input: .file(workspace.file(name)))
        #expect(try piped.report().digest == plain.digest)
    }
}
