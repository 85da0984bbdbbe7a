import Glibc
import Records
import Testing

@testable import Formats

/// The CSV decoder against a slow parser that follows RFC 4180's grammar byte by byte.
@Suite struct CSVReferenceTests {
    private static let seed: UInt64 = 4_180

    private struct Reference {
        var fields: [[UInt8]]
        var isWellFormed: Bool
    }

    /// The records of a text that ends with a newline and in which every quote is closed; blank lines are none.
    private func reference(_ text: [UInt8]) -> [Reference] {
        var records: [Reference] = []
        var record = Reference(fields: [[]], isWellFormed: true)
        var at = 0
        var isQuoted = false
        var wasQuoted = false
        while at < text.count {
            let byte = text[at]
            let next = at + 1 < text.count ? text[at + 1] : 0
            at += 1
            if isQuoted {
                if byte != 0x22 {
                    record.fields[record.fields.count - 1].append(byte)
                } else if next == 0x22 {
                    record.fields[record.fields.count - 1].append(byte)
                    at += 1
                } else {
                    isQuoted = false
                }
            } else if byte == 0x0a || byte == 0x0d && next == 0x0a {
                if byte == 0x0d { at += 1 }
                if record.fields != [[]] || wasQuoted { records.append(record) }
                record = Reference(fields: [[]], isWellFormed: true)
                wasQuoted = false
            } else if byte == 0x2c {
                record.fields.append([])
                wasQuoted = false
            } else if byte == 0x22, record.fields.last == [], !wasQuoted {
                isQuoted = true
                wasQuoted = true
            } else {
                if wasQuoted {
                    record.isWellFormed = false
                    while at < text.count, text[at] != 0x0a { at += 1 }
                } else {
                    record.fields[record.fields.count - 1].append(byte)
                }
            }
        }
        return records
    }

    @Test(arguments: ["\n", "\r\n"])
    func randomDocuments(_ lineEnd: String) {
        print("CSVReferenceTests: seed \(Self.seed)")
        let schema = Schema(
            fields: [Field("id", .id), Field("b", .categorical), Field("y", .target), Field("t", .text)],
            task: .multiclass)
        var random = ConformanceRandom(Self.seed)
        for round in 0..<120 {
            var text = "id,b,y,t" + lineEnd
            for _ in 0..<random.below(12) {
                let fields = (0..<(random.below(8) == 0 ? random.below(6) : 4)).map { _ in field(&random, lineEnd) }
                text += fields.joined(separator: ",") + lineEnd
            }
            let expected = reference(Array(text.utf8)).dropFirst()
            let decoder = CSVDecoder(schema: schema)
            let outcome = Conformance.decode(decoder, schema, [Array(text.utf8)], capacity: 256)
            let good = expected.filter { $0.isWellFormed && $0.fields.count == 4 }
            guard outcome.rows.count == good.count, outcome.rejected.count == expected.count - good.count else {
                Issue.record("round \(round): \(text.debugDescription)")
                return
            }
            for (row, record) in zip(outcome.rows, good) { expect(row, record.fields) }
        }
    }

    private func expect(_ row: Conformance.Row, _ fields: [[UInt8]]) {
        func text(_ index: Int) -> [UInt8] {
            fields[index].withUnsafeBufferPointer { isMissing($0) } ? [] : fields[index]
        }
        #expect(row.id == text(0))
        #expect(row.targetText == text(2))
        let category = text(1).withUnsafeBufferPointer { $0.baseAddress.map { categoryHash($0, text(1).count) } ?? 0 }
        #expect(row.categories == [text(1).isEmpty ? 0 : category])
        let words = String(decoding: text(3), as: UTF8.self).split { !$0.isLetter && !$0.isNumber }
        #expect(row.tokens.count == words.count)
    }

    private func field(_ random: inout ConformanceRandom, _ lineEnd: String) -> String {
        let word = random.pick(["", "x", "some words", "é", "NA", "?", "12", "in \"quotes\"", "a\rb"])
        switch random.below(12) {
        case 0: return "\"\(word.replacing("\"", with: "\"\""))\""
        case 1: return "\"x,\(lineEnd)y \"\" z\""
        case 2: return "\"\"\"\""
        case 3: return "\"\(word.replacing("\"", with: ""))\"text"
        case 4: return "\"" + String(repeating: "long ", count: 30) + "\""
        case 5: return " \"spaced\" "
        default: return word.hasPrefix("\"") ? "x" : word
        }
    }
}

/// Decimal numbers, to the bit, against the C library.
@Suite struct NumberReadingTests {
    /// Ends a number, and lets its reader load whole words.
    private static let padding = ",        "

    @Test func decimalsAreCorrectlyRounded() {
        let seed: UInt64 = 1_990
        print("NumberReadingTests: seed \(seed)")
        var random = ConformanceRandom(seed)
        var exact = 0
        for round in 0..<200_000 {
            var text = decimal(&random)
            let bits = strtod(text, nil).bitPattern
            let count = text.utf8.count
            text.append(Self.padding)
            let mismatch = text.withUTF8 { bytes -> Bool in
                guard let base = bytes.baseAddress else { return true }
                let decimal = readDecimal(base, exactPowersOfTen)
                if decimal.isExact {
                    exact += 1
                    if decimal.value.bitPattern != bits || decimal.end != base + count { return true }
                }
                guard round % 4 == 0 else { return false }
                let reading = readNumber(UnsafeBufferPointer(rebasing: bytes[..<count]))
                guard case .number(let value) = reading else {
                    return !(reading == .outOfRange && Double(bitPattern: bits).isInfinite)
                }
                return value.bitPattern != bits
            }
            guard !mismatch else {
                Issue.record("\(text)")
                return
            }
        }
        #expect(exact > 100_000)
    }

    private func decimal(_ random: inout ConformanceRandom) -> String {
        var digits = String(random.next() >> UInt64(random.below(64)))
        switch random.below(8) {
        case 0, 1: break
        case 2: return "\(Double(bitPattern: random.next() & 0x7fef_ffff_ffff_ffff))"
        default:
            let point = random.below(digits.count + 1)
            digits = (point == 0 ? "0" : "") + digits.prefix(point) + "." + digits.dropFirst(point)
            if digits.hasSuffix(".") { digits += "0" }
        }
        if random.below(4) == 0 {
            digits += "\(random.pick(["e", "E"]))\(random.pick(["", "+", "-"]))\(random.below(40))"
        }
        return (random.below(4) == 0 ? "-" : "") + digits
    }

    /// What the exact path must leave alone.
    @Test(arguments: [
        "", "-", ".", "1.", ".5", "01", "-01", "1e", "1e+", "+1", "e5", "12345678901234567890", "1e23", "1e-23",
        "1e400",
        "9007199254740993", "nan", "inf",
    ])
    func unusualFormsAreNotExact(_ text: String) {
        var line = text + Self.padding
        #expect(line.withUTF8 { $0.baseAddress.map { !readDecimal($0, exactPowersOfTen).isExact } ?? false })
    }

    @Test(arguments: [
        (" 12 ", NumberReading.number(12)), ("+1", .number(1)), ("1.", .number(1)), (".5", .number(0.5)),
        ("007", .number(7)),
        ("1e400", .outOfRange), ("inf", .outOfRange), ("-Infinity", .outOfRange), ("", .missing), ("  ", .missing),
        ("?", .missing), ("NA", .missing), ("NaN", .missing), ("null", .missing), ("na", .notANumber),
        ("0x1p3", .notANumber),
        ("1 2", .notANumber), (".", .notANumber), ("1e-400", .number(0)), ("infinite", .notANumber),
        ("1\0", .notANumber),
    ])
    func fields(_ text: String, _ expected: NumberReading) {
        var text = text
        #expect(text.withUTF8 { readNumber($0) } == expected)
    }
}
