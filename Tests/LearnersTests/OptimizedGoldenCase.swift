import Components
import Foundation
import Preprocessing
import Records
import Testing

@testable import Learners

/// One run of River 0.26.1 over a file: what was configured, and the metrics and sampled predictions that came out.
struct OptimizedGoldenCase: Decodable, CustomTestStringConvertible {
    let name: String
    let file: String
    let rows: Int
    let target: String
    let task: String
    let positive: String
    let features: [String]
    let categorical: [String]
    let preprocess: [String]
    let settings: [String: String]
    /// Row i has weight 1 + (i % 3) / 2.
    let isWeighted: Bool
    /// Whether cells (i, j) with (7i + 3j) % 11 = 0 are missing: "", "all" or "after-first".
    let missing: String
    let metrics: [String: Double]
    /// By row: by class (binary: "1"; regression: "0").
    let predictions: [String: [String: Double]]

    var testDescription: String { name }

    static let all: [OptimizedGoldenCase] = {
        guard let url = Bundle.module.url(forResource: "Fixtures/optimized-goldens", withExtension: "json"),
            let data = try? Data(contentsOf: url)
        else { return [] }
        return (try? JSONDecoder().decode([OptimizedGoldenCase].self, from: data)) ?? []
    }()

    private var fixture: URL? { Bundle.module.url(forResource: "Fixtures/\(file)", withExtension: nil) }

    /// Whether the file comes with the package.
    var isFixture: Bool { fixture != nil }

    /// The folder of shared data beside the package, on the machines that have it.
    private static let shared = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/data").standardizedFileURL

    var url: URL { fixture ?? Self.shared.appendingPathComponent(file) }

    private static let missing = Set(all.filter { !FileManager.default.fileExists(atPath: $0.url.path) }.map(\.file))

    static var hasSharedData: Bool { missing.isEmpty }

    static var sharedDataIsMissing: String { "needs in ../shared/data: \(missing.sorted().joined(separator: ", "))" }
}

/// The rows of a golden case's file, preprocessed as River does: transformers learn a row before they transform it for
/// learning.
final class OptimizedGoldenRows {
    let golden: OptimizedGoldenCase
    let count: Int
    /// By feature, in the golden's order: rows of numbers to predict with, and to learn from.
    private(set) var values: [Double]
    private(set) var learningValues: [Double]
    let numeric: [String]
    /// By row: slots of its category values.
    private(set) var categories: [[UInt32]]
    private(set) var slotCount: Int
    private(set) var targets: [Double] = []
    /// Class indices in order of appearance; binary: 1 = positive.
    private(set) var classes: [Int] = []
    private(set) var classNames: [String] = []

    /// - Parameter limit: rows to read at most.
    init(_ golden: OptimizedGoldenCase, _ url: URL, limit: Int) throws {
        self.golden = golden
        let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        let lines = text.split(maxSplits: limit + 1, whereSeparator: \.isNewline).prefix(min(golden.rows, limit) + 1)
        let header = lines[lines.startIndex].split(separator: ",").map(String.init)
        let cells = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        count = cells.count
        numeric = golden.features.filter { !golden.categorical.contains($0) }
        values = []
        categories = Array(repeating: [], count: count)
        for name in numeric {
            let column = try #require(header.firstIndex(of: name))
            values += try cells.map { try #require(Double($0[column])) }
        }
        learningValues = []
        slotCount = numeric.count
        try readCategories(header, cells)
        try readTargets(header, cells)
        removeMissing()
        try preprocess()
    }

    private func readCategories(_ header: [String], _ cells: [[Substring]]) throws {
        var slots: [String: UInt32] = [:]
        for name in golden.categorical {
            let column = try #require(header.firstIndex(of: name))
            for row in 0..<count {
                let key = "\(name)_\(cells[row][column])"
                let slot = slots[key] ?? UInt32(numeric.count + slots.count)
                slots[key] = slot
                categories[row].append(slot)
            }
        }
        slotCount += slots.count
    }

    private func readTargets(_ header: [String], _ cells: [[Substring]]) throws {
        let column = try #require(header.firstIndex(of: golden.target))
        var indices: [String: Int] = [:]
        for row in cells {
            let text = String(row[column])
            targets.append(Double(text) ?? .nan)
            if golden.task == "binary" {
                classes.append(text == golden.positive ? 1 : 0)
            } else {
                if indices[text] == nil {
                    indices[text] = classNames.count
                    classNames.append(text)
                }
                classes.append(indices[text] ?? -1)
            }
        }
    }

    private func removeMissing() {
        guard !golden.missing.isEmpty else { return }
        for feature in numeric.indices {
            for row in 0..<count where (row * 7 + feature * 3) % 11 == 0 && (row > 0 || golden.missing == "all") {
                values[feature * count + row] = .nan
            }
        }
    }

    private func preprocess() throws {
        learningValues = values
        let learns = [Bool](repeating: true, count: count)
        for text in golden.preprocess {
            let specification = try ComponentSpecification(parsing: text)
            let transformer = try #require(
                TransformerRegistry.all.first { $0.descriptor.name == specification.name })
            let parameters = try Hyperparameters(transformer.descriptor, given: specification.fields)
            let step = try transformer.make(parameters, numeric.count)
            values.withUnsafeMutableBufferPointer { values in
                learningValues.withUnsafeMutableBufferPointer { learning in
                    learns.withUnsafeBufferPointer { learns in
                        guard let first = values.baseAddress else { return }
                        step.process(
                            NumberColumns(
                                rows: count, stride: count, count: numeric.count, values: first,
                                learningValues: learning.baseAddress, learns: learns.baseAddress))
                    }
                }
            }
        }
    }

    /// Fills a batch with the rows `range`.
    func fill(_ batch: FeatureBatch, _ range: Range<Int>) {
        batch.recycle()
        batch.allocateLearningValues()
        var position = 0
        for row in range {
            batch.offsets[batch.rows] = position
            batch.reserveFeatures(position + numeric.count + categories[row].count, keeping: position)
            for feature in numeric.indices {
                batch.indices[position] = UInt32(feature)
                batch.values[position] = Float(values[feature * count + row])
                batch.learningValues?[position] = Float(learningValues[feature * count + row])
                position += 1
            }
            for slot in categories[row] {
                batch.indices[position] = slot
                batch.values[position] = 1
                batch.learningValues?[position] = 1
                position += 1
            }
            batch.targets[batch.rows] = targets[row]
            batch.classes[batch.rows] = Int32(classes[row])
            batch.weights[batch.rows] = golden.isWeighted ? 1 + Float(row % 3) / 2 : 1
            batch.rows += 1
            batch.offsets[batch.rows] = position
        }
    }
}
