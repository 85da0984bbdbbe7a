import Engine
import JSON
import Testing

/// Rejected records of several parts: every one, once, in order, with where it stood.
@Suite struct QuarantineTests {
    /// Good records, bad ones at the first, the last and middle lines, a bad one without a line end, and empty parts.
    private static let parts: [(name: String, text: String, bad: [Int])] = [
        ("one", text(120, bad: [50, 51, 119]), [50, 51, 119]), ("empty", "", []),
        ("two", text(70, bad: [0, 33]), [0, 33]), ("three", text(40, bad: []), []),
        ("four", String(text(30, bad: [7, 29]).dropLast()), [7, 29]),
    ]

    private static func text(_ count: Int, bad: [Int]) -> String {
        (0..<count).map { (bad.contains($0) ? "{\"bad\": é\($0)" : Script.lines[$0 % 40]) + "\n" }.joined()
    }

    @Test(arguments: [1, 16, 256], [30, 1 << 20])
    func ofSeveralParts(_ batchSize: Int, _ piece: Int) throws {
        let outputs = Outputs()
        let source = ScriptedSource(parts: Self.parts.map { ($0.name, $0.text) }, piece: piece)
        let report = try Run(Script.configuration(batchSize: batchSize), source: source, options: outputs.options())
            .execute()
        var expected: [(position: String, line: Int, raw: String)] = []
        for part in Self.parts {
            let lines = part.text.split(separator: "\n").map(String.init)
            for index in part.bad {
                let offset = lines[..<index].reduce(0) { $0 + $1.utf8.count + 1 }
                expected.append(("\(part.name):\(offset)", index + 1, lines[index]))
            }
        }
        let found = try outputs.quarantine.objects()
        #expect(found.map { $0["position"]?.string } == expected.map(\.position))
        #expect(found.map { $0["line"]?.integer } == expected.map(\.line))
        #expect(found.map { $0["raw"]?.string } == expected.map(\.raw))
        #expect(found.allSatisfy { $0["reason"]?.string?.hasPrefix("malformed JSON: ") == true })
        #expect(report.rejected == expected.count && report.records == 260 - expected.count)
        #expect(report.firstRejected?.hasPrefix("one:51: malformed JSON: ") == true)
        // And the others were learned, in order.
        let learned = try outputs.predictions.objects().compactMap { $0["position"]?.string }
        #expect(learned.count == report.records && Set(learned).isDisjoint(with: expected.map(\.position)))
        #expect(learned.first == "one:0" && learned.last?.hasPrefix("four:") == true)
    }
}
