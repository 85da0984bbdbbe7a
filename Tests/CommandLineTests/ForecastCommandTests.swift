import Testing

/// Forecasts at the command line: several records ahead, their errors by horizon, and across an interruption.
struct ForecastCommandTests {
    private static let series = (0..<600).map { row in
        "\(100 + row / 10 + [5, -2, 7, 1, -11][row % 5])"
    }

    @Test func errorsAreByHorizon() throws {
        let workspace = Workspace()
        // Nothing but the target.
        try workspace.write("s.csv", "value\n" + Self.series.joined(separator: "\n") + "\n")
        let outcome = try workspace.thalweg(
            "evaluate --input s.csv --target value --task regression --learner holt-winters:seasonality=5 --horizon 4 "
                + "--json --progress none --predictions p.jsonl")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let last = try #require(outcome.lines.last)
        for horizon in 1...4 { #expect(last.contains("{\"horizon\":\(horizon),\"mae\":")) }
        #expect(!last.contains("\"horizon\":5"))
        let prediction = try #require(workspace.text("p.jsonl").split(separator: "\n").last)
        #expect(prediction.contains("\"forecast\":["))
    }

    @Test func forecastsGoOnWhereTheyWere() throws {
        let workspace = Workspace()
        let rows = Self.series.enumerated().map { "\($0 % 7),\($1)" }
        try workspace.write("s.csv", "x,value\n" + rows.joined(separator: "\n") + "\n")
        let line =
            "--input s.csv --target value --task regression --learner snarimax:p=5,d=1,q=2 --horizon 3 --json "
            + "--progress none"
        let whole = try workspace.thalweg("evaluate \(line)").report()
        let first = try workspace.shell(
            "head -n 301 s.csv > half.csv && $T run \(line.replacing("s.csv", with: "half.csv")) --snapshots snapshots")
        #expect(first.status == 0, "\(first.stderr)")
        let second = try workspace.shell(
            "cp s.csv half.csv && $T run \(line.replacing("s.csv", with: "half.csv")) --snapshots snapshots")
        #expect(try second.report().digest == whole.digest, "\(second.stderr)")
    }

    @Test func othersDoNotForecast() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", "x,value\n1,2.5\n2,3.5\n")
        let outcome = try workspace.thalweg("evaluate --input s.csv --target value --horizon 2")
        #expect(outcome.status == 2 && outcome.stderr.contains("holt-winters, snarimax"), "\(outcome.stderr)")
    }

    @Test func forecastsAreServed() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", "value\n" + Self.series.joined(separator: "\n") + "\n")
        let service = try Service(
            "--input s.csv --target value --task regression --learner holt-winters:seasonality=5 --horizon 3 "
                + "--predictions none", in: workspace)
        #expect(service.command.waits { _ in service.learned == 600 })
        let said = try service.value("/predict", "{}")
        #expect((said["forecast"] as? [Double])?.count == 3, "\(said)")
        #expect(service.stop().status == 0)
    }

    @Test func decisionsAreServed() throws {
        let workspace = Workspace()
        try workspace.write("log.dsjson", Self.decisions)
        let service = try Service("--input log.dsjson --learner linucb --predictions none", in: workspace)
        #expect(service.command.waits { _ in service.learned == 400 })
        let said = try service.value(
            "/predict", #"{"EventId":"e","c":{"U":{"c":"c1"},"_multi":[{"A":{"a":"x"}},{"A":{"a":"y"}}]}}"#)
        #expect(said["prediction"] as? Int == 2 && said["probability"] as? Double == 1, "\(said)")
        let decision = try #require(Self.decisions.split(separator: "\n").first.map(String.init))
        #expect(try service.value("/learn?ack=applied", decision)["version"] as? Int == 401)
        #expect(service.stop().status == 0)
    }

    /// Two contexts, two actions; the one that fits costs -1.
    private static let decisions = (0..<400).map { row in
        let (context, action) = (row % 2, row / 2 % 2)
        return """
            {"_label_cost":\(context == action ? -1 : 0),"_label_probability":0.5,"_labelIndex":\(action),\
            "EventId":"e\(row)","c":{"U":{"c":"c\(context)"},"_multi":[{"A":{"a":"x"}},{"A":{"a":"y"}}]}}

            """
    }.joined()

    @Test func decisionsAreEvaluated() throws {
        let workspace = Workspace()
        try workspace.write("log.dsjson", Self.decisions)
        let outcome = try workspace.thalweg(
            "evaluate --input log.dsjson --learner epsilon-greedy --json --progress none --predictions p.jsonl")
        let report = try outcome.report()
        #expect(report.learned == 400, "\(outcome.stderr)")
        for name in ["ips", "dm", "dr", "mtr"] {
            #expect((report.metrics[name] ?? 0) < -0.75, "\(name) \(report.metrics)")
        }
        let last = try #require(workspace.text("p.jsonl").split(separator: "\n").last)
        #expect(
            last.contains("\"prediction\":") && last.contains("\"probabilities\":[") && last.contains("\"costs\":["))
        let refused = try workspace.thalweg("evaluate --input log.dsjson --learner epsilon-greedy --cross U,A")
        #expect(refused.status == 2 && refused.stderr.contains("logged decisions"), "\(refused.stderr)")
        let other = try workspace.thalweg("evaluate --input log.dsjson")
        #expect(other.status == 2 && other.stderr.contains("epsilon-greedy"), "\(other.stderr)")
        let wrong = try workspace.thalweg("evaluate --input log.dsjson --task binary")
        #expect(wrong.status == 2 && wrong.stderr.contains("bandit"), "\(wrong.stderr)")
    }
}
