/// The plots of the report, drawn as SVG and HTML.
enum ReportPlots {
    private static let width = 320.0
    private static let height = 84.0

    /// Bars as high as their counts: equal steps between the 1 % and the 99 % quantile, the tails at both ends.
    static func histogram(_ histogram: Histogram) -> String {
        let largest = Double(max(histogram.counts.max() ?? 1, 1))
        let step = width / Double(max(histogram.counts.count, 1))
        var svg = "<svg viewBox=\"0 0 320 100\" role=\"img\" aria-label=\"histogram\">"
        for (index, count) in histogram.counts.enumerated() {
            let bar = count == 0 ? 0 : max(1, Double(count) / largest * height)
            let x = Double(index) * step
            svg +=
                "<rect x=\"\(fixed(x))\" y=\"\(fixed(height - bar))\" width=\"\(fixed(max(step - 1, 0.5)))\" height=\"\(fixed(bar))\"><title>"
            svg +=
                "\(short(histogram.edges[index])) to \(short(histogram.edges[index + 1])): \(grouped(count))</title></rect>"
        }
        let last = histogram.edges.count - 1
        svg += "<text x=\"0\" y=\"97\">\(short(histogram.edges[0]))</text>"
        if last >= 4 {
            svg += "<text x=\"160\" y=\"97\" text-anchor=\"middle\">\(short(histogram.edges[last / 2]))</text>"
        }
        return svg + "<text x=\"320\" y=\"97\" text-anchor=\"end\">\(short(histogram.edges[last]))</text></svg>"
    }

    /// Rows of a name, a bar and a figure. Shares are 0...1.
    static func bars(_ rows: [(name: String, share: Double, figure: String)]) -> String {
        let largest = rows.map(\.share).max() ?? 0
        guard largest > 0 else { return "" }
        let lines = rows.map { row in
            "<span title=\"\(escaped(row.name))\">\(escaped(row.name))</span>"
                + "<span><i style=\"width:\(fixed(100 * row.share / largest))%\"></i></span><span>\(escaped(row.figure))</span>"
        }
        return "<div class=\"bars\">\(lines.joined())</div>"
    }

    /// One decimal.
    private static func fixed(_ value: Double) -> String {
        let tenths = Int((min(max(value, 0), 1e6) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

/// Text as HTML shows it; control characters are blanks.
func escaped(_ text: String) -> String {
    var html = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": html += "&amp;"
        case "<": html += "&lt;"
        case ">": html += "&gt;"
        case "\"": html += "&quot;"
        case "'": html += "&#39;"
        case "\u{0}"..<"\u{20}", "\u{7f}": html += " "
        default: html.unicodeScalars.append(scalar)
        }
    }
    return html
}
