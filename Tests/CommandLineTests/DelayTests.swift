import Foundation
import Testing

/// Targets that come later than their records, as a user of the command line sees them.
struct DelayTests {
    /// River 0.26.1 on the Phishing data: StandardScaler | LogisticRegression(SGD(.01)) under
    /// `evaluate.progressive_val_score(..., delay=...)`: log loss and accuracy.
    private static let river: [(delay: Int, logLoss: Double, accuracy: Double)] = [
        (0, 0.3301120464388312, 0.8928), (1, 0.3301120464388312, 0.8928), (2, 0.3305366831736253, 0.8888),
        (10, 0.33313416371710275, 0.8856), (300, 0.43013402552857904, 0.808), (5000, 0.6931471805599453, 0.5616),
    ]
    /// The same with `moment="time"` and a timedelta, the record i at 2024-01-01 plus 10 i + 3 (i mod 7) minutes.
    private static let riverByTime: [(delay: String, logLoss: Double, accuracy: Double)] = [
        ("1h", 0.3319983015661731, 0.888), ("1d", 0.37742240493365153, 0.8456),
    ]

    private static func phishing() throws -> [String] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOf: tests.appendingPathComponent("LearnersTests/Fixtures/phishing.csv"), encoding: .utf8)
        return text.split(separator: "\n").map(String.init)
    }

    @Test(arguments: river.map(\.delay))
    func delayedByRecordsAsRiver(_ delay: Int) throws {
        let expected = try #require(Self.river.first { $0.delay == delay })
        let workspace = Workspace()
        try workspace.write("in.csv", Self.phishing().joined(separator: "\n") + "\n")
        let report = try workspace.thalweg(
            "evaluate --input in.csv --target class --preset river --json --delay \(delay)"
        ).report()
        try expectAgreement(report, expected.logLoss, expected.accuracy)
    }

    @Test(arguments: riverByTime.map(\.delay))
    func delayedByTimeAsRiver(_ delay: String) throws {
        let expected = try #require(Self.riverByTime.first { $0.delay == delay })
        let workspace = Workspace()
        let lines = try Self.phishing()
        let first = try #require(ISO8601DateFormatter().date(from: "2024-01-01T00:00:00Z"))
        let rows = lines.dropFirst().enumerated().map { index, line in
            let time = first.addingTimeInterval(Double(60 * (10 * index + 3 * (index % 7))))
            return ISO8601DateFormatter().string(from: time) + "," + line
        }
        try workspace.write("in.csv", (["time," + lines[0]] + rows).joined(separator: "\n") + "\n")
        let report = try workspace.thalweg(
            "evaluate --input in.csv --target class --time time --preset river --json --delay \(delay)"
        ).report()
        try expectAgreement(report, expected.logLoss, expected.accuracy)
        let untimed = try workspace.thalweg("evaluate --input in.csv --target class --delay \(delay)")
        #expect(untimed.status == 2 && untimed.stderr.contains("--time"), "\(untimed.stderr)")
    }

    private func expectAgreement(_ report: Report, _ logLoss: Double, _ accuracy: Double) throws {
        #expect(report.records == 1250 && report.learned == 1250)
        // Features reach learners as Float.
        #expect(abs(try #require(report.metrics["log_loss"]) - logLoss) < 1e-8)
        #expect(report.metrics["accuracy"] == accuracy)
    }

    /// No delay is no delay, to the bit, and one record's delay means that the target is there when the next record comes.
    @Test func noDelayIsPlainEvaluation() throws {
        let workspace = Workspace()
        try workspace.write("line.csv", Streams.regression(1500))
        let line = "evaluate --input line.csv --target y --json"
        let plain = try workspace.thalweg(line).report()
        let zero = try workspace.thalweg(line + " --delay 0").report()
        #expect(zero.digest == plain.digest && zero.json["delayed"] == nil)
        let one = try workspace.thalweg(line + " --delay 1").report()
        #expect(one.metrics == plain.metrics)
        let far = try workspace.thalweg(line + " --delay 500").report()
        #expect(try #require(far.metrics["rmse"]) > #require(plain.metrics["rmse"]))
        #expect((far.json["delayed"] as? [String: Any])?["joined"] as? Int == 1500)
    }

    private func counts(_ report: Report) throws -> [String: Int] {
        let delayed = try #require(report.json["delayed"] as? [String: Any])
        return delayed.compactMapValues { $0 as? Int }
    }

    /// Targets of a second file find their records, whatever the batch size; what comes too late, twice or for nobody is
    /// counted.
    @Test func targetsOfAnotherInput() throws {
        let workspace = Workspace()
        let stream = try DelayedStream(1500)
        try stream.write(to: workspace)
        try workspace.append("targets.csv", "r1499,groupA\nr7,groupA\nr7,groupB\nnobody,groupA\n")
        let line = "run --input records.jsonl --target class --targets targets.csv --json --predictions out.jsonl"
        let report = try workspace.thalweg(line).report()
        #expect(report.records == 1500 && report.learned == 1500 && report.rejected == 0)
        let counts = try counts(report)
        #expect(counts["kept"] == 1500 && counts["joined"] == 1500 && counts["pending"] == 0)
        #expect((counts["duplicates"] ?? 0) + (counts["corrections"] ?? 0) == 3)
        #expect(counts["corrections"] ?? 0 >= 1 && counts["early"] == 1)
        #expect((report.metrics["accuracy"] ?? 0) > 0.8)
        let predictions = try workspace.objects("out.jsonl")
        #expect(predictions.count == 1500 && predictions.contains { $0["target"] == nil })
        #expect(predictions[3]["id"] as? String == "r3")
        for size in [1, 17] {
            #expect(try workspace.thalweg(line + " --batch-size \(size)").report().digest == report.digest)
        }
        let few = try self.counts(try workspace.thalweg(line + " --max-pending 5").report())
        #expect(
            (few["evicted"] ?? 0) > 0
                && few["joined", default: 0] + few["evicted", default: 0] + few["pending", default: 0] == 1500)
    }

    @Test func recordsWhoseTimeIsOver() throws {
        let workspace = Workspace()
        let stream = try DelayedStream(600)
        try stream.write(to: workspace)

        try workspace.write("targets.csv", "id,class\nr5,groupA\nr580,groupB\n")
        let line = "run --input records.jsonl --target class --targets targets.csv --json --predictions none"
        let dropped = try counts(try workspace.thalweg(line + " --target-timeout 100").report())
        #expect(dropped["expired"] == 499 && dropped["defaulted"] == 0 && dropped["pending"] == 100)
        #expect(dropped["joined"] == 1 && dropped["unknown"] == 1, "r580 came as an early target, and left")
        let report = try workspace.thalweg(line + " --target-timeout 100 --target-default groupA").report()
        let learned = try counts(report)
        #expect(learned["defaulted"] == 499 && learned["joined"] == 500 && report.learned == 500)
    }

    @Test(arguments: [
        ("evaluate --delay x", "--delay is 'x'"), ("run --delay 5", "evaluate"),
        ("evaluate --target-timeout 5", "--targets"), ("run --targets t.csv --target-default 0", "--target-timeout"),
        ("run --targets in.csv", "is also --input"), ("run --targets redis://x", "connector"),
        ("evaluate --delay 5 --targets t.csv", "excludes"), ("evaluate --delay 5 --max-pending 3", "no room"),
        ("run --targets t.csv", "--id"),
    ])
    func wrongUse(_ options: String, _ said: String) throws {
        let workspace = Workspace()
        try workspace.write("in.csv", "x,y\n1,0\n2,1\n")
        try workspace.write("t.csv", "key,y\n1,0\n")
        let outcome = try workspace.thalweg(options + " --input in.csv --target y")
        #expect(outcome.status == 2, "\(outcome.stderr)")
        #expect(outcome.stderr.contains(said), "\(outcome.stderr)")
    }

    // MARK: HTTP

    @Test func predictedThenLearnedByID() throws {
        let workspace = Workspace()
        let service = try Service(
            "--input none --target y --task regression --snapshots s --json", in: workspace)
        let records = (0..<50).map { "{\"x\":\($0 % 10),\"y\":\(2 * ($0 % 10))}" }.joined(separator: ",")
        _ = try service.value("/learn?ack=applied", "[\(records)]")
        let served = try service.value("/predict", #"{"id":"a","x":5}"#)
        #expect(served["id"] as? String == "a")
        let before = try service.value("/predict", #"{"x":5}"#)
        // The three shapes of a target.
        _ = try service.value("/predict", #"{"id":"b","features":{"x":5}}"#)
        #expect(try service.ask("/predict", #"[{"_id":7,"x":5},{"id":8,"x":5}]"#).status == 200)
        #expect(try service.value("/learn?ack=applied", #"{"id":"a","y":400}"#)["version"] as? Int == 51)
        #expect(try service.value("/predict", #"{"x":5}"#)["prediction"] as? Double != before["prediction"] as? Double)
        _ = try service.value("/learn?ack=applied", #"{"id":"b","ground_truth":400}"#)
        _ = try service.value("/learn?ack=applied", #"[{"id":7,"target":400},{"_id":8,"y":400}]"#)
        _ = try service.value("/learn?ack=applied", #"{"features":{"x":1},"ground_truth":2}"#)
        // Again, otherwise, and for nobody.
        for target in [#"{"id":"a","y":400}"#, #"{"id":"a","y":3}"#, #"{"id":"nobody","y":3}"#] {
            #expect(try service.ask("/learn?ack=applied", target).status == 404)
        }
        #expect(try service.ask("/learn", #"{"_served":"00","x":1,"y":1}"#).status == 400)
        let model = try service.value("/model")
        #expect(model["learned"] as? Int == 55 && model["records"] as? Int == 55)
        let delayed = try #require(model["delayed"] as? [String: Any])
        for (name, count) in [
            ("kept", 4), ("joined", 4), ("pending", 0), ("duplicates", 1), ("corrections", 1), ("unknown", 1),
        ] { #expect(delayed[name] as? Int == count, "\(name): \(delayed)") }
        // The error of the answer that was given, not of one that could be given now.
        let value = try #require(served["prediction"] as? Double)
        let rmse = try #require((model["metrics"] as? [String: Any])?["mae"] as? Double)
        #expect(rmse * 55 >= abs(400 - value) * 3)
        let metrics = try service.ask("/metrics").body
        #expect(metrics.contains("\nthalweg_targets_pending 0\n"))
        #expect(metrics.contains("\nthalweg_targets_joined_total 4\n"))
        #expect(metrics.contains("\nthalweg_target_lag_seconds_count 4\n"))
        #expect(metrics.contains("\nthalweg_targets_unmatched_total 1\n"))
        #expect(service.stop().status == 0)
    }

    /// What waits is in the snapshot.
    @Test func pendingRecordsSurvive() throws {
        let workspace = Workspace()
        let line = "--input none --target y --task regression --snapshots s"
        let first = try Service(line, in: workspace)
        _ = try first.value("/learn?ack=applied", #"[{"x":1,"y":1},{"x":2,"y":2}]"#)
        _ = try first.value("/predict", #"{"id":"kept","x":2}"#)
        #expect(first.stop().status == 0)
        let second = try Service(line + " --target-timeout 1h", in: workspace)
        #expect(second.command.waits { _ in (try? second.ask("/readyz").status) == 200 })
        #expect(try second.value("/learn?ack=applied", #"{"id":"kept","y":9}"#)["version"] as? Int == 3)
        #expect(try second.ask("/learn?ack=applied", #"{"id":"kept","y":9}"#).status == 404)
        #expect(second.stop().status == 0)
    }

    @Test func defaultByTheClock() throws {
        let workspace = Workspace()
        let service = try Service(
            "--input none --target y --task regression --target-timeout 100ms --target-default 3", in: workspace)
        _ = try service.value("/learn?ack=applied", #"[{"x":1,"y":1},{"x":2,"y":2}]"#)
        _ = try service.value("/predict", #"{"id":"a","x":2}"#)
        #expect(service.command.waits { _ in (try? service.value("/model")["learned"] as? Int) == 3 })
        let delayed = try service.value("/model")["delayed"] as? [String: Any]
        #expect(delayed?["defaulted"] as? Int == 1)
        #expect(service.stop().status == 0)
    }
}
