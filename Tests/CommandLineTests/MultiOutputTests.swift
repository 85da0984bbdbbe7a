import Foundation
import Testing

/// Several targets of the same records: `--target a,b,c`.
struct MultiOutputTests {
    /// Labels u, v and w: u follows from x, v from u, w from neither.
    private static func labels(_ records: Int, missing: Bool = false) -> String {
        var numbers = SeededNumbers(41)
        var text = "x,z,u,v,w\n"
        for _ in 0..<records {
            let x = Double.random(in: -1...1, using: &numbers)
            let u = Double.random(in: 0...1, using: &numbers) < (x > 0 ? 0.9 : 0.1)
            let v = Double.random(in: 0...1, using: &numbers) < (u ? 0.8 : 0.2)
            let w = Bool.random(using: &numbers) ? "yes" : "no"
            let isMissing = missing && Int.random(in: 0..<5, using: &numbers) == 0
            text +=
                "\(x),\(Double.random(in: -1...1, using: &numbers)),\(u ? 1 : 0),\(isMissing ? "" : v ? "1" : "0"),\(w)\n"
        }
        return text
    }

    /// Numbers p and q: q follows p.
    private static func numbers(_ records: Int) -> String {
        var numbers = SeededNumbers(43)
        var text = "x,z,p,q\n"
        for _ in 0..<records {
            let x = Double.random(in: -1...1, using: &numbers)
            let z = Double.random(in: -1...1, using: &numbers)
            let p = 50 + 10 * x - 3 * z + Double.random(in: -1...1, using: &numbers)
            text += "\(x),\(z),\(p),\(p / 100 + Double.random(in: -0.01...0.01, using: &numbers))\n"
        }
        return text
    }

    private static func outputs(_ report: Report) -> [String: [String: Double]] {
        report.json["outputs"] as? [String: [String: Double]] ?? [:]
    }

    /// Each output is what a run of its own makes of it.
    @Test(arguments: ["linear", "naive-bayes", "linear:optimizer=sgd --preset river"])
    func independentOutputsAreRunsOfTheirOwn(_ learner: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.labels(800))
        let line = "evaluate --input s.csv --bits 10 --progress none --json --learner \(learner) "
        let report = try workspace.thalweg(line + "--target u,v,w").report()
        #expect(report.learned == 800)
        for (target, ignored) in [("u", "v,w"), ("v", "u,w"), ("w", "u,v")] {
            let alone = try workspace.thalweg(line + "--target \(target) --ignore \(ignored)").report()
            let own = try #require(Self.outputs(report)[target])
            for name in ["accuracy", "log_loss", "roc_auc", "f1", "ece"] {
                #expect(own[name] == alone.metrics[name], "\(target) \(name)")
            }
        }
    }

    /// A chain's second output is a run that has the first one's predictions as a field.
    @Test func aChainByHand() throws {
        let workspace = Workspace()
        let text = Self.labels(800)
        try workspace.write("s.csv", text)
        let line = "evaluate --bits 10 --progress none --json --learner naive-bayes "
        let chain = try workspace.thalweg(line + "--input s.csv --target u,v --ignore w --multi-output chain").report()
        _ = try workspace.thalweg(line + "--input s.csv --target u --ignore v,w -p first.jsonl")
        let first = try workspace.objects("first.jsonl").map {
            ($0["probabilities"] as? [String: Double])?["1"] ?? .nan
        }
        let rows = text.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
        let joined = zip(rows, first).map { row, p in "\(row[0]),\(row[1]),\(row[3]),\(p)" }
        try workspace.write("second.csv", "x,z,v,u\n" + joined.joined(separator: "\n") + "\n")
        let second = try workspace.thalweg(line + "--input second.csv --target v --numeric u").report()
        let own = try #require(Self.outputs(chain)["v"])
        for name in ["accuracy", "log_loss", "roc_auc"] {
            #expect(abs((own[name] ?? 0) - (second.metrics[name] ?? 1)) < 1e-9, "\(name)")
        }
        let alone = try workspace.thalweg(line + "--input s.csv --target u,v --ignore w").report()
        #expect(Self.outputs(alone)["u"] == Self.outputs(chain)["u"])
        #expect(Self.outputs(alone)["v"] != Self.outputs(chain)["v"])
    }

    @Test func scoresOfLabelSets() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.labels(500, missing: true))
        let line = "evaluate --input s.csv --target u,v,w --bits 10 --progress none --json -p p.jsonl"
        let report = try workspace.thalweg(line).report()
        var (wrong, scored, right, whole) = (0.0, 0.0, 0.0, 0.0)
        var (hits, predicted, actual) = (0.0, 0.0, 0.0)
        for object in try workspace.objects("p.jsonl") {
            let answers = try #require(object["prediction"] as? [String: String])
            let targets = try #require(object["target"] as? [String: String])
            #expect(Set(answers.keys) == ["u", "v", "w"])
            var errors = 0.0
            for (name, target) in targets {
                let positive = name == "w" ? "yes" : "1"
                errors += answers[name] == target ? 0 : 1
                hits += answers[name] == target && target == positive ? 1 : 0
                predicted += answers[name] == positive ? 1 : 0
                actual += target == positive ? 1 : 0
            }
            wrong += errors
            scored += Double(targets.count)
            whole += targets.count == 3 ? 1 : 0
            right += targets.count == 3 && errors == 0 ? 1 : 0
        }
        #expect(whole < 450 && whole > 350)
        #expect(abs((report.metrics["hamming_loss"] ?? 1) - wrong / scored) < 1e-12)
        #expect(abs((report.metrics["exact_match"] ?? 1) - right / whole) < 1e-12)
        #expect(abs((report.metrics["f1_micro"] ?? 1) - 2 * hits / (predicted + actual)) < 1e-12)
        let f1 = Self.outputs(report).values.compactMap { $0["f1"] }.reduce(0, +) / 3
        #expect(abs((report.metrics["f1_macro"] ?? 1) - f1) < 1e-12)
    }

    static let runs = [
        "--target p,q", "--target p,q --multi-output chain", "--target q,p --multi-output chain --intervals .9",
        "--target p,q --multi-output chain --learner hoeffding-tree",
        "--target u,v,w --multi-output chain", "--target u,v,w --multi-output chain --learner naive-bayes",
        "--target w,v --ignore u --calibrate isotonic --class-weight balanced",
    ]

    @Test(arguments: runs) func onlyRecordsAndOptionsCount(_ options: String) throws {
        let workspace = Workspace()
        let text =
            options.contains("p") && options.contains("q,") || options.contains(",q")
            ? Self.numbers(600) : Self.labels(600, missing: true)
        try workspace.write("s.csv", text)
        let line = "run --input s.csv --bits 10 --progress none --json \(options) "
        let whole = try workspace.thalweg(line + " -p whole.jsonl").report()
        #expect(whole.learned == 600)
        let part = try workspace.thalweg(line + " -p part.jsonl --batch-size 7").report()
        #expect(part.digest == whole.digest && workspace.areEqual("part.jsonl", "whole.jsonl"))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try workspace.write("s.csv", lines[..<301].joined(separator: "\n") + "\n")
        let resumed = line + "-p resumed.jsonl --snapshots s"
        #expect(try workspace.thalweg(resumed).report().learned == 300)
        try workspace.write("s.csv", text)
        #expect(try workspace.thalweg(resumed).report().digest == whole.digest)
        #expect(workspace.areEqual("resumed.jsonl", "whole.jsonl"))
        let asked = try workspace.thalweg("predict --snapshot s --input s.csv --progress none")
        #expect(asked.lines.count == 600, "\(asked.stderr)")
        let again = try workspace.thalweg("predict --snapshot s --input s.csv --progress none --batch-size 9")
        #expect(again.stdout == asked.stdout)
    }

    @Test func servedOverHTTP() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.numbers(300))
        let service = try Service(
            "--input s.csv --target p,q --multi-output chain --intervals 0.9 --predictions none", in: workspace)
        #expect(service.command.waits { _ in service.learned == 300 })
        let answer = try service.value("/predict", "{\"x\":0.5,\"z\":0.1}")
        for name in ["prediction", "lower", "upper"] {
            #expect(Set((answer[name] as? [String: Double] ?? [:]).keys) == ["p", "q"], "\(answer)")
        }
        #expect(abs(((answer["prediction"] as? [String: Double])?["p"] ?? 0) - 54.7) < 2, "\(answer)")
        let learned = try service.value("/learn?ack=applied", "{\"x\":0.5,\"z\":0.1,\"q\":0.5}")
        #expect(learned["version"] as? Int == 301)
        let bad = try service.ask("/learn", "{\"x\":0.5,\"z\":0.1}")
        #expect(bad.status == 400 && bad.body.contains("none of 'p', 'q' is there"), "\(bad.body)")
        let worse = try service.ask("/learn", "{\"x\":0.5,\"q\":\"much\"}")
        #expect(worse.status == 400 && worse.body.contains("'q' is not a number"), "\(worse.body)")
        let frame = "{\"dataframe_records\":[{\"x\":0.5,\"z\":0.1}]}"
        let scored = try service.ask("/invocations", frame, ["-H", "Content-Type: application/json"])
        let predictions = try JSONObject.parse(scored.body)["predictions"] as? [[String: Double]]
        #expect(Set((predictions?.first ?? [:]).keys) == ["p", "q"])
        #expect(try service.ask("/explain", "{\"x\":0.5}").status == 501)
        #expect(service.stop().status == 0, "\(service.command.stderrSoFar)")
    }

    @Test(arguments: [
        ("--target u,u", "names 'u' twice"), ("--target u,nothing", "there is no field 'nothing'"),
        ("--target u,x", "'u' looks like binary, 'x' like regression"),
        ("--target u,v --delay 10", "exclude each other"), ("--target u,v --detector adwin", "exclude each other"),
        ("--target u,v --preset vw", "exclude each other"), ("--target u --multi-output chain", "several targets"),
        ("--target u,v --multi-output chian", "did you mean 'chain'?"),
        ("--target u,v --task multiclass", "exclude each other"),
    ])
    func whatDoesNotFitIsTold(_ options: String, _ reason: String) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Self.labels(50))
        let outcome = try workspace.thalweg("evaluate --input s.csv " + options)
        #expect(outcome.status == 2 && outcome.stderr.contains(reason), "\(outcome.stderr)")
    }

    /// A record with a target that has no place is rejected, and teaches no output anything.
    @Test func badTargetsAreRejected() throws {
        let workspace = Workspace()
        // What stands in the first thousand fixes the classes.
        let text = Self.labels(1200)
        try workspace.write("good.csv", text)
        var lines = text.split(separator: "\n").map(String.init)
        lines.insert("0.1,0.2,1,0,perhaps", at: 1120)
        lines.insert("0.1,0.2,7,0,yes", at: 1130)
        try workspace.write("bad.csv", lines.joined(separator: "\n") + "\n")
        let line = "evaluate --target u,v,w --bits 10 --progress none --json --quarantine q --input "
        let good = try workspace.thalweg(line + "good.csv").report()
        let bad = try workspace.thalweg(line + "bad.csv").report()
        #expect(bad.rejected == 2 && bad.learned == good.learned && bad.metrics == good.metrics)
        #expect(workspace.text("q").contains("'w': target 'perhaps' is a third class"))
    }
}
