/// A profile for a terminal: one line a field.
public struct ProfileTable {
    private let summary: DatasetSummary
    private let isColoured: Bool

    /// - Parameter isColoured: with ANSI colours.
    public init(_ summary: DatasetSummary, isColoured: Bool) {
        self.summary = summary
        self.isColoured = isColoured
    }

    /// The lines.
    /// - Parameters:
    ///   - advice: nil = not yet (while it runs).
    ///   - limit: lines at most; fields that do not fit are counted.
    ///   - width: of the terminal.
    public func lines(seconds: Double, advice: RoleAdvice?, limit: Int = .max, width: Int = 200) -> [String] {
        let rate = Double(summary.records) / max(seconds, 1e-9)
        let fraction = summary.areDuplicatesExact || summary.duplicates == 0 ? "" : "about "
        var lines = [
            bold(
                "\(grouped(summary.records)) records, \(grouped(summary.rejected)) rejected, "
                    + "\(fraction)\(grouped(summary.duplicates)) duplicates, \(summary.fields.count) fields, "
                    + "\(grouped(Int(rate)))/s"),
            "", dim(Self.header),
        ]
        let room = max(limit - lines.count - 1, 1)
        for field in summary.fields.prefix(room) { lines.append(row(field)) }
        if summary.fields.count > room { lines.append(dim("... and \(summary.fields.count - room) more")) }
        if let times = summary.times, advice != nil { lines += timeLines(times) }
        if let advice { lines += adviceLines(advice) }
        return lines.map { cut($0, width) }
    }

    private static let header = [
        pad("field", 20), pad("role", 12), pad("missing", -8), pad("distinct", -10), pad("mean", -9), pad("sd", -9),
        pad("min", -9), pad("median", -9), pad("max", -9), pad("corr", -7), pad("inform.", -8), "  values",
    ].joined(separator: " ")

    private func row(_ field: FieldSummary) -> String {
        func number(_ value: Double?) -> String { pad(value.map(short) ?? "", -9) }
        let about = field.isDistinctExact ? "" : "~"
        let isNumber = field.kind == .number
        let values = isNumber && field.distinct > 12 ? field.histogram.map(Self.bars) ?? "" : topText(field)
        return [
            pad(field.name, 20), pad(Self.roleText(field), 12),
            pad(field.missing > 0 ? percent(field.missingShare) : "", -8),
            pad(about + grouped(field.distinct), -10), number(isNumber && field.count > 0 ? field.moments.mean : nil),
            number(field.moments.standardDeviation), number(field.minimum), number(field.quantile("0.5")),
            number(field.maximum), pad(field.moments.correlation.map { short(($0 * 1000).rounded() / 1000) } ?? "", -7),
            pad(field.information.map { percent($0.share) } ?? "", -8), "  " + values,
        ].joined(separator: " ")
    }

    private static func roleText(_ field: FieldSummary) -> String {
        field.role == .both ? "numeric+cat" : field.role.rawValue
    }

    private func topText(_ field: FieldSummary) -> String {
        field.top.prefix(3).map { value in
            let text = clean(value.value)
            let shown = text.count > 16 ? text.prefix(14) + ".." : text[...]
            return "\(shown) \(percent(Double(value.count) / Double(max(field.count, 1))))"
        }.joined(separator: ", ")
    }

    /// A histogram of block characters.
    static func bars(_ histogram: Histogram) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let largest = max(histogram.counts.max() ?? 1, 1)
        return String(
            histogram.counts.map { $0 == 0 ? " " : blocks[min($0 * blocks.count / largest, blocks.count - 1)] })
    }

    private func timeLines(_ times: DatasetSummary.Times) -> [String] {
        let gaps = times.gaps.map {
            "\($0.name == "1" ? "longest" : $0.name == "0.5" ? "median" : $0.name) \(duration($0.value))"
        }
        var lines = [
            "",
            bold("time") + " (\(times.field)): \(TimeText.text(times.first)) to \(TimeText.text(times.last)), "
                + "\(grouped(times.outOfOrder)) out of order; gaps: \(gaps.joined(separator: ", "))",
        ]
        let usual = times.gaps.first?.value ?? 0
        for gap in times.longestGaps.prefix(3) where gap.seconds > 2 * usual {
            lines.append("  \(duration(gap.seconds)) without a record after \(TimeText.text(gap.after))")
        }
        return lines
    }

    private func adviceLines(_ advice: RoleAdvice) -> [String] {
        var lines: [String] = []
        if !advice.suspects.isEmpty {
            lines += ["", warning("leakage suspects")]
            for suspect in advice.suspects { lines.append("  \(clean(suspect.field)): \(suspect.reason)") }
        }
        if !advice.suggestions.isEmpty {
            lines += ["", bold("suggestions")]
            lines += suggestionLines(advice.suggestions)
        }
        return lines
    }

    /// One line a suggestion; where many fields share a step, one for all of them.
    private func suggestionLines(_ suggestions: [Suggestion]) -> [String] {
        var steps: [String] = []
        for suggestion in suggestions where !steps.contains(suggestion.step) { steps.append(suggestion.step) }
        return steps.flatMap { step in
            let own = suggestions.filter { $0.step == step }
            guard own.count > Self.manyFields else {
                return own.map { "  \(clean($0.field)): \(step) (\($0.reason))" }
            }
            let names = own.map { clean($0.field) }.joined(separator: ", ")
            return ["  \(step): \(names)", "      \(clean(own[0].field)): \(own[0].reason)"]
        }
    }

    private static let manyFields = 3

    private func bold(_ text: String) -> String { isColoured ? "\u{1b}[1m\(text)\u{1b}[0m" : text }
    private func dim(_ text: String) -> String { isColoured ? "\u{1b}[2m\(text)\u{1b}[0m" : text }
    private func warning(_ text: String) -> String { isColoured ? "\u{1b}[1;33m\(text)\u{1b}[0m" : text }

    /// Cuts a line that the terminal would wrap, colours not counted.
    private func cut(_ line: String, _ width: Int) -> String {
        var shown = 0
        var isEscape = false
        var text = ""
        for character in line {
            if character == "\u{1b}" { isEscape = true }
            if !isEscape {
                shown += 1
                if shown > width { return text + (isColoured ? "\u{1b}[0m" : "") }
            }
            text.append(character)
            if isEscape, character == "m" { isEscape = false }
        }
        return text
    }
}

/// Pads or cuts to a width: negative = right-aligned.
private func pad(_ text: String, _ width: Int) -> String {
    let size = abs(width)
    let text = clean(text)
    let cut = text.count > size ? String(text.prefix(size - 1)) + "…" : text
    let spaces = String(repeating: " ", count: size - cut.count)
    return width < 0 ? spaces + cut : cut + spaces
}

/// Text without the characters that control a terminal.
private func clean(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
    if isPlain { return text }
    return String(
        text.unicodeScalars.map { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : Character($0) })
}
