import Components

/// What all steps that keep something for each key have in common.
enum KeyedStatistics {
    static let keysField = HyperparameterField(
        "keys", .integer(1...1 << 24), default: "65536", "keys remembered at most; then the least recently used goes")
    static let byField = HyperparameterField(
        "by", .names, default: "", "the field whose values are the keys; none = one for all")
    static let timeField = HyperparameterField(
        "time", .names, default: "", "the number field with the record's time in seconds; none = records are counted")

    /// The key field; nil = all records have one key.
    static func by(
        _ parameters: Hyperparameters, _ layout: FieldLayout
    ) throws(SettingError) -> FieldReference? {
        parameters["by"].isEmpty ? nil : try layout.reference(parameters["by"], parameters.descriptor.name)
    }

    /// The time's column; nil = records are counted.
    static func time(_ parameters: Hyperparameters, _ layout: FieldLayout) throws(SettingError) -> Int? {
        guard !parameters["time"].isEmpty else { return nil }
        return try layout.numbers(parameters["time"], parameters.descriptor.name).first
    }

    /// A span of `90`, `90s`, `5m`, `2h` or `1d`; seconds, and whether a unit was given.
    static func span(_ text: String, _ step: String) throws(SettingError) -> (value: Double, isTime: Bool) {
        let units: [(String, Double)] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        for (unit, scale) in units where text.hasSuffix(unit) {
            if let value = Double(text.dropLast()), value > 0, value <= 1e12 { return (value * scale, true) }
        }
        if let value = Double(text), value > 0, value <= 1e12 { return (value, false) }
        throw SettingError("\(step): '\(text)' is no span: it takes records (10) or a time (30s, 5m, 2h, 1d)")
    }
}
