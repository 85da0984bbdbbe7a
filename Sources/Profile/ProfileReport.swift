/// A profile as one self-contained page for a person who decides what to do with the data.
public struct ProfileReport {
    private let document: ProfileDocument
    private var summary: DatasetSummary { document.summary }
    private var advice: RoleAdvice { document.advice }
    /// Fields with a card of their own; more are in the table only.
    private static let maximumCards = 500

    public init(_ document: ProfileDocument) { self.document = document }

    public var html: String {
        let title = escaped(document.inputs.joined(separator: ", "))
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>Profile of \(title)</title><style>\(ReportStyle.css)</style></head><body><main>
            <h1>A first look at the data</h1><p class="soft">\(title)</p>
            \(tiles)\(warnings)\(targetSection)\(suggestions)\(timeSection)\(fieldTable)\(cards)
            <h2>Suggested configuration</h2>
            <p class="soft">Save it as profile.yaml, read it, then: thalweg run -c profile.yaml</p>
            <pre>\(escapedLines(document.pipeline))</pre>\(footnotes)
            </main></body></html>

            """
    }

    private func escapedLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { escaped(String($0)) }.joined(
            separator: "\n")
    }

    private var tiles: String {
        let missing = summary.fields.reduce(0) { $0 + $1.missing }
        let cells = summary.fields.reduce(0) { $0 + $1.count + $1.missing }
        let about = summary.areDuplicatesExact ? "" : "≈ "
        let tiles = [
            (grouped(summary.records), "records"), (grouped(summary.fields.count), "fields"),
            (cells > 0 ? percent(Double(missing) / Double(cells)) : "0 %", "of all values missing"),
            (about + grouped(summary.duplicates), "records seen before"),
            (grouped(summary.rejected), "records rejected"),
        ]
        return "<div class=\"tiles\">"
            + tiles.map { "<div class=\"tile\"><b>\($0.0)</b><span>\($0.1)</span></div>" }.joined() + "</div>"
    }

    private var warnings: String {
        guard !advice.suspects.isEmpty else { return "" }
        let rows = advice.suspects.map { "<p><b>\(escaped($0.field))</b>: \(escaped($0.reason))</p>" }
        return """
            <h2>Does the target leak?</h2><div class="card warn">
            <p>These fields nearly give the target away. Is their value known before the target is? If not, leave them
            out: a model that has them looks perfect and is useless.</p>\(rows.joined())</div>
            """
    }

    private var targetSection: String {
        guard let target = summary.target else {
            return
                "<p class=\"soft\">No target was named (--target FIELD): nothing is said about what predicts what.</p>"
        }
        let kind = summary.plan.task.rawValue
        let plot = target.kind == .number ? target.histogram.map(ReportPlots.histogram) ?? "" : topBars(target)
        let ranked = summary.fields.filter { ($0.information?.share ?? 0) > 0.0005 }
            .sorted { ($0.information?.share ?? 0, $1.name) > ($1.information?.share ?? 0, $0.name) }.prefix(15)
        let bars = ReportPlots.bars(
            ranked.map { field in
                let share = field.information?.share ?? 0
                return (field.name, share, percent(share))
            })
        let unknown = target.missing > 0 ? ", \(grouped(target.missing)) unknown" : ""
        return """
            <h2>The target: \(escaped(target.name))</h2><div class="cards">
            <div class="card"><header><h3>\(kind)</h3><span>\(grouped(target.count)) known\(unknown)</span></header>\(plot)</div>
            <div class="card"><header><h3>What each field alone tells of it</h3></header>\(bars)
            <small>Mutual information as a share of the target's entropy, from binned counts.</small></div></div>
            """
    }

    private var suggestions: String {
        guard !advice.suggestions.isEmpty else { return "" }
        let rows = advice.suggestions.map {
            "<tr><td>\(escaped($0.field))</td><td>\(escaped($0.step))</td><td>\(escaped($0.reason))</td></tr>"
        }
        return """
            <h2>What to do about it</h2><div class="card wide"><table><tr><th>field</th><th>suggestion</th><th>why</th></tr>
            \(rows.joined(separator: "\n"))</table></div>
            """
    }

    private var timeSection: String {
        guard let times = summary.times else { return "" }
        let names = ["0.5": "median gap", "0.9": "90 % of gaps up to", "0.99": "99 % up to", "1": "longest"]
        let gaps = times.gaps.map { "<dt>\(names[$0.name] ?? $0.name)</dt><dd>\(duration($0.value))</dd>" }
        let longest = times.longestGaps.map {
            "<tr><td>\(duration($0.seconds))</td><td>\(TimeText.text($0.after))</td></tr>"
        }
        return """
            <h2>Time: \(escaped(times.field))</h2><div class="cards"><div class="card">
            <p>\(TimeText.text(times.first))<br>to \(TimeText.text(times.last))</p>
            <p class="soft">\(grouped(times.outOfOrder)) records before their predecessor, \(grouped(times.unknown)) without a
            time</p><dl style="grid-template-columns:auto 1fr">\(gaps.joined())</dl></div>
            <div class="card"><table><tr><th>longest gaps</th><th>begin after</th></tr>\(longest.joined())</table></div></div>
            """
    }

    private var fieldTable: String {
        let rows = summary.fields.map(tableRow)
        return """
            <h2>All fields</h2><div class="card wide"><table><tr><th>field</th><th>role</th><th>missing</th><th>distinct</th>
            <th>mean</th><th>median</th><th>correlation</th><th>tells of target</th></tr>
            \(rows.joined(separator: "\n"))</table></div>
            """
    }

    private func tableRow(_ field: FieldSummary) -> String {
        let distinct = (field.isDistinctExact ? "" : "≈ ") + grouped(field.distinct)
        let missing = field.missing > 0 ? percent(field.missingShare) : ""
        let mean = field.kind == .number && field.count > 0 ? short(field.moments.mean) : ""
        let median = field.quantile("0.5").map(short) ?? ""
        let correlation = field.moments.correlation.map { short(($0 * 1000).rounded() / 1000) } ?? ""
        let share = field.information.map { percent($0.share) } ?? ""
        let cells: [String] = [
            escaped(field.name), field.role.rawValue, missing, distinct, mean, median, correlation, share,
        ]
        return "<tr><td>" + cells.joined(separator: "</td><td>") + "</td></tr>"
    }

    private var cards: String {
        "<h2>Field by field</h2><div class=\"cards\">\n"
            + summary.fields.prefix(Self.maximumCards).map(card).joined(separator: "\n") + "</div>"
    }

    private func card(_ field: FieldSummary) -> String {
        let missing = field.missing > 0 ? ", \(percent(field.missingShare)) missing" : ""
        let plot =
            field.kind == .number && field.distinct > 12
            ? field.histogram.map(ReportPlots.histogram) ?? "" : topBars(field)
        let notes = advice.suggestions.filter { $0.field == field.name }
            .map { "<p class=\"note\">\(escaped($0.step)): \(escaped($0.reason))</p>" }
        return """
            <div class="card"><header><h3>\(escaped(field.name))</h3><span>\(field.role.rawValue)\(missing)</span></header>
            \(plot)\(figures(field))\(notes.joined())</div>
            """
    }

    private func figures(_ field: FieldSummary) -> String {
        let distinct = (field.isDistinctExact ? "" : "≈ ") + grouped(field.distinct)
        var figures: [(String, String)] = [("distinct", distinct)]
        func add(_ name: String, _ value: Double?) { figures.append((name, value.map(short) ?? "")) }
        if field.kind == .number, field.count > 0 {
            add("mean", field.moments.mean)
            add("sd", field.moments.standardDeviation)
            add("5 %", field.quantile("0.05"))
            add("median", field.quantile("0.5"))
            add("95 %", field.quantile("0.95"))
            figures.append(("zeros", grouped(field.zeros)))
            figures.append(("negative", grouped(field.negatives)))
            add("skewness", field.moments.skewness)
        } else if let lengths = field.lengths {
            figures.append(("length", "\(lengths.shortest) to \(lengths.longest)"))
        }
        return "<dl>" + figures.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }.joined() + "</dl>"
    }

    private func topBars(_ field: FieldSummary) -> String {
        ReportPlots.bars(
            field.top.prefix(8).map { value in
                let share = Double(value.count) / Double(max(field.count, 1))
                return (value.value, share, percent(share))
            })
    }

    private var footnotes: String {
        """
        <p><small>From one pass in bounded memory. Counts, means and extremes are exact; ≈ marks estimates. A quantile's rank
        is within \(percent(FieldSummary.rankError)) of the records (99 % confidence), distinct counts have a standard error
        of \(percent(FieldSummary.distinctError)). Roles come from the first 1,000 records.</small></p>
        """
    }
}
