import Components
import Drift
import Testing

/// What the peers detect on the streams of `DetectorStream`: River 0.26.1 and MOA (the jar inside CapyMOA 0.15.1), their
/// detectors with their defaults.
@Suite struct DetectorGoldenTests {
    struct Golden: CustomTestStringConvertible {
        let name: String
        let preset: String
        let stream: DetectorStream
        let drifts: [Int]
        /// First warning and how many there are.
        var warnings: (first: Int, count: Int)?
        var fields: [String: String] = [:]

        init(
            _ name: String, _ preset: String, _ stream: DetectorStream, _ drifts: [Int],
            warnings: (first: Int, count: Int)? = nil, fields: [String: String] = [:]
        ) {
            self.name = name
            self.preset = preset
            self.stream = stream
            self.drifts = drifts
            self.warnings = warnings
            self.fields = fields
        }

        var testDescription: String { "\(name) as \(preset) on \(stream)" }
    }

    static let goldens = [
        Golden("adwin", "river", .values, [1055]),
        Golden("adwin", "river", .bits, [1087]),
        Golden("adwin", "river", .threeRates, [2047, 4095]),
        Golden("adwin", "river", .threeMeans, [2047, 4031]),
        Golden("adwin", "moa", .values, [1055, 1119]),
        Golden("adwin", "moa", .bits, [1087, 1119, 1151]),
        Golden("adwin", "moa", .threeRates, [2047, 2079, 2111, 2271]),
        Golden("adwin", "moa", .threeMeans, [2047, 2079, 2111]),
    ]

    @Test(arguments: goldens) func firesWhereThePeerDoes(_ golden: Golden) throws {
        let detector = try DetectorRegistry.find(golden.name).make(
            fields: golden.fields, preset: golden.preset, seed: 1)
        let found = signals(detector, golden.stream.values)
        #expect(found.drifts == golden.drifts)
        if let warnings = golden.warnings {
            #expect(found.warnings.first == warnings.first)
            #expect(found.warnings.count == warnings.count)
        }
    }
}
