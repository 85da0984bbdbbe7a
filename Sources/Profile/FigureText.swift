import Glibc
import JSON

/// Four significant digits, as people read them.
func short(_ value: Double) -> String {
    guard value.isFinite else { return "" }
    if value == 0 { return "0" }
    let size = abs(value)
    if size >= 1e7 || size < 1e-4 { return formatted("%.3g", value) }
    if size >= 1000 || value == value.rounded() { return formatted("%.0f", value) }
    return formatted("%.4g", value)
}

func percent(_ share: Double) -> String {
    share > 0 && share < 0.001 ? "<0.1 %" : formatted("%.3g", 100 * share) + " %"
}

/// A whole number with thin groups of three.
func grouped(_ count: Int) -> String {
    let digits = String(count)
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0, digit != "-" { text += "," }
        text.append(digit)
    }
    return text
}

/// A duration in its largest unit.
func duration(_ seconds: Double) -> String {
    for (unit, size) in [("d", 86_400.0), ("h", 3600), ("min", 60)] where abs(seconds) >= 2 * size {
        return short(seconds / size) + " " + unit
    }
    return abs(seconds) >= 1 || seconds == 0 ? short(seconds) + " s" : short(seconds * 1000) + " ms"
}

private func formatted(_ format: String, _ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
    return String(decoding: buffer.prefix(max(0, min(Int(count), 63))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

enum JSONText {
    static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.write(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
