import Connectors
import JSON

extension SourceStatus {
    /// Records not yet consumed in all parts where that is known; nil: nowhere.
    public var lag: Int? {
        let known = lags.compactMap(\.records)
        return known.isEmpty ? nil : known.reduce(0, +)
    }

    var json: JSONValue {
        .object(
            counters.map { ($0.name, JSONValue($0.count)) } + [
                ("lag", .object(lags.map { ($0.part, $0.records.map { JSONValue($0) } ?? .null) }))
            ])
    }

    /// `lag 12 in 4 parts (most: clicks/3 7), rebalances 1`: what is 0 is left out.
    public var summary: String {
        let counts = counters.filter { $0.count > 0 }.map { "\($0.name) \($0.count)" }
        let most = lags.max { ($0.records ?? 0) < ($1.records ?? 0) }.flatMap { worst in
            worst.records.flatMap { $0 > 0 && lags.count > 1 ? " (most: \(worst.part) \($0))" : nil }
        }
        let lag = "lag \(lag.map { String($0) } ?? "unknown") in \(lags.count) parts\(most ?? "")"
        return ([lag] + counts).joined(separator: ", ")
    }
}
