import Components
import Foundation
import Records
import State
import Testing

@testable import Preprocessing

/// The laws of RecordTransformer.swift, for every registered step over records.
@Suite struct StepConformanceTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [String: String]
        var testDescription: String { "\(name) \(fields.sorted { $0.key < $1.key })" }
    }

    static let rows: [Row] = [
        Row(name: "coerce", fields: ["fields": "t"]), Row(name: "coerce", fields: ["fields": "t", "decimal": "comma"]),
        Row(
            name: "time", fields: ["fields": "t", "cyclical": "true", "holidays": "12-25", "parts": "epoch+hour+year"]),
        Row(name: "time", fields: ["fields": "t", "unit": "ms"]),
        Row(name: "text", fields: ["fields": "t", "weighting": "tf-idf", "most": "2"]),
        Row(name: "text", fields: ["fields": "t", "of": "characters", "least": "2", "most": "3"]),
        Row(name: "expression", fields: ["is": "a / b + max(exp(a), b ^ 3) - log(a) * sqrt(b)"]),
        Row(name: "polynomial", fields: ["degree": "3"]), Row(name: "random-projection", fields: ["components": "3"]),
        Row(name: "pca", fields: ["components": "2", "every": "50"]),
        Row(name: "pca", fields: ["components": "1", "every": "20", "fading": "0.01"]),
        Row(name: "flag-outliers", fields: [:]), Row(name: "flag-outliers", fields: ["by": "deviation"]),
        Row(name: "group-impute", fields: ["by": "c", "keys": "8"]),
        Row(name: "group-impute", fields: ["by": "c", "strategy": "previous"]),
        Row(name: "group-impute", fields: ["by": "c", "strategy": "median", "keys": "8"]),
        Row(name: "group-impute", fields: ["by": "c", "strategy": "mode"]),
        Row(name: "impute-category", fields: [:]), Row(name: "impute-category", fields: ["strategy": "previous"]),
        Row(name: "lag", fields: ["by": "c", "steps": "1+3", "differences": "true", "keys": "8"]),
        Row(
            name: "rolling",
            fields: ["by": "c", "keys": "8", "statistics": "count+mean+variance+min+max+distinct+since"]),
        Row(
            name: "rolling",
            fields: ["fields": "a", "window": "1m", "time": "b", "statistics": "mean+since", "most": "5"]),
        Row(name: "decayed", fields: ["by": "c", "keys": "8"]),
        Row(name: "decayed", fields: ["fields": "a", "half-life": "1h", "time": "b"]),
        Row(name: "target-encode", fields: ["keys": "8"]), Row(name: "frequency-encode", fields: ["keys": "8"]),
        Row(name: "ordinal-encode", fields: ["keys": "8"]),
    ]

    @Test func everyStepHasARow() {
        let registered = RecordTransformerRegistry.all.map(\.descriptor.name)
        #expect(registered.count == 16)
        #expect(Set(registered) == Set(Self.rows.map(\.name)))
        let all =
            registered + TransformerRegistry.all.map(\.descriptor.name)
            + RecordFilterRegistry.all.map(\.descriptor.name)
            + FeatureSelectorRegistry.all.map(\.descriptor.name) + EncodingSteps.all.map(\.name)
        #expect(Set(all).count == all.count, "a name stands for one step")
    }

    private static func make(_ row: Row) throws -> StepBench {
        let bench = StepBench(numbers: ["a", "b"], categories: ["c", "d"], raw: ["t"], task: .regression)
        try bench.add(row.name, row.fields)
        return bench
    }

    private static let texts = [
        "", "3,14", "1.234.567,8 %", "yes", "NaN", "inf", "0x10", "2026-11-21T15:16:59Z", "2026-02-30", "1763738219123",
        "-99999999999999999999999", "1e400", "-", "the quick brown fox", "\u{0}\u{fffd}é汉字", "+", "2026-11-21T",
        "20261121",
    ]

    static func records(_ seed: UInt64, _ count: Int = 400, wild: Bool = true, categories: UInt64 = 30) -> [StepBench
        .Record]
    {
        let generator = RandomGenerator(seed: seed)
        let extremes = [
            1e308, -1e308, 1e38, -1e38, .leastNonzeroMagnitude, -0.0, Double.leastNormalMagnitude / 3, .nan,
        ]
        func number() -> Double {
            wild && generator.next() % 5 == 0
                ? extremes[Int(generator.next() % UInt64(extremes.count))] : generator.nextUniform() * 20 - 5
        }
        return (0..<count).map { _ in
            StepBench.Record(
                numbers: [number(), number()],
                categories: [generator.next() % categories, generator.next() % categories],
                raw: [texts[Int(generator.next() % UInt64(texts.count))]],
                target: generator.next() % 6 == 0 ? .nan : number())
        }
    }

    /// Missing ones as text, so that they compare equal.
    private func shown(_ values: [[Double]]) -> [[UInt64]] { values.map { $0.map { $0.isNaN ? 1 : $0.bitPattern } } }

    private func isFinite(_ bench: StepBench) -> Bool {
        bench.steps.allSatisfy { step in
            step.state.allSatisfy { ($0.array as? StateArray<Double>)?.elements.allSatisfy { $0.isFinite } ?? true }
        }
    }

    @Test(arguments: rows) func transformingAloneChangesNothing(_ row: Row) throws {
        let bench = try Self.make(row)
        bench.run(Self.records(1))
        let learned = bench.digest
        let first = bench.run(Self.records(2), learns: false)
        let second = bench.run(Self.records(2), learns: false)
        #expect(bench.digest == learned)
        #expect(shown(first.numbers) == shown(second.numbers))
    }

    @Test(arguments: rows) func everythingStaysFinite(_ row: Row) throws {
        for seed in [UInt64(3), 4] {
            let bench = try Self.make(row)
            let found = bench.run(Self.records(seed))
            #expect(found.numbers.allSatisfy { $0.allSatisfy { !$0.isInfinite } }, "seed \(seed)")
            #expect(found.words.allSatisfy { $0.allSatisfy { $0.value.isFinite } }, "seed \(seed)")
            #expect(isFinite(bench), "seed \(seed)")
        }
    }

    /// Also the law of resuming: a batch ends, and what follows knows only what the state says.
    @Test(arguments: rows) func batchSizeDoesNotMatter(_ row: Row) throws {
        let records = Self.records(5)
        let whole = try Self.make(row)
        let expected = whole.run(records, batchSize: 400)
        for size in [1, 7, 64] {
            let parts = try Self.make(row)
            let found = parts.run(records, batchSize: size)
            #expect(shown(found.numbers) == shown(expected.numbers), "batches of \(size)")
            #expect(found.words.map { $0.map(\.hash) } == expected.words.map { $0.map(\.hash) })
            #expect(found.words.map { $0.map(\.value) } == expected.words.map { $0.map(\.value) })
            #expect(parts.digest == whole.digest, "batches of \(size)")
        }
    }

    @Test(arguments: rows) func aTwinGoesOnToTheBit(_ row: Row) throws {
        let records = Self.records(6)
        let original = try Self.make(row)
        original.run(Array(records[..<200]))
        let twin = try Self.make(row)
        for (step, other) in zip(original.steps, twin.steps) {
            let replica = Replica(of: step, twin: other)
            Replica.note(step, on: [replica])
            replica.update()
        }
        #expect(twin.digest == original.digest)
        let rest = Array(records[200...])
        #expect(shown(twin.run(rest).numbers) == shown(original.run(rest).numbers))
        #expect(twin.digest == original.digest)
    }

    @Test(arguments: rows) func itsOwnTargetNeverReachesARecord(_ row: Row) throws {
        let records = Self.records(7)
        let bench = try Self.make(row)
        bench.run(Array(records[..<399]))
        var last = records[399]
        let expected = bench.run([last], learns: false)
        last.target = 1e6
        let found = bench.run([last])
        #expect(shown(found.numbers) == shown(expected.numbers))
        #expect(found.words.map { $0.map(\.value) } == expected.words.map { $0.map(\.value) })
    }

    @Test(arguments: rows) func memoryIsBounded(_ row: Row) throws {
        let bench = try Self.make(row)
        bench.run(Self.records(8, 1000, categories: 8))
        let bytes = bench.steps.reduce(0) { $0 + $1.stateByteCount }
        let count = isFullRun ? 100_000 : 3000
        for part in 0..<max(1, count / 1000) {
            bench.run(Self.records(9 + UInt64(part), 1000, categories: 1 << 40))
        }
        let after = bench.steps.reduce(0) { $0 + $1.stateByteCount }
        // Tables grow to the keys they are allowed, not with what comes.
        #expect(row.fields["keys"] == nil ? after < max(bytes, 1 << 27) : after == bytes)
        #expect(isFinite(bench))
    }
}

/// The longer streams, asked for by `scripts/test --full`.
let isFullRun = ProcessInfo.processInfo.environment["THALWEG_FULL"] != nil
