import Records

/// A number as a point in time, in seconds since 1970, in the unit that its size says.
func seconds(ofTimestamp value: Double) -> Double { value / Timestamp.Unit(ofSize: value).perSecond }

/// Reads a point in time, in seconds since 1970: a number, or a date of ISO 8601 (`2024-05-01`, with a time behind `T` or
/// a space, with a fraction of a second, with `Z` or an offset; without one it is UTC). Nil: it is neither.
func readTime(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    if case .number(let value) = readNumber(text) { return seconds(ofTimestamp: value) }
    var text = text
    while text.last == 0x20 { text = UnsafeBufferPointer(rebasing: text.dropLast()) }
    return Timestamp.iso(text)
}
