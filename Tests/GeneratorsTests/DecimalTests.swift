import Foundation
import Testing

@testable import Generators

@Suite("Numbers as text")
struct DecimalTests {
    @Test func examples() {
        let expected: [(Double, String)] = [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-17, "-17"), (0.1, "0.1"), (0.5, "0.5"), (1.5, "1.5"), (-2.25, "-2.25"),
            (1.0986, "1.0986"), (7.308781907032909, "7.308781907032909"), (0.00001, "0.00001"),
            (0.000001, "1e-6"),
            (1.5e-7, "1.5e-7"), (100, "100"), (123_456_789, "123456789"), (1e15, "1000000000000000"),
            (9_007_199_254_740_991, "9007199254740991"), (1e16, "10000000000000000"), (1e17, "1e+17"),
            (1.25e300, "1.25e+300"), (0.3, "0.3"), (0.1 + 0.2, "0.30000000000000004"),
            (.leastNonzeroMagnitude, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"),
            (Double(bitPattern: 19), "9.4e-323"), (2e23, "2e+23"), (1e23, "1e+23"), (99_999.5, "99999.5"),
            (12.3456, "12.3456"),
            (999_999_999_999.9999, "999999999999.9999"), (1_000_000_000_000_000.5, "1000000000000000.5"),
            (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"),
        ]
        for (value, text) in expected { #expect(DecimalText.string(value) == text) }
    }

    /// Swift's `description` is the shortest decimal too; only the notation differs.
    @Test func sameDigitsAsTheStandardLibrary() {
        var random = SplitMix64(seed: 20)
        var wrong: [Double] = []
        let isFull = ProcessInfo.processInfo.environment["THALWEG_FULL"] != nil
        for i in 0..<(isFull ? 200_000 : 50_000) {
            let bits = random.next()
            let value: Double =
                switch i % 5 {
                case 0: Double(bits >> 11) * 0x1p-53
                case 1: 10 * Double(bits >> 11) * 0x1p-53
                case 2: Double(Int64(bitPattern: bits) >> 30) / 10_000
                case 3: Double(bitPattern: bits & 0xFFF0_0000_0000_0000)
                default: Double(bitPattern: bits)
                }
            guard value.isFinite else { continue }
            let text = DecimalText.string(value)
            let readsBack = Double(text)?.bitPattern == value.bitPattern
            if !readsBack || digits(text) != digits(value.description) { wrong.append(value) }
        }
        #expect(wrong.isEmpty)
    }

    /// The significant digits of a number's text, without zeros at either end.
    private func digits(_ text: String) -> Substring {
        let digits = text.prefix { $0 != "e" }.filter(\.isNumber)
        let trimmed = digits.drop { $0 == "0" }
        return trimmed.prefix(trimmed.count - trimmed.reversed().prefix { $0 == "0" }.count)
    }
}
