import Engine

/// Prometheus' text format (version 0.0.4): families with help and type, each once.
struct PrometheusText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP thalweg_\(name) \(help)\n# TYPE thalweg_\(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ value: Double, _ labels: [(String, String)] = []) {
        text += "thalweg_\(name)\(Self.text(of: labels)) \(Self.text(of: value))\n"
    }

    /// A family of one sample.
    mutating func single(_ name: String, _ type: String, _ help: String, _ value: Double) {
        family(name, type, help)
        sample(name, value)
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: DurationHistogram) {
        family(name, "histogram", help)
        var seen = 0
        for bucket in 0..<DurationHistogram.bucketCount - 1 {
            seen += histogram.counts[bucket]
            // Every second octave is enough to look at.
            guard bucket % 8 == 0 else { continue }
            sample("\(name)_bucket", Double(seen), [("le", Self.text(of: DurationHistogram.bound(bucket)))])
        }
        sample("\(name)_bucket", Double(histogram.count), [("le", "+Inf")])
        sample("\(name)_sum", histogram.sum)
        sample("\(name)_count", Double(histogram.count))
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int(exactly: value) { return String(whole) }
        return value.description
    }

    private static func text(of labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { "\($0.0)=\"\(escaped($0.1))\"" }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
