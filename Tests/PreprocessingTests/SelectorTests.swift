import Components
import Records
import State
import Testing

@testable import Preprocessing

/// The laws of FeatureSelector.swift, for every registered selector.
@Suite struct SelectorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [String: String]
        var testDescription: String { "\(name) \(fields.sorted { $0.key < $1.key })" }
    }

    static let rows: [Row] = [
        Row(name: "variance-threshold", fields: ["after": "50", "threshold": "0.1"]),
        Row(name: "top-features", fields: ["k": "5", "every": "60"]),
        Row(name: "top-features", fields: ["k": "5", "every": "60", "by": "chi2"]),
        Row(name: "top-features", fields: ["k": "5", "every": "60", "by": "mutual-information"]),
        Row(name: "admit", fields: ["count": "10"]),
    ]

    @Test func everySelectorHasARow() {
        #expect(FeatureSelectorRegistry.all.count == 3)
        #expect(Set(FeatureSelectorRegistry.all.map(\.descriptor.name)) == Set(Self.rows.map(\.name)))
    }

    private func make(_ row: Row) throws -> any FeatureSelector {
        let found = try #require(FeatureSelectorRegistry.all.first { $0.descriptor.name == row.name })
        return try found.make(
            Hyperparameters(found.descriptor, given: row.fields),
            SelectionContext(slotCount: 64, denseCount: 16, numberNames: ["a", "b"], task: .binary))
    }

    /// Feature 0 grows with the target, feature 1 comes with large targets, feature 2 is chance.
    @Test(arguments: ["chi2", "mutual-information"]) func numbersAreToldApartByBins(_ measure: String) throws {
        let found = try #require(FeatureSelectorRegistry.all.first { $0.descriptor.name == "top-features" })
        let selector = try found.make(
            Hyperparameters(found.descriptor, given: ["by": measure, "k": "1", "every": "1000", "groups": "8"]),
            SelectionContext(slotCount: 16, denseCount: 16, numberNames: ["a", "b", "c"], task: .regression))
        let generator = RandomGenerator(seed: 3)
        for _ in 0..<1256 {
            let target = generator.nextUniform() * 10
            var indices: [UInt32] = [0, 2]
            var values = [Float(target), Float(generator.nextUniform() * 10)]
            if target > 5 {
                indices.append(1)
                values.append(1)
            }
            selector.learn(indices, values, indices.count, target: target)
        }
        let best = measure == "chi2" ? 0 : 1
        #expect((0..<3).filter { selector.keeps($0) } == [best])
    }

    private typealias Features = [(index: UInt32, value: Float)]

    private func stream(_ seed: UInt64) -> [(features: Features, target: Double)] {
        let generator = RandomGenerator(seed: seed)
        let extremes: [Float] = [3e38, -3e38, .leastNonzeroMagnitude, -0.0, 0]
        return (0..<300).map { _ in
            let features = (0..<12).map { _ in
                (
                    UInt32(generator.next() % 64),
                    generator.next() % 8 == 0 ? extremes[Int(generator.next() % 5)] : Float(generator.nextUniform())
                )
            }
            return (features, generator.next() % 9 == 0 ? .nan : Double(generator.next() % 2))
        }
    }

    private func run(
        _ selector: any FeatureSelector, _ records: [(features: Features, target: Double)], batchSize: Int,
        learns: Bool = true
    ) -> [[UInt32]] {
        var kept: [[UInt32]] = []
        var start = 0
        while start < records.count {
            let part = Array(records[start..<min(start + batchSize, records.count)])
            let batch = FeatureBatch(capacity: part.count, featuresPerRow: 12)
            for (row, record) in part.enumerated() {
                for (place, feature) in record.features.enumerated() {
                    batch.indices[row * 12 + place] = feature.index
                    batch.values[row * 12 + place] = feature.value
                }
                batch.offsets[row + 1] = (row + 1) * 12
            }
            batch.rows = part.count
            let flags = part.map { !$0.target.isNaN }
            part.map(\.target).withUnsafeBufferPointer { targets in
                flags.withUnsafeBufferPointer { flags in
                    guard let first = targets.baseAddress else { return }
                    selector.process(batch, targets: first, learns: learns ? flags.baseAddress : nil)
                }
            }
            for row in 0..<part.count {
                kept.append((batch.offsets[row]..<batch.offsets[row + 1]).map { batch.indices[$0] })
            }
            start += part.count
        }
        return kept
    }

    @Test(arguments: rows) func batchSizeDoesNotMatterAndSomethingGoes(_ row: Row) throws {
        let records = stream(1)
        let whole = try make(row)
        let expected = run(whole, records, batchSize: 300)
        #expect(expected.contains { $0.count < 12 }, "something was left out")
        for size in [1, 7, 64] {
            let parts = try make(row)
            #expect(run(parts, records, batchSize: size) == expected)
            #expect(parts.digest == whole.digest)
        }
    }

    @Test(arguments: rows) func askingChangesNothingAndStateIsFinite(_ row: Row) throws {
        let selector = try make(row)
        _ = run(selector, stream(2), batchSize: 50)
        let learned = selector.digest
        let first = run(selector, stream(3), batchSize: 50, learns: false)
        #expect(run(selector, stream(3), batchSize: 50, learns: false) == first)
        #expect(selector.digest == learned)
        for entry in selector.state {
            let numbers = (entry.array as? StateArray<Double>)?.elements ?? []
            #expect(numbers.allSatisfy { $0.isFinite })
        }
        #expect(selector.notes.allSatisfy { !$0.text.isEmpty })
    }

    @Test func rareFeaturesWaitAndNumbersPass() throws {
        let selector = try make(Row(name: "admit", fields: ["count": "2"]))
        let records: [(features: Features, target: Double)] = (0..<4).map { _ in
            (Array(repeating: (3, 1), count: 11) + [(40, 1)], 1)
        }
        #expect(run(selector, records, batchSize: 4).map { $0.contains(40) } == [false, false, true, true])
        #expect(selector.keeps(3), "a number")
    }
}
