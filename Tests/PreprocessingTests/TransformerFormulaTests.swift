import Components
import State
import Testing

@testable import Preprocessing

/// Each transformer against its formula, computed plainly.
@Suite struct TransformerFormulaTests {
    private func run(_ name: String, _ fields: [String: String] = [:], _ column: [Double]) throws -> Block {
        let entry = try #require(TransformerRegistry.all.first { $0.descriptor.name == name })
        let transformer = try entry.make(Hyperparameters(entry.descriptor, given: fields), 3)
        let block = Block(column + column + column, learnsFirst: true)
        block.run(transformer, learns: true)
        return block
    }

    private func agree(_ found: ArraySlice<Double>, _ expected: [Double], seed: UInt64) {
        #expect(found.count == expected.count)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-9 * max(1, abs(b)), "\(a) \(b), seed \(seed)") }
    }

    private func column(_ seed: UInt64, _ count: Int = 500) -> [Double] {
        let generator = RandomGenerator(seed: seed)
        return (0..<count).map { _ in generator.nextUniform() * 1e4 + 1e6 }
    }

    /// River's recursion for the population variance, v += ((x - m)(x - m') - v) / n.
    @Test(arguments: [UInt64(1), 2]) func standardizeEqualsRiver(_ seed: UInt64) throws {
        let input = column(seed)
        var (n, mean, variance) = (0.0, 0.0, 0.0)
        var predicted: [Double] = []
        var learned: [Double] = []
        for x in input {
            predicted.append(variance != 0 ? (x - mean) / variance.squareRoot() : 0)
            n += 1
            let old = mean
            mean += (x - old) / n
            variance += ((x - old) * (x - mean) - variance) / n
            learned.append(variance != 0 ? (x - mean) / variance.squareRoot() : 0)
        }
        let block = try run("standardize", [:], input)
        agree(block.values[500..<1000], predicted, seed: seed)
        agree(block.learningValues[500..<1000], learned, seed: seed)
    }

    @Test func adaptiveEqualsRiver() throws {
        let input = column(3).map { $0 - 1e6 }
        var (mean, squares) = (0.0, 0.0)
        var learned: [Double] = []
        for (index, x) in input.enumerated() {
            mean = index == 0 ? x : 0.3 * x + 0.7 * mean
            squares = index == 0 ? x * x : 0.3 * x * x + 0.7 * squares
            let variance = squares - mean * mean
            learned.append(variance > 0 ? (x - mean) / variance.squareRoot() : 0)
        }
        let block = try run("adaptive-standardize", ["fading": "0.3"], input)
        agree(block.learningValues[0..<500], learned, seed: 3)
    }

    @Test func rangesEqualTheirFormulas() throws {
        let input = [3, -1, 5, 5, -8, 0.5]
        let range = try run("min-max", [:], input)
        agree(range.learningValues[0..<6], [0, 0, 1, 1, 0, 8.5 / 13], seed: 0)
        agree(range.values[0..<6], [0, 0, 1.5, 1, -7.0 / 6, 8.5 / 13], seed: 0)
        let largest = try run("max-abs", [:], input)
        agree(largest.learningValues[0..<6], [1, -1.0 / 3, 1, 1, -1, 0.5 / 8], seed: 0)
        agree(largest.values[0..<2], [0, -1.0 / 3], seed: 0)
    }

    @Test func imputeFills() throws {
        let input = [Double.nan, 4, .nan, 8, 9, .nan]
        let expectations: [([String: String], [Double])] = [
            ([:], [0, 4, 4, 8, 9, 7]), (["value": "5"], [5, 4, 4, 8, 9, 7]),
            (["strategy": "previous"], [0, 4, 4, 8, 9, 9]), (["strategy": "median"], [0, 4, 4, 8, 9, 8]),
            (["strategy": "constant", "value": "-1"], [-1, 4, -1, 8, 9, -1]),
        ]
        for (fields, expected) in expectations {
            let block = try run("impute", fields, input)
            #expect(Array(block.values[0..<6]) == expected, "\(fields)")
        }
    }

    @Test func clipWaitsForAHundredValues() throws {
        var input = column(5, 99)
        input += [1e9, 1e9, -1e9]
        let block = try run("clip", ["lower": "0.05", "upper": "0.95"], input)
        // The hundredth value meets 99 others and passes; the next one meets a hundred.
        #expect(block.values[99] == 1e9)
        #expect(block.values[100] < 1.02e6)
        #expect(block.values[101] >= 1e6)
        #expect(throws: SettingError.self) { try run("clip", ["lower": "0.5", "upper": "0.5"], [1]) }
    }
}
