import Testing

@testable import Formats

@Suite struct MeasurementTests {
    /// NIST SP 811, appendix B: exact definitions.
    @Test(arguments: [
        ("fahrenheit", "celsius", 212.0, 100.0), ("celsius", "kelvin", -273.15, 0), ("mi", "km", 1, 1.609344),
        ("lb", "kg", 10, 4.5359237), ("percent", "ratio", 12.5, 0.125), ("h", "min", 1.5, 90), ("km/h", "m/s", 36, 10),
        ("ms", "s", 250, 0.25), ("kWh", "J", 1, 3.6e6), ("in", "cm", 1, 2.54),
    ])
    func unitsConvert(_ from: String, _ to: String, _ value: Double, _ expected: Double) throws {
        let (factor, offset) = try MeasurementUnit.conversion(from: from, to: to)
        #expect(abs(value * factor + offset - expected) < 1e-9 * max(1, abs(expected)))
    }

    @Test(
        arguments: [
            ("3,14", 3.14), ("1.234.567,8", 1_234_567.8), ("-0,5", -0.5), ("1 000", 1000), ("12", 12), ("1,5e3", 1500),
        ] as [(String, Double)])
    func commasAreRead(_ text: String, _ expected: Double) {
        var text = text
        #expect(text.withUTF8 { localizedNumber($0) } == expected)
    }

    @Test(arguments: ["", "ja", "1,2,3", ",", String(repeating: "1", count: 200)]) func othersAreNone(_ text: String) {
        var text = text
        #expect(text.withUTF8 { localizedNumber($0) } == nil)
    }
}
