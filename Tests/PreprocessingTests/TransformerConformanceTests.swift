import Components
import State
import Testing

@testable import Preprocessing

/// The laws of Transformer.swift, for every registered transformer under several settings.
@Suite struct TransformerConformanceTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [String: String]
        /// Whether missing numbers stay missing and no others become it.
        var keepsMissing: Bool { name != "drop" && fields["method"] != "pca" && fields["action"] != "missing" }
        var testDescription: String { "\(name) \(fields.sorted { $0.key < $1.key })" }
    }

    static let rows: [Row] = [
        Row(name: "standardize", fields: [:]), Row(name: "standardize", fields: ["limit": "3"]),
        Row(name: "standardize", fields: ["winsorize": "2"]),
        Row(name: "adaptive-standardize", fields: [:]), Row(name: "adaptive-standardize", fields: ["fading": "0.3"]),
        Row(name: "min-max", fields: [:]), Row(name: "max-abs", fields: [:]),
        Row(name: "impute", fields: [:]), Row(name: "impute", fields: ["strategy": "median"]),
        Row(name: "impute", fields: ["strategy": "constant", "value": "4"]),
        Row(name: "impute", fields: ["strategy": "previous", "value": "4"]),
        Row(name: "impute", fields: ["strategy": "mode"]), Row(name: "robust", fields: [:]),
        Row(name: "log", fields: [:]), Row(name: "power", fields: [:]), Row(name: "power", fields: ["exponent": "2"]),
        Row(name: "quantile-bins", fields: ["bins": "4"]), Row(name: "normalize", fields: [:]),
        Row(name: "normalize", fields: ["norm": "l1"]), Row(name: "whiten", fields: ["every": "50"]),
        Row(name: "whiten", fields: ["every": "20", "method": "pca", "fading": "0.01"]), Row(name: "drop", fields: [:]),
        Row(name: "clip", fields: ["by": "deviation"]),
        Row(name: "clip", fields: ["by": "bounds", "lower": "0", "upper": "9", "action": "missing"]),
        Row(name: "clip", fields: [:]), Row(name: "clip", fields: ["lower": "0.1", "upper": "0.8"]),
    ]

    @Test func everyTransformerHasARow() {
        let registered = TransformerRegistry.all.map(\.descriptor.name)
        #expect(registered.count == 13)
        #expect(Set(registered) == Set(Self.rows.map(\.name)))
        #expect(Set(registered).count == registered.count)
    }

    private static func make(_ row: Row, columns: Int = 3) throws -> any Transformer {
        let entry = try #require(TransformerRegistry.all.first { $0.descriptor.name == row.name })
        return try entry.make(Hyperparameters(entry.descriptor, given: row.fields), columns)
    }

    private static func values(_ seed: UInt64, wild: Bool = false) -> [Double] {
        let generator = RandomGenerator(seed: seed)
        return (0..<900).map { _ in
            let value = generator.nextUniform() * 20 - 5
            switch generator.next() % 10 {
            case 0: return .nan
            case 1 where wild:
                return [1e308, -1e308, 1.7e308, .leastNonzeroMagnitude, -0.0, 1e160][Int(generator.next() % 6)]
            default: return value
            }
        }
    }

    private func isFinite(_ transformer: any Transformer) -> Bool {
        transformer.state.allSatisfy { entry in
            (entry.array as? StateArray<Double>)?.elements.allSatisfy { $0.isFinite } ?? true
        }
    }

    @Test(arguments: rows) func transformingAloneChangesNothing(_ row: Row) throws {
        let transformer = try Self.make(row)
        let block = Block(Self.values(1))
        block.run(transformer, learns: true)
        let learned = transformer.digest
        block.run(transformer, learns: false)
        #expect(transformer.digest == learned)
        let still = Block(Self.values(1))
        still.run(transformer, learns: true, learnedRows: { _ in false })
        #expect(transformer.digest == learned)
    }

    @Test(arguments: rows) func missingStaysMissingAndFiniteStaysFinite(_ row: Row) throws {
        for (seed, wild) in [(UInt64(2), false), (3, true)] {
            let transformer = try Self.make(row)
            let input = Self.values(seed, wild: wild)
            for learnsFirst in [false, true] {
                let block = Block(input, learnsFirst: learnsFirst)
                block.run(transformer, learns: true)
                for (before, after) in zip(input, block.values) {
                    #expect(
                        !row.keepsMissing || after.isNaN == (before.isNaN && row.name != "impute"), "seed \(seed)")
                    #expect(!after.isInfinite, "seed \(seed)")
                }
                for (before, after) in zip(input, block.learningValues) {
                    #expect(
                        !row.keepsMissing || after.isNaN == (before.isNaN && row.name != "impute"), "seed \(seed)")
                    #expect(!after.isInfinite, "seed \(seed)")
                }
            }
            #expect(isFinite(transformer), "seed \(seed)")
        }
    }

    @Test(arguments: rows) func infinityIsNotLearned(_ row: Row) throws {
        let transformer = try Self.make(row)
        Block([.infinity, -.infinity, .nan, .infinity, 1, .infinity]).run(transformer, learns: true)
        #expect(isFinite(transformer))
    }

    @Test(arguments: rows) func batchSizeDoesNotMatter(_ row: Row) throws {
        let input = Self.values(4)
        for learnsFirst in [false, true] {
            let whole = try Self.make(row)
            let block = Block(input, learnsFirst: learnsFirst)
            block.run(whole, learns: true)
            let parts = try Self.make(row)
            var start = 0
            for size in [1, 2, 7, 90, 200] {
                let slice = (0..<3).flatMap { column in input[column * 300 + start..<column * 300 + start + size] }
                let part = Block(slice, learnsFirst: learnsFirst)
                part.run(parts, learns: true)
                for column in 0..<3 {
                    for index in 0..<size {
                        let expected = block.values[column * 300 + start + index]
                        let found = part.values[column * size + index]
                        #expect(found.bitPattern == expected.bitPattern)
                    }
                }
                start += size
            }
            #expect(start == 300)
            #expect(whole.digest == parts.digest)
        }
    }
}

/// Three columns of numbers on their way through a transformer.
final class Block {
    private(set) var values: [Double]
    private(set) var learningValues: [Double]
    private let learnsFirst: Bool

    init(_ values: [Double], learnsFirst: Bool = false) {
        self.values = values
        learningValues = learnsFirst ? values : []
        self.learnsFirst = learnsFirst
    }

    func run(_ transformer: any Transformer, learns: Bool, learnedRows: (Int) -> Bool = { _ in true }) {
        let rows = values.count / 3
        let flags = (0..<rows).map(learnedRows)
        let learnsFirst = learnsFirst
        values.withUnsafeMutableBufferPointer { values in
            learningValues.withUnsafeMutableBufferPointer { learning in
                flags.withUnsafeBufferPointer { flags in
                    guard let first = values.baseAddress else { return }
                    transformer.process(
                        NumberColumns(
                            rows: rows, stride: rows, count: 3, values: first,
                            learningValues: learnsFirst ? learning.baseAddress : nil,
                            learns: learns ? flags.baseAddress : nil))
                }
            }
        }
    }
}
