import Components
import Records
import State

/// Makes numbers of fields that come as text: new number fields under the same names, value * scale + offset.
///
/// Spaces around, a percent sign behind (divides by 100) and separators of thousands are taken off; words for booleans
/// are 1 and 0 (true yes y on t, false no n off f, in any case). What cannot be read is missing, and counted.
final class Coerce: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "coerce", "numbers out of fields that come as text: 3,14 or yes",
            fields: [
                HyperparameterField("fields", .names, default: "", "the fields"),
                HyperparameterField(
                    "decimal", .choice(["point", "comma"]), default: "point",
                    "what stands before the fraction; the other one separates thousands"),
                HyperparameterField("scale", .number(-1e30...1e30), default: "1", "factor, for another unit"),
                HyperparameterField("offset", .number(-1e30...1e30), default: "0", "added after it"),
            ]), rawFields: ["fields"]
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.raws(parameters["fields"], "coerce")
        var made: [Int] = []
        for column in columns { made.append(try layout.addNumber(layout.rawNames[column])) }
        return Coerce(
            columns: columns, made: made, hasComma: parameters["decimal"] == "comma",
            scale: parameters.double("scale"), offset: parameters.double("offset"))
    }

    private let columns: [Int]
    private let made: [Int]
    private let hasComma: Bool
    private let scale: Double
    private let offset: Double
    /// Learned values that could not be read.
    private let failures: StateArray<UInt64>

    init(columns: [Int], made: [Int], hasComma: Bool, scale: Double, offset: Double) {
        self.columns = columns
        self.made = made
        self.hasComma = hasComma
        self.scale = scale
        self.offset = offset
        failures = StateArray(count: 1)
    }

    var state: [StateEntry] { [StateEntry("failures", failures)] }
    var notes: [StepNote] { [StepNote("unreadable", count: failures[0])] }

    func process(_ records: RecordView) {
        for (column, target) in zip(columns, made) {
            for row in 0..<records.batch.rows {
                let bytes = records.raw(column, row)
                let value = bytes.count > 0 ? Self.number(bytes.text, hasComma: hasComma) : nil
                if bytes.count > 0, value == nil, records.isLearned(row) { failures[0] += 1 }
                records.setNumber(target, row, value.map { $0 * scale + offset } ?? .nan)
            }
        }
    }

    private static let words: [String: Double] = [
        "true": 1, "yes": 1, "y": 1, "on": 1, "t": 1, "false": 0, "no": 0, "n": 0, "off": 0, "f": 0,
    ]

    /// The number that a text means; nil: none.
    static func number(_ text: String, hasComma: Bool) -> Double? {
        // No number is longer.
        guard text.utf8.count <= 400 else { return nil }
        var digits = ""
        for character in text.lowercased().unicodeScalars {
            switch character {
            // Also the spaces that some languages group digits by.
            case " ", "\t", "\u{a0}", "\u{202f}", "'", "_": continue
            case ".": if !hasComma { digits.unicodeScalars.append(character) }
            case ",": if hasComma { digits += "." }
            default: digits.unicodeScalars.append(character)
            }
        }
        if let word = words[digits] { return word }
        let isShare = digits.hasSuffix("%")
        if isShare { digits.removeLast() }
        // `Double` would read hexadecimal, infinity and not-a-number, too.
        guard digits.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || "+-.e".utf8.contains($0) }),
            let value = Double(digits), value.isFinite
        else { return nil }
        return isShare ? value / 100 : value
    }
}
