import Testing

/// Records in the order of their times.
struct OrderTests {
    /// Records of one a second, each up to 20 s late, as (time, line).
    private static func stream(_ count: Int) -> [(time: Int, line: String)] {
        var sum = 0.0
        let ordered = (0..<count).map { index -> (time: Int, line: String) in
            let x = Double(index * 7919 % 1000) / 1000
            // The target depends on the record before: order matters.
            let target = sum + x > 0.9 ? 1 : 0
            sum = x
            return (1_700_000_000 + index, #"{"when":\#(1_700_000_000 + index),"x":\#(x),"y":\#(target)}"#)
        }
        return ordered
    }

    /// Moves records back by up to 20 places, the same way each time.
    private static func shuffled(_ stream: [(time: Int, line: String)]) -> [String] {
        stream.enumerated().map { index, record in (index + index * 7919 % 21, index, record.line) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }

    private static let line = "evaluate --target y --time when --task binary --progress none --json --input"

    @Test func theyAreLearnedInOrder() throws {
        let workspace = Workspace()
        let stream = Self.stream(800)
        try workspace.write("sorted.jsonl", stream.map(\.line).joined(separator: "\n") + "\n")
        try workspace.write("mixed.jsonl", Self.shuffled(stream).joined(separator: "\n") + "\n")
        let sorted = try workspace.thalweg("\(Self.line) sorted.jsonl").report()
        let mixed = try workspace.thalweg("\(Self.line) mixed.jsonl").report()
        let outcome = try workspace.thalweg("\(Self.line) mixed.jsonl --lateness 30s")
        let reordered = try outcome.report()
        #expect(reordered.records == 800 && reordered.rejected == 0, "\(outcome.stderr)")
        #expect(reordered.metrics == sorted.metrics)
        #expect(mixed.metrics != sorted.metrics, "the order matters")
        for size in [1, 7] {
            let other = try workspace.thalweg("\(Self.line) mixed.jsonl --lateness 30s --batch-size \(size)").report()
            #expect(other.digest == reordered.digest, "batches of \(size)")
        }
    }

    @Test(arguments: ["reject", "drop", "keep"]) func lateOnesAreTreatedAsAsked(_ policy: String) throws {
        let workspace = Workspace()
        try workspace.write("mixed.jsonl", Self.shuffled(Self.stream(600)).joined(separator: "\n") + "\n")
        let outcome = try workspace.thalweg(
            "\(Self.line) mixed.jsonl --lateness 5s --late \(policy) --quarantine bad.jsonl")
        let report = try outcome.report()
        let ordering = try #require(report.json["ordering"] as? [String: Any])
        let late = try #require(ordering["late"] as? Int)
        #expect(late > 20 && ordering["waiting"] as? Int == 0)
        #expect(report.rejected == (policy == "reject" ? late : 0))
        #expect(report.records == (policy == "keep" ? 600 : 600 - late))
        #expect(workspace.text("bad.jsonl").contains("s behind the latest record") == (policy == "reject"))
    }

    @Test func memoryIsBounded() throws {
        let workspace = Workspace()
        try workspace.write("mixed.jsonl", Self.shuffled(Self.stream(400)).joined(separator: "\n") + "\n")
        let report = try workspace.thalweg("\(Self.line) mixed.jsonl --lateness 1d --max-reordered 50").report()
        #expect((report.json["ordering"] as? [String: Any])?["forced"] as? Int == 350)
        #expect(report.records == 400)
    }

    @Test(arguments: [
        ("--lateness 10m", "say which field has it, --time FIELD"), ("--lateness 100 --time when", "it takes a time"),
        ("--late drop", "it needs --lateness"),
        ("--lateness 1m --time when --batch-mode mean", "exclude each other"),
    ])
    func whatIsWrongIsSaid(_ options: String, _ message: String) throws {
        let workspace = Workspace()
        try workspace.write("a.jsonl", Self.stream(5).map(\.line).joined(separator: "\n"))
        let outcome = try workspace.thalweg("evaluate --input a.jsonl --target y --progress none \(options)")
        #expect(outcome.status == 2)
        #expect(outcome.stderr.contains(message), "\(outcome.stderr)")
    }
}
