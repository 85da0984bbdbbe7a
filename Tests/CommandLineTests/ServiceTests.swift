import Foundation
import Glibc
import Testing

/// `thalweg run --http`: the model answers while it learns.
struct ServiceTests {
    private static let records = (0..<100).map { "{\"x\":\($0 % 10),\"y\":\(2 * ($0 % 10))}" }

    @Test func predictLearnPredict() throws {
        let workspace = Workspace()
        let service = try Service("--input none --target y --task regression --snapshots s", in: workspace)
        #expect(try service.ask("/readyz").status == 503)
        #expect(try service.ask("/predict", "{\"x\":5}").status == 503)
        let first = try service.value("/learn?ack=applied", "[" + Self.records.joined(separator: ",") + "]")
        #expect(first["accepted"] as? Int == 100)
        #expect(first["version"] as? Int == 100)
        let before = try service.value("/predict", "{\"x\":5}")
        #expect(before["version"] as? Int == 100)
        for _ in 0..<5 {
            let learned = try service.value("/learn?ack=applied", "{\"x\":5,\"y\":1000}")
            let after = try service.value("/predict", "{\"x\":5}")
            #expect((after["version"] as? Int ?? 0) >= (learned["version"] as? Int ?? .max))
        }
        let after = try service.value("/predict", "{\"x\":5}")
        #expect(after["version"] as? Int == 105)
        #expect(after["prediction"] as? Double != before["prediction"] as? Double)
        let bad = try service.ask("/learn", "[{\"x\":1,\"y\":1},{\"x\":1}]")
        #expect(bad.status == 400)
        #expect(bad.body.contains("'y' is missing"))
        #expect(try service.value("/model")["learned"] as? Int == 105)
        #expect(service.stop().status == 0, "\(service.command.stderrSoFar)")
        // One as soon as the fields are known, and the last one.
        #expect(workspace.snapshots("s").count == 2)
        let again = try Service("--input none --target y --task regression --snapshots s", in: workspace)
        #expect(again.command.waits { _ in (try? again.ask("/readyz").status) == 200 })
        #expect(try again.value("/predict", "{\"x\":5}")["prediction"] as? Double == after["prediction"] as? Double)
        #expect(again.stop(SIGINT).status == 130)
    }

    @Test func goesOnAfterTheInput() throws {
        let workspace = Workspace()
        try workspace.write("in.jsonl", Self.records.joined(separator: "\n") + "\n")
        let service = try Service("--input in.jsonl --target y --predictions none --json", in: workspace)
        #expect(service.command.waits { _ in service.learned == 100 })
        _ = try service.value("/learn?ack=applied", "{\"x\":1,\"y\":2}")
        let lines = try service.ask(
            "/predict", "{\"x\":1}\nno record\n{\"x\":2}\n", ["-H", "Content-Type: application/x-ndjson"])
        #expect(lines.status == 200)
        #expect(lines.body.split(separator: "\n").count == 3)
        #expect(lines.body.contains("\"record\":1"))
        let outcome = service.stop()
        #expect(outcome.status == 0)
        #expect(try outcome.report().learned == 101)
    }

    /// What was taken in is learned, whether or not somebody waits for it.
    @Test func acceptedIsLearned() throws {
        let workspace = Workspace()
        let service = try Service("--input none --target y --task regression --snapshots s --json", in: workspace)
        for _ in 0..<20 {
            #expect(
                try service.ask(
                    "/learn", Self.records.joined(separator: "\n"),
                    [
                        "-H", "Content-Type: application/jsonl",
                    ]
                ).status == 202)
        }
        #expect(try service.stop().report().learned == 2000)
    }

    /// What watchers get: every family from the start, rejections by reason, and what the records look like.
    @Test func watching() throws {
        let workspace = Workspace()
        let lines = (0..<400).map { index in
            index % 40 == 7
                ? "{\"x\":\(index)e999,\"c\":\"a\",\"y\":\"no\"}"
                : "{\(index % 4 == 0 ? "" : "\"x\":\(index % 10),")\"c\":\"\(index % 3)\",\"y\":\"\(index % 10 > 4 ? "yes" : "no")\"}"
        }
        try workspace.write("in.jsonl", lines.joined(separator: "\n") + "\n")
        let service = try Service(
            "--input in.jsonl --target y --task binary --positive yes --predictions none --max-rejected 1",
            in: workspace)
        let wanted = [
            "thalweg_records_ingested_total{source=\"input\"} 400",
            "thalweg_records_rejected_total{reason=\"out_of_range\"} 10",
            "thalweg_records_rejected_total{reason=\"encoding\"} 0", "thalweg_nonfinite_total 10",
            "thalweg_snapshot_failures_total 0", "thalweg_snapshot_age_seconds 0", "thalweg_snapshot_bytes 0",
            "thalweg_source_lag_records{part=\"http/0\"} 0", "thalweg_model_age_records 0",
        ]
        var missing = wanted
        _ = service.command.waits { _ in
            guard let metrics = try? service.ask("/metrics").body else { return false }
            missing = wanted.filter { !metrics.contains($0 + "\n") }
            return missing.isEmpty
        }
        #expect(missing.isEmpty)
        #expect(try service.value("/model")["learned"] as? Int == 390)
        // Statistics are worked out now and then: on a busy machine the first events may come without them.
        var status: [String: Any] = [:]
        _ = service.command.waits { _ in
            let events = (try? service.ask("/events", nil, ["-N", "-m", "3"]).body) ?? ""
            let last = events.split(separator: "\n").last { $0.hasPrefix("data: ") && $0.contains("\"fields\"") }
            status = last.flatMap { try? JSONObject.parse(String($0.dropFirst(6))) } ?? [:]
            return (status["features"] as? [Any])?.isEmpty == false
        }
        let fields = try #require(status["fields"] as? [[String: Any]])
        // The first record has no x.
        #expect(fields.compactMap { $0["name"] as? String } == ["c", "x"])
        #expect(fields[0]["distinct"] as? Int == 3)
        #expect(fields[0]["histogram"] as? [Int] == [131, 130, 129])
        #expect(fields[1]["max"] as? Double == 9)
        #expect(abs((fields[1]["missing"] as? Double ?? 0) - 100.0 / 390) < 1e-9)
        let counts = (status["targets"] as? [String: Any])?["counts"] as? [String: Int]
        #expect((counts?.values.reduce(0, +) ?? 0) == 390)
        #expect((status["calibration"] as? [Any])?.isEmpty == false)
        let features = try #require(status["features"] as? [[String: Any]])
        #expect(features.first?["name"] as? String == "x")
        #expect(service.stop().status == 0)
    }

    @Test func safety() throws {
        let workspace = Workspace()
        let token = "0123456789abcdef0123"
        try workspace.write("tokens", "read \(token)\n")
        let service = try Service(
            "--input none --target y --task regression --auth-token-file tokens --max-body-bytes 4096", in: workspace)
        #expect(try service.ask("/healthz").status == 200)
        #expect(try service.ask("/metrics").status == 401)
        let header = ["-H", "Authorization: Bearer \(token)"]
        let metrics = try service.ask("/metrics", nil, header)
        #expect(metrics.status == 200)
        #expect(!metrics.body.contains(token))
        #expect(try service.ask("/learn", "{\"x\":1,\"y\":1}", header).status == 403)
        #expect(try service.ask("/predict", String(repeating: "x", count: 10_000), header).status == 503)
        #expect(try service.ask("/metrics", nil, header + ["-H", "Host: evil.example"]).status == 421)
        #expect(try service.ask("/metrics", nil, header + ["-H", "Origin: http://evil.example"]).status == 403)
        #expect(service.stop().status == 0)
        let open = try workspace.thalweg("run --http 0.0.0.0:0 --input none --target y")
        #expect(open.status == 1)
        #expect(open.stderr.contains("--allow-public"), "\(open.stderr)")
        #expect(try workspace.thalweg("run --input none --target y").status == 2)
    }
}
