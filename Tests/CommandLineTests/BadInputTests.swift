import Foundation
import Testing

/// A bad record goes to the quarantine and nowhere else: the model is as if it had never come.
struct BadInputTests {
    struct Bad: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        /// In the reason.
        let word: String

        init(_ name: String, _ text: String, _ word: String = "") { self.init(name, Array(text.utf8), word) }

        init(_ name: String, _ bytes: [UInt8], _ word: String = "") {
            self.name = name
            self.bytes = bytes
            self.word = word
        }

        var testDescription: String { name }
    }

    private static let ok = #""attrib1":1,"attrib2":2,"attrib3":3,"class":"groupA""#

    static let jsonl = [
        Bad("malformed", "{\"attrib1\": oops, \"class\":\"groupA\"}"), Bad("cut", "{\"attrib1\": 1, \"class\":\"gro"),
        Bad("no object", "[1,2,3]"), Bad("a number", "42"), Bad("text", "hello world"),
        Bad("two objects", "{\(ok)} {\(ok)}"), Bad("trailing comma", "{\(ok),}"),
        Bad("wrong type", #"{"attrib1":"many","attrib2":2,"attrib3":3,"class":"groupA"}"#, "attrib1"),
        Bad("duplicate key", #"{"attrib1":1,"attrib1":2,"attrib2":2,"attrib3":3,"class":"groupA"}"#, "attrib1"),
        Bad("duplicate target", "{\(ok),\"class\":\"groupB\"}", "class"),
        Bad("invalid UTF-8", Array("{\(ok),\"note\":\"".utf8) + [0xff, 0xfe] + Array("\"}".utf8)),
        Bad("out of range", #"{"attrib1":1e999,"attrib2":2,"attrib3":3,"class":"groupA"}"#),
        Bad("NaN", #"{"attrib1":NaN,"attrib2":2,"attrib3":3,"class":"groupA"}"#),
        Bad("infinity", #"{"attrib1":-Infinity,"attrib2":2,"attrib3":3,"class":"groupA"}"#),
        Bad("third class", #"{"attrib1":1,"attrib2":2,"attrib3":3,"class":"groupC"}"#, "third class"),
        Bad("deep nesting", "{\"a\":" + String(repeating: "[", count: 100_000) + "}"),
        Bad("deep objects", String(repeating: "{\"a\":", count: 50_000) + "1" + String(repeating: "}", count: 50_000)),
        Bad("NUL", Array("{\(ok)}".utf8) + [0, 0]), Bad("control character", "{\(ok),\"x\":\"a\u{1}b\"}"),
        Bad("binary", (0..<400).map { UInt8(truncatingIfNeeded: $0 * 37 + 129) }.filter { $0 != 10 && $0 != 13 }),
    ]

    private static let options = "--bits 12 --progress none --json --batch-size 64"

    @Test func jsonLines() throws {
        try Self.check(Self.jsonl, header: [], Streams.lines("sea", 1200), "s.jsonl", "--target class " + Self.options)
    }

    static let csv = [
        Bad("too few fields", "1,2,groupA"), Bad("too many fields", "1,2,3,groupA,5"),
        Bad("wrong type", "1,many,3,groupA", "attrib2"), Bad("out of range", "1,1e999,3,groupA", "attrib2"),
        Bad("infinity", "1,inf,3,groupA", "attrib2"), Bad("third class", "1,2,3,groupC", "third class"),
        Bad("invalid UTF-8", Array("1,2,3,gr".utf8) + [0xc3, 0x28]), Bad("stray quote", "1,2,3,\"groupA\"x"),
        Bad("NUL", [0, 0, 0, 0]), Bad("a second header", "attrib1,attrib2,attrib3,class"),
    ]

    @Test func commaSeparated() throws {
        let lines = try Streams.lines("sea", 1200, .csv)
        try Self.check(Self.csv, header: [lines[0]], Array(lines[1...]), "s.csv", "--target class " + Self.options)
    }

    static let vw = [
        Bad("label no number", "one |f a:1", ""), Bad("infinity", "1 |f a:inf"),
        Bad("out of range", "1 |f a:1e999"), Bad("NaN", "1 |f a:nan"), Bad("label NaN", "nan |f a:1"),
    ]

    @Test func vowpalWabbit() throws {
        try Self.check(Self.vw, header: [], Streams.lines("sea", 1200, .vw), "s.vw", Self.options)
    }

    /// The schema is fixed by 1,000 clean records; each kind of bad record comes thrice after them.
    private static func check(
        _ bad: [Bad], header: [String], _ lines: [String], _ name: String, _ options: String
    ) throws {
        let workspace = Workspace()
        try workspace.write("clean-\(name)", (header + lines).joined(separator: "\n"))
        let clean = try workspace.thalweg("evaluate --input clean-\(name) \(options) --snapshots s0").report()
        #expect(clean.learned == 1200 && clean.rejected == 0)
        var bytes: [UInt8] = []
        var inserted: [(offset: Int, line: Int, bad: Bad)] = []
        var line = 1
        for (index, text) in (header + lines).enumerated() {
            bytes += Array(text.utf8) + [10]
            line += 1
            guard index >= 1100, index - 1100 < 3 * bad.count else { continue }
            let next = bad[(index - 1100) % bad.count]
            inserted.append((bytes.count, line, next))
            bytes += next.bytes + [10]
            line += 1
        }
        #expect(inserted.count == 3 * bad.count)
        try workspace.write(name, bytes)
        let outcome = try workspace.thalweg(
            "run --input \(name) \(options) --predictions p --quarantine q --snapshots s")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let records = try workspace.objects("q")
        for (offset, line, bad) in inserted {
            let found = records.filter { $0["position"] as? String == "\(name):\(offset)" }
            #expect(found.count == 1, "\(bad.name)")
            guard let record = found.first else { continue }
            #expect(record["line"] as? Int == line, "\(bad.name)")
            let reason = record["reason"] as? String ?? ""
            #expect(!reason.isEmpty && (bad.word.isEmpty || reason.contains(bad.word)), "\(bad.name): \(reason)")
            #expect(raw(record) == Array(bad.bytes.prefix(65_536)), "\(bad.name)")
        }
        let report = try outcome.report()
        #expect(report.learned == 1200 && report.rejected == inserted.count && records.count == inserted.count)
        try expectSameModel(workspace)
    }

    private static func raw(_ record: [String: Any]) -> [UInt8]? {
        if let text = record["raw_base64"] as? String { return Data(base64Encoded: text).map(Array.init) }
        return (record["raw"] as? String).map { Array($0.utf8) }
    }

    /// Every learned array is as the clean stream leaves it; only `evaluation/totals` counts the rejected ones, and
    /// the watch on the schema what does not fit it.
    private static func expectSameModel(_ workspace: Workspace) throws {
        func arrays(_ directory: String) throws -> [String: String] {
            let json = try JSONObject.parse(workspace.thalweg("snapshot inspect \(directory) --json").stdout)
            let tensors = try #require(json["tensors"] as? [[String: Any]])
            return Dictionary(
                uniqueKeysWithValues: tensors.map { ($0["name"] as? String ?? "", $0["digest"] as? String ?? "") })
        }
        let clean = try arrays("s0")
        let found = try arrays("s")
        let differing = clean.keys.filter { clean[$0] != found[$0] && !$0.hasPrefix("schema/") }
        #expect(differing == ["evaluation/totals"] && clean.count == found.count && clean.count > 4)
    }

    @Test func messageNamesFileAndLine() throws {
        let workspace = Workspace()
        var lines = try Streams.lines("sea", 50)
        lines[20] = "{\"attrib1\": oops"
        try workspace.write("s.jsonl", lines.joined(separator: "\n"))
        let outcome = try workspace.thalweg("evaluate --input s.jsonl --target class")
        #expect(outcome.status == 0)
        #expect(outcome.stderr.contains("s.jsonl:21: "), "\(outcome.stderr)")
        #expect(outcome.stderr.contains("rejected = 1"))
    }

    @Test func nothingUsable() throws {
        let workspace = Workspace()
        try workspace.write("g.jsonl", (0..<5000).map { UInt8(truncatingIfNeeded: $0 * $0 / 3 + 7) })
        try workspace.write("blank.jsonl", "\n\n\n")
        try workspace.write("header.csv", "a,b,c\n")
        try workspace.write("words.csv", "just some words\nwithout any\nfields at all\n")
        for (name, word) in [
            ("g.jsonl", "g.jsonl:1: "), ("blank.jsonl", "no record"), ("header.csv", "no record"), ("words.csv", "'c'"),
        ] {
            let outcome = try workspace.thalweg("evaluate --input \(name) --target c --json --snapshots s")
            #expect([1, 2].contains(outcome.status), "\(name): \(outcome.stdout)")
            #expect(workspace.snapshots("s").isEmpty, "\(name): a schema from nothing must not be resumed")
            #expect(outcome.stderr.contains("thalweg: ") && outcome.stderr.contains(word), "\(outcome.stderr)")
        }
    }

    @Test func emptyFilesBetweenOthers() throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 1300)
        try workspace.write("a-1.jsonl", "")
        try workspace.write("a-2.jsonl", lines[..<1100].joined(separator: "\n"))
        try workspace.write("a-3.jsonl", "")
        try workspace.write("a-4.jsonl", lines[1100...].joined(separator: "\n"))
        try workspace.write("a-5.jsonl", "")
        let report = try workspace.thalweg("evaluate --input a-*.jsonl --target class \(Self.options)").report()
        #expect(report.learned == 1300 && report.rejected == 0)
    }

    /// Files of other columns after the first: what a header says counts, not where columns stood before.
    @Test func wrongHeader() throws {
        let workspace = Workspace()
        let lines = try Streams.lines("sea", 1100, .csv)
        try workspace.write("a-1.csv", lines.joined(separator: "\n"))
        try workspace.write("a-2.csv", "when,what\n1,2\n")
        let outcome = try workspace.thalweg(
            "evaluate --input a-*.csv --target class \(Self.options) --quarantine q --snapshots s")
        #expect(outcome.stderr.contains("a-2.csv") && outcome.status == 1, "\(outcome.stderr)")
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
    }

    @Test func tooManyRejectedStops() throws {
        let workspace = Workspace()
        var lines = try Streams.lines("sea", 6000)
        // One of 20 first: 5 %; then every other one.
        for index in 0..<3000 where index % 20 == 19 { lines[index] = "bad" }
        for index in 3000..<6000 where index % 2 == 0 { lines[index] = "bad" }
        try workspace.write("s.jsonl", lines.joined(separator: "\n"))
        let line =
            "run --input s.jsonl --target class \(Self.options) --predictions p --quarantine q --snapshots s --max-rejected "
        let outcome = try workspace.thalweg(line + "0.2")
        #expect(outcome.status == 1)
        #expect(outcome.stderr.contains("--max-rejected") && outcome.stderr.contains("s.jsonl:20"), "\(outcome.stderr)")
        let consumed = workspace.lines("p").count + workspace.lines("q").count
        #expect(consumed > 3000 && consumed < 4500, "stopped in the bad part: \(consumed)")
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
        let whole = try workspace.thalweg(
            "run --input s.jsonl --target class \(Self.options) --predictions p1 --quarantine q1 --max-rejected 0.6")
        let resumed = try workspace.thalweg(line + "0.6")
        #expect(try whole.report().digest == resumed.report().digest)
        #expect(workspace.areEqual("p", "p1") && workspace.areEqual("q", "q1"))
        #expect(try whole.report().rejected == 1650)
    }
}
