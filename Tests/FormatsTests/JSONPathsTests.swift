import Records
import Testing

@testable import Formats

/// The quick reader, which follows the previous record's layout, against simdjson.
@Suite struct JSONPathsTests {
    private static let seed: UInt64 = 7_310_001

    /// A layout: keys in order and the white space between them.
    private struct Layout {
        var keys: [String]
        var spaces: [String]
        var end: String

        init(_ random: inout ConformanceRandom) {
            var all = ["a", "b", "c", "t", "y", "id", "w", "other", "x.y", "a long key of more than sixteen"]
            keys = []
            for _ in 0..<1 + random.below(all.count) { keys.append(all.remove(at: random.below(all.count))) }
            let styles = ["", "", "", " ", "  ", "\t"]
            let style = random.pick(styles)
            spaces = keys.indices.map { _ in style } + (0..<3).map { _ in random.pick(styles) }
            end = random.pick(["", "", " ", "\r", "\t "])
        }

        func record(_ value: (String) -> String) -> String {
            var text = spaces[keys.count] + "{"
            for (index, key) in keys.enumerated() {
                if index > 0 { text += "," + spaces[index] }
                text += "\"\(key)\":" + spaces[keys.count + 1] + value(key)
            }
            return text + spaces[keys.count + 2] + "}" + end
        }
    }

    @Test(arguments: [Task.multiclass, .regression], [false, true])
    func bothReadersAgree(_ task: Task, _ usesVWHashes: Bool) throws {
        print("JSONPathsTests: seed \(Self.seed)")
        let schema = try #require(Example.all.first { $0.format.name == "jsonl" && $0.schema.task == task }).schema
        var random = ConformanceRandom(Self.seed)
        let decoder = JSONLinesDecoder(schema: schema, usesVWHashes: usesVWHashes)
        var layout = Layout(&random)
        var accepted = 0
        for round in 0..<1500 {
            if random.below(6) == 0 { layout = Layout(&random) }
            let record = layout.record { value(of: $0, &random) }
            // The decoder that saw other records, and a new one, which has no layout to follow.
            let quick = Conformance.decode(decoder, schema, [Array(record.utf8)], capacity: 4)
            let slow = Conformance.decode(
                JSONLinesDecoder(schema: schema, usesVWHashes: usesVWHashes), schema, [Array(record.utf8)], capacity: 4)
            guard quick == slow, quick.faults.isEmpty, quick.rows.count + quick.rejected.count == 1 else {
                Issue.record("round \(round): \(record): \(differences(quick, slow))")
                return
            }
            accepted += quick.rows.count
        }
        #expect(accepted > 700)
    }

    private func value(of key: String, _ random: inout ConformanceRandom) -> String {
        switch (key, random.below(40)) {
        case (_, 0): return random.pick(["null", "true", "false", "nul", "truE", "-", "1.", "01", "1e999", "{}", "[]"])
        case (_, 1): return random.pick([#"["p","q"]"#, #"["p",1]"#, #"{"deep":{"er":1}}"#, "[1,2]", #"[[],{}]"#])
        case ("b", 2), ("id", 2), ("y", 2), ("other", 2):
            return random.pick([#""q\"uote""#, #""\u00e9\n""#, "\"é\"", #""""#, #""NA""#, #""?""#, #""a b""#])
        case ("t", 2...): return "\"\(["Some words", "MORE-words, 2", "x", ""][random.below(4)])\""
        case ("w", 2...): return random.pick(["1", "0.5", "0", "2.50", "-1", "\"3\"", "1e-3"])
        case ("b", 3...15), ("id", 3...15), ("other", 3...15), ("y", 3...15):
            return "\"\(random.pick(["x", "y", "a longer text than sixteen bytes", "7", "7.0", "-0"]))\""
        case ("a", 3...5), ("c", 3...5): return "\"\(number(&random))\""
        default: return number(&random)
        }
    }

    private func number(_ random: inout ConformanceRandom) -> String {
        switch random.below(12) {
        case 0:
            return random.pick(["0", "-0", "0.0", "-0.0", "0e0", "-0e5", "1.0", "1.50", "100", "1e2", "1E+2", "10e-1"])
        case 1: return "\(random.next())"
        case 2: return "\(Int64(bitPattern: random.next()))"
        case 3:
            return "\(Double(bitPattern: random.next() & 0xbfff_ffff_ffff_ffff))".replacing("nan", with: "1")
        case 4: return "\(random.below(1000)).\(random.below(100_000))0"
        case 5:
            return random.pick([
                "9007199254740991", "9007199254740992", "9007199254740993", "999999999999999", "1e15",
                "18446744073709551615", "18446744073709551616", "-99999999999999999999999",
            ])
        case 6: return "0.\(random.next())"
        case 7: return "\(random.below(100))e\(random.below(60) - 30)"
        default: return "\(random.below(2000) - 1000)"
        }
    }
}
