import Connectors
import Foundation
import Kafka
import Testing

/// Avro and dialects of CSV from the command line.
@Suite struct AvroTests {
    private static let common = " --progress none --json --bits 12 "

    @Test(arguments: ["null", "deflate"])
    func filesLearnLikeJSONLines(_ codec: String) throws {
        let workspace = Workspace()
        try workspace.write("sea.jsonl", Streams.generate("sea", 3000, .jsonl))
        try workspace.write("sea", AvroFile.generate("sea", 3000, block: 170, codec: codec))
        let avro = try workspace.thalweg("evaluate --input sea --target class" + Self.common)
        let json = try workspace.thalweg("evaluate --input sea.jsonl --target class" + Self.common)
        #expect(try avro.report().records == 3000, "\(avro.stderr)")
        #expect(try avro.report().digest == json.report().digest)
        _ = try workspace.shell("gzip -k sea")
        let zipped = try workspace.thalweg("evaluate --input sea.gz --format avro --target class" + Self.common)
        #expect(try zipped.report().digest == json.report().digest)
    }

    @Test func twoFilesOfOneRun() throws {
        let workspace = Workspace()
        try workspace.write("1.avro", AvroFile.generate("sea", 1500, block: 100, codec: "null"))
        try workspace.write("2.avro", AvroFile.generate("sea", 1500, block: 70, codec: "deflate"))
        let outcome = try workspace.thalweg("evaluate --input 1.avro --input 2.avro --target class" + Self.common)
        #expect(try outcome.report().records == 3000, "\(outcome.stderr)")
    }

    @Test func framedMessages() throws {
        let schema =
            #"{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"y","type":"int"}]}"#
        let stub = StubRegistry { request in
            request.path == "/schemas/ids/5" && request.head.contains("Basic")
                ? (200, #"{"schema":"\#(schema.replacingOccurrences(of: "\"", with: "\\\""))"}"#) : (404, "")
        }
        defer { stub.stop() }
        let workspace = Workspace()
        let broker = try Broker("in:1,framed:1", in: workspace)
        let sink = try KafkaSink(try KafkaSinkOptions(parsing: broker.url("in"))) { Issue.record("\($0)") }
        for index in 0..<400 {
            let id = index == 100 ? 6 : 5
            var payload =
                [0, 0, 0, 0, UInt8(id)] + AvroFile.string("r\(index)") + AvroFile.integer(index * 7 % 3 == 0 ? 1 : 0)
            if index == 200 { payload.removeLast() }
            if index == 300 { payload = Array("{\"id\":\"r\",\"y\":1}".utf8) }
            try payload.withUnsafeBytes { payload in
                try Array("k".utf8).withUnsafeBytes { try sink.send(prediction: payload, key: $0, version: 1) }
            }
        }
        try sink.flush()
        try sink.close()
        let framed = try KafkaSink(try KafkaSinkOptions(parsing: broker.url("framed"))) { Issue.record("\($0)") }
        try [UInt8]([0, 0, 0, 0, 5, 2, 120, 2]).withUnsafeBytes { payload in
            try Array("k".utf8).withUnsafeBytes { try framed.send(prediction: payload, key: $0, version: 1) }
        }
        try framed.flush()
        try framed.close()
        try workspace.write("credentials", "user:not to be seen\n")
        let outcome = try workspace.thalweg(
            "evaluate --input \(broker.url("in")) --until end --format avro --schema-registry \(stub.url) "
                + "--schema-registry-credentials-file credentials --quarantine bad.jsonl "
                + CountedRecords.learner + " --progress none --json")
        #expect(try outcome.report().records == 397, "\(outcome.stderr)")
        let reasons = try workspace.objects("bad.jsonl").compactMap { $0["reason"] as? String }
        #expect(reasons.count == 3, "\(reasons)")
        for (reason, words) in zip(reasons, ["knows no schema 6", "does not fit schema 5", "zero byte"]) {
            #expect(reason.contains(words))
        }
        #expect(stub.requests.filter { $0.path == "/schemas/ids/5" }.count == 1)
        let shown = try workspace.thalweg(
            "config show --schema-registry-credentials-file credentials --schema-registry \(stub.url)")
        #expect(shown.status == 0 && !(shown.stdout + shown.stderr).contains("not to be seen"), "\(shown.stderr)")
        // Without --format avro the messages say what to do; without a registry the command does.
        for (options, status, words) in [
            ("", 1, "--schema-registry URL"), ("--format avro", 2, "--schema-registry URL"),
            ("--format avro --schema-registry http://127.0.0.1:1", 1, "127.0.0.1:1"),
        ] {
            let other = try workspace.thalweg(
                "evaluate --until end --progress none --target y --input \(broker.url("framed")) \(options)")
            #expect(other.status == Int32(status) && other.stderr.contains(words), "\(options): \(other.stderr)")
        }
    }

    @Test func dialectsOfCSV() throws {
        let workspace = Workspace()
        let rows = try Streams.lines("agrawal", 2000, .csv)
        try workspace.write("plain.csv", rows.joined(separator: "\n") + "\n")
        let plain = try workspace.thalweg("evaluate --input plain.csv --target class" + Self.common)
        let digest = try plain.report().digest
        let tabs = rows.map { $0.replacingOccurrences(of: ",", with: "\t") }
        try workspace.write("tabs.tsv", "# made by hand\n" + tabs.joined(separator: "\n# between\n") + "\n")
        let body = rows.dropFirst().map { row in
            row.split(separator: ",", omittingEmptySubsequences: false).map { "'\($0)'" }.joined(separator: ";")
        }
        try workspace.write("quoted.txt", body.joined(separator: "\n") + "\n")
        try workspace.write(
            "thalweg.yaml",
            "input: {path: quoted.txt, csv-separator: ;, csv-quote: \"'\", csv-header: \"names:\(rows[0])\"}")
        for options in [
            "--input tabs.tsv --csv-separator tab --csv-comment #",
            "--input tabs.tsv --csv-separator \\t --csv-comment #",
            "--config thalweg.yaml", "--input quoted.txt --csv-separator ; --csv-quote ' --csv-header names:\(rows[0])",
        ] {
            let outcome = try workspace.thalweg("evaluate --target class \(options)" + Self.common)
            #expect(try outcome.report().records == 2000, "\(options): \(outcome.stderr)")
            #expect(try outcome.report().digest == digest, "\(options)")
        }
        try workspace.write("bare.csv", rows.dropFirst().joined(separator: "\n"))
        let columns = rows[0].split(separator: ",").count
        let bare = try workspace.thalweg(
            "evaluate --input bare.csv --csv-header no --target column\(columns) --snapshots s" + Self.common)
        #expect(try bare.report().records == 2000, "\(bare.stderr)")
        // What a snapshot was made with is asked for again, and taken over for predictions.
        let other = try workspace.thalweg(
            "evaluate --input bare.csv --target column\(columns) --snapshots s" + Self.common)
        #expect(other.status == 2 && other.stderr.contains("--csv-header"), "\(other.stderr)")
        let predicted = try workspace.thalweg(
            "predict --input bare.csv --snapshot s --predictions p.jsonl --progress none")
        #expect(predicted.status == 0 && workspace.lines("p.jsonl").count == 2000, "\(predicted.stderr)")
    }

    @Test(arguments: [
        ("--csv-separator ab", "--csv-separator"), ("--csv-quote xx", "--csv-quote"),
        ("--csv-comment é", "--csv-comment"),
        ("--csv-header perhaps", "names:a,b,c"), ("--csv-header names:a,,b", "no name"),
        ("--csv-header names:a,b,a", "twice"),
        ("--csv-separator ; --csv-quote ;", "also the quote"), ("--csv-comment ,", "comment character"),
        ("--csv-separator ; --format jsonl", "is for CSV"), ("--schema-registry nowhere", "http://HOST:PORT"),
        ("--schema-registry-ca x.pem", "needs --schema-registry"),
        ("--schema-registry http://x --schema-registry-credentials-file none.txt", "none.txt"),
    ])
    func settingsThatAreWrong(_ options: String, _ words: String) throws {
        let workspace = Workspace()
        try workspace.write("in.csv", "a,b\n1,2\n")
        let outcome = try workspace.thalweg("evaluate --input in.csv --target b --progress none \(options)")
        #expect(outcome.status == 2 && outcome.stderr.contains(words), "\(outcome.stderr)")
    }
}
