import Testing

/// `thalweg schema`, and what a run does when records stop fitting the schema.
struct SchemaCommandTests {
    private static func records(_ range: Range<Int>, price scale: Double = 1, hasCity: Bool = true, extra: String = "")
        -> String
    {
        range.map { index in
            let price = Double(index * 7919 % 1000 + 500) / 4 * scale
            let city = hasCity ? #","city":"c\#(index * 17 % 5)""# : ""
            return #"{"id":\#(index),"price":\#(price)\#(city)\#(extra),"sold":\#(index * 7919 % 1000 < 300 ? 1 : 0)}"#
                + "\n"
        }.joined()
    }

    @Test func whatWasInferredFitsAndOtherDataDoesNot() throws {
        let workspace = Workspace()
        try workspace.write("old.jsonl", Self.records(0..<500))
        let inferred = try workspace.thalweg("schema infer --input old.jsonl --target sold --id id")
        #expect(inferred.status == 0, "\(inferred.stderr)")
        #expect(inferred.stdout.contains("target: \"sold\"") && inferred.stdout.contains("task: binary"))
        try workspace.write("schema.yaml", inferred.stdout)
        let same = try workspace.thalweg("schema check -c schema.yaml --input old.jsonl")
        #expect(same.status == 0 && same.stdout == "ok: 500 records fit the schema\n", "\(same.stdout) \(same.stderr)")
        let learned = try workspace.thalweg("evaluate -c schema.yaml --input old.jsonl --progress none --json").report()
        #expect(learned.records == 500)

        try workspace.write(
            "new.jsonl", Self.records(500..<900, price: 100, hasCity: false, extra: #","colour":"red""#))
        let changed = try workspace.thalweg("schema check -c schema.yaml --input new.jsonl")
        #expect(changed.status == 1)
        for line in ["scale: 'price' has another scale", "disappeared: 'city'", "appeared: 'colour'"] {
            #expect(changed.stdout.contains(line), "\(changed.stdout)")
        }
        try workspace.write(
            "text.jsonl",
            Self.records(0..<300).replacing("\"price\":", with: "\"price\":\"about ").replacing(
                ",\"city", with: "\",\"city"))
        let json = try workspace.thalweg("schema check -c schema.yaml --input text.jsonl --json").report().json
        let changes = try #require(json["changes"] as? [[String: Any]])
        #expect(changes.contains { $0["kind"] as? String == "type" && $0["field"] as? String == "price" })
    }

    private static func drifting() -> String {
        records(0..<1200) + records(1200..<1800, price: 1000, hasCity: false, extra: #","colour":"red""#)
            + records(1800..<2100).replacing("\"price\":", with: "\"price\":\"?").replacing(
                ",\"city", with: "\",\"city")
    }

    private static let line = "evaluate --input a.jsonl --target sold --id id --progress none --json"

    @Test func aRunCountsAndTellsEveryChange() throws {
        let workspace = Workspace()
        try workspace.write("a.jsonl", Self.drifting())
        let outcome = try workspace.thalweg(Self.line)
        let report = try outcome.report()
        let drift = try #require(report.json["schema_drift"] as? [String: Any], "\(outcome.stderr)")
        #expect(drift["appeared"] as? Int == 1 && drift["disappeared"] as? Int == 1 && drift["scale"] as? Int == 1)
        #expect(drift["type"] as? Int == 2 && drift["misread_values"] as? Int == 300)
        #expect(report.rejected == 300 && report.records == 1800)
        for text in ["'colour' has appeared", "'city' is missing", "'price' has another scale", "'price' is a number"] {
            #expect(outcome.stderr.contains(text), "\(outcome.stderr)")
        }
        for size in [1, 7] {
            #expect(try workspace.thalweg("\(Self.line) --batch-size \(size)").report().digest == report.digest)
        }
        let steady = try workspace.thalweg(
            "\(Self.line) --on-schema-drift appears=ignore --on-schema-drift type=missing")
        #expect(try steady.report().rejected == 0 && steady.report().records == 2100)
        #expect(!steady.stderr.contains("appeared"))
    }

    @Test func aRunEndsWhereItShould() throws {
        let workspace = Workspace()
        try workspace.write("a.jsonl", Self.drifting())
        for (policy, text) in [("scale=stop", "another scale"), ("appears=stop", "has appeared")] {
            let outcome = try workspace.thalweg("\(Self.line) --on-schema-drift \(policy)")
            #expect(outcome.status == 1 && outcome.stderr.contains(text), "\(outcome.stderr)")
        }
        let wrong = try workspace.thalweg("\(Self.line) --on-schema-drift scael=stop")
        #expect(wrong.status == 2 && wrong.stderr.contains("did you mean 'scale'"), "\(wrong.stderr)")
    }

    @Test func ordinaryStreamsHaveNone() throws {
        let workspace = Workspace()
        // A running number, a rare field, a field of zeros with few others.
        let lines = (0..<6000).map { index in
            let rare = index % 97 == 5 ? ",\"rare\":\(index)" : ""
            return
                #"{"n":\#(index),"burst":\#(index % 50 == 7 ? index : 0),"x":\#(index * 7919 % 1000)\#(rare),"y":\#(index % 3 % 2)}"#
        }
        try workspace.write("a.jsonl", lines.joined(separator: "\n") + "\n")
        let report = try workspace.thalweg("evaluate --input a.jsonl --target y --progress none --json").report()
        #expect(report.json["schema_drift"] == nil, "\(report.json)")
    }
}
