import Foundation
import Testing

/// Command line over environment over file over defaults, and nothing misspelt goes unnoticed.
struct ConfigTests {
    private func shown(
        _ workspace: Workspace, _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> [String: (value: String, origin: String)] {
        let outcome = try workspace.thalweg(["config", "show"] + arguments, environment: environment)
        #expect(outcome.status == 0, "\(outcome.stderr)")
        var rows: [String: (value: String, origin: String)] = [:]
        for line in outcome.lines {
            let halves = line.components(separatedBy: " # ")
            let parts = halves[0].split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, halves.count == 2 else { continue }
            rows[parts[0]] = (parts[1], halves[1])
        }
        return rows
    }

    @Test func precedence() throws {
        let workspace = Workspace()
        try workspace.write("c.yaml", "seed: 3\nbits: 13\nschema:\n  target: fromfile\nsnapshots:\n  keep: 9\n")
        let environment = ["THALWEG_SEED": "4", "THALWEG_BITS": "14", "THALWEG_SNAPSHOT_KEEP": "8"]
        let all = try shown(workspace, ["--config", "c.yaml", "--seed", "5"], environment)
        #expect(all["seed"]?.value == "5" && all["seed"]?.origin == "command line")
        #expect(all["bits"]?.value == "14" && all["bits"]?.origin == "environment")
        #expect(all["snapshots.keep"]?.value == "8" && all["snapshots.keep"]?.origin == "environment")
        #expect(all["schema.target"]?.value == "fromfile" && all["schema.target"]?.origin == "file")
        #expect(all["batch-size"]?.value == "256" && all["batch-size"]?.origin == "default")
        let file = try shown(workspace, ["c.yaml"])
        #expect(file["seed"]?.value == "3" && file["bits"]?.value == "13")
    }

    /// Not only shown: the run is the same as with options.
    @Test func everyWayGivesTheSameRun() throws {
        let workspace = Workspace()
        try workspace.write("a.csv", Streams.generate("agrawal", 1100, .csv))
        try workspace.write(
            "c.yaml",
            """
            input: a.csv
            schema: {target: class, ignore: [loan, hvalue]}
            pipeline:
              - standardize: {limit: 4}
              - name: clip
            learner:
              name: linear
              optimizer: ftrl
            cross: ["car,elevel"]
            bits: 13
            output: {predictions: none}
            evaluation: {progress: none, json: true}
            """)
        let file = try workspace.thalweg("run --config c.yaml").report()
        let options = try workspace.thalweg(
            "evaluate --input a.csv --target class --ignore loan,hvalue --pipeline standardize:limit=4 --pipeline clip "
                + "--learner linear:optimizer=ftrl --cross car,elevel --bits 13 --progress none --json"
        ).report()
        let environment = try workspace.thalweg(
            ["evaluate"],
            environment: [
                "THALWEG_INPUT": "a.csv", "THALWEG_TARGET": "class", "THALWEG_IGNORE": "loan,hvalue",
                "THALWEG_PIPELINE": "standardize:limit=4;clip", "THALWEG_LEARNER": "linear:optimizer=ftrl",
                "THALWEG_CROSS": "car,elevel", "THALWEG_BITS": "13", "THALWEG_PROGRESS": "none", "THALWEG_JSON": "true",
            ]
        ).report()
        #expect(file.records == 1100)
        #expect(file.digest == options.digest && environment.digest == options.digest)
        let plain = try workspace.thalweg("evaluate --input a.csv --target class --bits 13 --progress none --json")
        #expect(try plain.report().digest != options.digest, "the options do something")
    }

    static let mistakes: [(String, [String])] = [
        ("bitz: 13", ["bitz", "'bits'"]), ("schema: {targt: y}", ["schema.targt", "'schema.target'"]),
        ("snapshot: {keep: 3}", ["snapshot.keep", "'snapshots.keep'"]),
        ("bits: many", ["bits", "many"]), ("learner: liner", ["liner", "'linear'"]),
        ("learner: {name: linear, optimizr: sgd}", ["optimizr", "'optimizer'"]),
        ("pipeline: [standardise]", ["standardise", "'standardize'"]), ("pipeline: standardize", ["pipeline", "list"]),
        ("evaluation: {json: perhaps}", ["evaluation.json", "perhaps"]), ("http: {port: 80}", ["http.port"]),
        ("a: [", ["c.yaml"]), ("just text", ["c.yaml"]), ("seed: ${THALWEG_NOT_SET}", ["THALWEG_NOT_SET"]),
        ("seed: ${UNCLOSED", ["${"]), ("batch-wait: soon", ["batch-wait", "soon"]),
        ("snapshots: {every: soon, directory: s}", ["snapshots.every", "soon"]),
    ]

    @Test(arguments: mistakes)
    func checkNamesTheMistake(_ text: String, _ words: [String]) throws {
        let workspace = Workspace()
        try workspace.write("c.yaml", text)
        for line in ["config check c.yaml", "evaluate --config c.yaml"] {
            let outcome = try workspace.thalweg(line)
            #expect(outcome.status == 2 && outcome.stdout.isEmpty, "\(line): \(outcome.stdout)")
            for word in words { #expect(outcome.stderr.contains(word), "\(outcome.stderr)") }
        }
    }

    @Test func checkSaysOk() throws {
        let workspace = Workspace()
        try workspace.write("c.yaml", "bits: ${BITS:13}\nseed: ${SEED:1}\nschema:\n  target: \"${NAME:y}\"\n")
        let outcome = try workspace.thalweg("config check c.yaml")
        #expect(outcome.status == 0 && outcome.stdout == "ok: c.yaml\n" && outcome.stderr.isEmpty)
        let defaults = try shown(workspace, ["c.yaml"])
        #expect(defaults["bits"]?.value == "13" && defaults["schema.target"]?.value == "y")
        let given = try shown(workspace, ["c.yaml"], ["BITS": "15", "NAME": "clicked"])
        #expect(
            given["bits"]?.value == "15" && given["schema.target"]?.value == "clicked" && given["seed"]?.value == "1")
    }

    @Test func wrongEnvironmentIsNamed() throws {
        let workspace = Workspace()
        for (name, value) in [("THALWEG_BITS", "many"), ("THALWEG_SEED", "-1"), ("THALWEG_PRESET", "rivr")] {
            let outcome = try workspace.thalweg(["config", "show"], environment: [name: value])
            #expect(
                outcome.status == 2 && outcome.stderr.contains(name) && outcome.stderr.contains(value),
                "\(outcome.stderr)")
        }
    }
}
