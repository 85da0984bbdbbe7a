import Components
import Drift
import State
import Testing

/// The laws of `DriftDetector`, for every registered detector.
@Suite struct DetectorConformanceTests {
    struct Row: CustomTestStringConvertible {
        let descriptor: DetectorDescriptor
        let preset: String
        var testDescription: String { "\(descriptor.descriptor.name) (\(preset))" }

        func make(seed: UInt64 = 5) throws -> any DriftDetector {
            try descriptor.make(fields: [:], preset: preset, seed: seed)
        }
    }

    static let rows = DetectorRegistry.all.flatMap { descriptor in
        (["thalweg"] + descriptor.presets.keys.sorted()).map { Row(descriptor: descriptor, preset: $0) }
    }

    @Test func everyDetectorHasARow() { #expect(Set(Self.rows.map(\.descriptor.descriptor.name)).count == 10) }

    /// Errors that become frequent, with what no stream should bring in between.
    private static func stream(wild: Bool) -> [Double] {
        let uniform = DetectorStream.uniform(11, 3000)
        let extremes = [Double.nan, .infinity, -.infinity, 1e308, -1e308, .leastNonzeroMagnitude, -1]
        return uniform.enumerated().map { index, u in
            if wild, index % 97 == 0 { return extremes[index / 97 % extremes.count] }
            return u < (index < 1500 ? 0.1 : 0.8) ? 1 : 0
        }
    }

    @Test(arguments: rows) func findsAnAbruptChangeAndLittleElse(_ row: Row) throws {
        let found = signals(try row.make(), Self.stream(wild: false)).drifts
        #expect(found.contains { $0 >= 1500 && $0 < 1800 })
        #expect(found.count { $0 < 1500 } <= 8)
    }

    @Test(arguments: rows) func staysFiniteWhateverComes(_ row: Row) throws {
        let detector = try row.make()
        for value in Self.stream(wild: true) { _ = detector.update(value) }
        for entry in detector.state {
            guard let array = entry.array as? StateArray<Double> else { continue }
            #expect(array.elements.allSatisfy { $0.isFinite }, "\(entry.name)")
        }
    }

    @Test(arguments: rows) func aCopyContinuesAsTheOriginal(_ row: Row) throws {
        let values = Self.stream(wild: true)
        let original = try row.make()
        let copy = try row.make(seed: 99)
        for value in values.prefix(1600) { _ = original.update(value) }
        Replica(of: original, twin: copy).update()
        for value in values.dropFirst(1600) { #expect(original.update(value) == copy.update(value)) }
        #expect(original.digest == copy.digest)
    }

    @Test(arguments: rows) func aResetOneAnswersLikeANewOne(_ row: Row) throws {
        let values = Self.stream(wild: false)
        let used = try row.make()
        for value in values.prefix(1700) { _ = used.update(value) }
        used.reset()
        let new = try row.make()
        #expect(used.digest == new.digest)
        for value in values { #expect(used.update(value) == new.update(value)) }
        #expect(used.digest == new.digest)
    }

    /// As in adaptive random forests: a warning comes no later than the drift.
    @Test func adwinWarnsWhereAsked() throws {
        let adwin = try DetectorRegistry.find("adwin")
        // So strict that the drift takes its time.
        let strict = ["delta": "1e-12"]
        let found = signals(
            try adwin.make(
                fields: strict.merging(["warning-delta": "0.1"]) { $1 }, preset: "thalweg", seed: 1),
            Self.stream(wild: false))
        let plain = signals(try adwin.make(fields: strict, preset: "thalweg", seed: 1), Self.stream(wild: false))
        let drift = try #require(found.drifts.first)
        #expect(found.drifts == plain.drifts)
        #expect(found.warnings.contains { $0 <= drift })
        #expect(throws: SettingError.self) {
            try adwin.make(fields: ["warning-delta": "0.001"], preset: "thalweg", seed: 1)
        }
    }

    /// A window of three rows drops its oldest values instead of growing, and others beside it in memory stay as they are.
    @Test func windowsShareOneArray() {
        let rule = AdaptiveWindow(rows: 3)
        let array = StateArray<Double>(count: 2 * rule.scalarCount)
        for (index, value) in DetectorStream.uniform(2, 5000).enumerated() {
            _ = rule.update(array.base + (index % 2) * rule.scalarCount, value)
        }
        for place in [0, rule.scalarCount] {
            #expect(rule.width(array.base + place) <= 6 * 7)
            #expect(abs(rule.mean(array.base + place) - 0.5) < 0.2)
        }
    }
}
