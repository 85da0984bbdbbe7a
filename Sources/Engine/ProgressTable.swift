import Dispatch
import Evaluation
import Glibc
import Records

/// Vowpal Wabbit's progress table on stderr, with rate and rejected records at its right.
///
/// Lines come at counts that double (`auto`) or every `interval` records; on a terminal one more line shows the present.
public final class ProgressTable {
    private let interval: Int
    private let isTerminal: Bool
    private var nextCount = 1
    private var lastLoss = 0.0
    private var lastWeight = 0.0
    private let started = DispatchTime.now().uptimeNanoseconds
    private var lastLive: UInt64 = 0
    private var hasLiveLine = false
    /// What the source says of itself, at the end of each line.
    var source: () -> String = { "" }

    /// - Parameter interval: records from line to line; 0 = doubling.
    public init(interval: Int, isTerminal: Bool) {
        self.interval = interval
        self.isTerminal = isTerminal
        nextCount = max(interval, 1)
    }

    private static let header =
        "average  since         example        example        current        current  current\n"
        + "loss     last          counter         weight         target     prediction features     rate rejected\n"

    func begin() { put(Self.header) }

    /// Whether a line is due when `records` records are done.
    @inline(__always)
    func isDue(_ records: Int) -> Bool { records == nextCount }

    /// Continues counting where a resumed run stands.
    func resume(at evaluation: PrequentialEvaluation) {
        while nextCount <= evaluation.records { advance() }
        lastLoss = evaluation.lossSum
        lastWeight = evaluation.scoredWeight
    }

    private func advance() { nextCount = interval > 0 ? nextCount + interval : nextCount * 2 }

    func line(_ evaluation: PrequentialEvaluation, target: String, prediction: String, features: Int) {
        advance()
        clearLive()
        put(row(evaluation, target: target, prediction: prediction, features: features) + "\n")
        lastLoss = evaluation.lossSum
        lastWeight = evaluation.scoredWeight
    }

    /// Marks what a watch saw, with its record in the column of counts.
    func mark(_ kind: String, record: Int, _ text: String) {
        clearLive()
        put("\(pad(kind, -8)) \(pad("", -8)) \(pad(String(record), 12)) \(text)\n")
    }

    /// Shows the present on a terminal, twice a second at most.
    func live(_ evaluation: PrequentialEvaluation) {
        guard isTerminal else { return }
        let now = DispatchTime.now().uptimeNanoseconds
        guard now - lastLive > 500_000_000 else { return }
        lastLive = now
        let bold = getenv("NO_COLOR") == nil
        clearLive()
        put(
            (bold ? "\u{1b}[1m" : "") + row(evaluation, target: "", prediction: "", features: 0)
                + (bold ? "\u{1b}[0m" : ""))
        hasLiveLine = true
    }

    func end() { clearLive() }

    private func clearLive() {
        if hasLiveLine { put("\r\u{1b}[K") }
        hasLiveLine = false
    }

    private func row(
        _ evaluation: PrequentialEvaluation, target: String, prediction: String, features: Int
    ) -> String {
        let weight = evaluation.scoredWeight - lastWeight
        let since = weight > 0 ? (evaluation.lossSum - lastLoss) / weight : nil
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9
        let rate = Double(evaluation.records) / max(seconds, 1e-9)
        let note = source()
        let columns = [
            pad(evaluation.averageLoss.map { fixed($0, 6) } ?? "n.a.", -8),
            pad(since.map { fixed($0, 6) } ?? "n.a.", -8),
            pad(String(evaluation.records), 12), pad(fixed(evaluation.weight, 1), 14), pad(target, 14),
            pad(prediction, 14), pad(features > 0 ? String(features) : "", 8), pad(short(rate) + "/s", 8),
            pad(String(evaluation.rejected), 8),
        ]
        return (note.isEmpty ? columns : columns + [note]).joined(separator: " ")
    }

    private func put(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return value.description }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    let digits = String(UInt64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return decimals == 0 ? sign + padded : sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}

/// A rate in three digits: 950, 12.3k, 1.20M.
func short(_ value: Double) -> String {
    switch value {
    case ..<1000: fixed(value, 0)
    case ..<1e6: fixed(value / 1000, value < 1e5 ? 1 : 0) + "k"
    default: fixed(value / 1e6, 2) + "M"
    }
}

/// Pads to a width: positive = right-aligned, negative = left-aligned.
func pad(_ text: String, _ width: Int) -> String {
    let cut = text.count > abs(width) && abs(width) >= 14 ? String(text.prefix(abs(width) - 3)) + "..." : text
    let spaces = String(repeating: " ", count: max(0, abs(width) - cut.count))
    return width < 0 ? cut + spaces : spaces + cut
}
