import Components
import Foundation
import Records
import State
import Testing

@testable import Preprocessing

/// What river, scikit-learn, scipy and Python's datetime make of the same data (scripts/make_preprocessing_goldens.py).
@Suite struct StepGoldenTests {
    let goldens: [String: Any]

    init() throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/steps", withExtension: "json"))
        goldens = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    }

    func column(_ name: String) throws -> [Double] {
        let list = try #require(goldens[name] as? [Any])
        return list.map { ($0 as? NSNumber)?.doubleValue ?? .nan }
    }

    func table(_ name: String) throws -> [[Double]] { try #require(goldens[name] as? [[Double]]) }

    /// Runs a step over records; learned rows before `learned`, transformed all.
    func transform(
        _ name: String, _ fields: [String: String] = [:], _ rows: [[Double]], learns: Bool = true,
        by transformer: (any Transformer)? = nil
    ) throws -> [[Double]] {
        let entry = try #require(TransformerRegistry.all.first { $0.descriptor.name == name })
        let width = rows[0].count
        let step = try transformer ?? entry.make(Hyperparameters(entry.descriptor, given: fields), width)
        var values = (0..<width).flatMap { column in rows.map { $0[column] } }
        let flags = [Bool](repeating: true, count: rows.count)
        values.withUnsafeMutableBufferPointer { values in
            flags.withUnsafeBufferPointer { flags in
                guard let first = values.baseAddress else { return }
                step.process(
                    NumberColumns(
                        rows: rows.count, stride: rows.count, count: width, values: first, learningValues: nil,
                        learns: learns ? flags.baseAddress : nil))
            }
        }
        return rows.indices.map { row in (0..<width).map { values[$0 * rows.count + row] } }
    }

    func agree(_ found: [Double], _ expected: [Double], _ tolerance: Double = 1e-9, _ what: String = "") {
        #expect(found.count == expected.count, "\(what)")
        for (row, (a, b)) in zip(found, expected).enumerated() {
            let isEqual = a.isNaN && b.isNaN || abs(a - b) <= tolerance * max(1, abs(b))
            #expect(isEqual, "\(what) row \(row): \(a), expected \(b)")
        }
    }

    @Test func robustEqualsScikitLearn() throws {
        agree(try transform("robust", [:], column("skewed").map { [$0] }).map { $0[0] }, try column("robust"))
    }

    @Test(arguments: ["l1", "l2", "max"]) func normalizeEqualsScikitLearn(_ norm: String) throws {
        let found = try transform("normalize", ["norm": norm], table("mixed"))
        agree(found.flatMap { $0 }, try table("normalize_\(norm)").flatMap { $0 })
    }

    @Test func powerEqualsScipy() throws {
        let expected = try #require(goldens["power"] as? [String: [Double]])
        let input = try table("mixed").map { [$0[0]] }
        #expect(expected.count == 6)
        for (exponent, values) in expected {
            agree(try transform("power", ["exponent": exponent], input).map { $0[0] }, values, 1e-9, exponent)
        }
    }

    @Test func powerFindsTheLikeliestExponent() throws {
        let input = try column("skewed").map { [$0] }
        let step = Power(columns: 1, exponent: nil)
        _ = try transform("power", [:], input, by: step)
        let chosen = try #require(step.state[0].array as? StateArray<Double>)[0]
        let likeliest = try #require(goldens["power_exponent"] as? Double)
        #expect(abs(chosen - likeliest) <= 0.25, "\(chosen), scikit-learn \(likeliest)")
    }

    @Test(arguments: ["pca", "zca"]) func whitenEqualsScikitLearn(_ method: String) throws {
        let input = try table("correlated")
        let step = Whiten(
            columns: 3, Whiten.Rule(isPCA: method == "pca", every: Double(input.count), fading: 0, epsilon: 0))
        let untouched = try transform("whiten", [:], input, by: step)
        #expect(untouched == input, "numbers pass as they are until there is a covariance")
        let found = try transform("whiten", [:], input, learns: false, by: step)
        let expected = try table("whiten_\(method)")
        for column in 0..<3 {
            // Directions are unique up to their sign.
            let sign = method == "pca" && found[0][column] * expected[0][column] < 0 ? -1.0 : 1
            agree(found.map { sign * $0[column] }, expected.map { $0[column] }, 1e-8, "\(method) \(column)")
        }
    }

    @Test func componentsEqualScikitLearn() throws {
        let bench = StepBench(numbers: ["a", "b", "c"])
        let input = try table("correlated").map { StepBench.Record(numbers: $0, target: 0) }
        try bench.add("pca", ["components": "3", "every": String(input.count)])
        let early = bench.run(input).numbers
        #expect(early[0][3].isNaN && !early[40][3].isNaN)
        let found = bench.run(input, learns: false).numbers
        let expected = try table("pca")
        for column in 0..<3 {
            // Directions are unique up to their sign.
            let sign = found[0][3 + column] * expected[0][column] < 0 ? -1.0 : 1
            agree(found.map { sign * $0[3 + column] }, expected.map { $0[column] }, 1e-8, "component \(column)")
        }
    }

    @Test func modeEqualsRiver() throws {
        let found = try transform("impute", ["strategy": "mode"], column("mode_input").map { [$0] })
        agree(found.map { $0[0] }, try column("mode"))
    }

    @Test func polynomialEqualsRiver() throws {
        let bench = StepBench(numbers: ["a", "b", "c"])
        try bench.add("polynomial")
        #expect(Array(bench.layout.numberNames.dropFirst(3)) == ["a*a", "a*b", "a*c", "b*b", "b*c", "c*c"])
        let found = bench.run(try table("mixed").map { StepBench.Record(numbers: $0) }).numbers
        agree(found.flatMap { $0.dropFirst(3) }, try table("polynomial").flatMap { $0 })
    }

    @Test func ordinalEqualsRiver() throws {
        let bench = StepBench(categories: ["c"])
        try bench.add("ordinal-encode")
        let records = try column("categories").map { StepBench.Record(categories: [UInt64($0)], target: 1) }
        agree(bench.run(records).numbers.map { $0[0] }, try column("ordinal"))
    }

    @Test func targetEncodeEqualsScikitLearn() throws {
        let bench = StepBench(categories: ["c"])
        try bench.add("target-encode", ["smoothing": "10"])
        let records = zip(try column("categories"), try column("labels")).map {
            StepBench.Record(categories: [UInt64($0)], target: $1)
        }
        bench.run(records)
        let expected = try #require(goldens["target_encode"] as? [String: Double])
        #expect(expected.count == 7)
        for (category, mean) in expected {
            let asked = StepBench.Record(categories: [try #require(UInt64(category))])
            agree(bench.run([asked], learns: false).numbers[0], [mean], 1e-12, category)
        }
    }

    @Test func textEqualsRiver() throws {
        let records = try #require(goldens["texts"] as? [String]).map { StepBench.Record(raw: [$0], target: 1) }
        for (fields, name, tolerance) in [
            (["weighting": "tf-idf"], "tfidf", 1e-6), (["most": "2"], "bag", 0),
        ] {
            let bench = StepBench(raw: ["t"])
            try bench.add("text", fields.merging(["fields": "t"]) { $1 })
            let found = bench.run(records).words.map { $0.map { Double($0.value) }.sorted() }
            for (row, (values, expected)) in zip(found, try table(name)).enumerated() {
                agree(values, expected, tolerance, "\(name) \(row)")
            }
        }
    }

    @Test func rollingEqualsRiver() throws {
        let bench = StepBench(numbers: ["x"])
        try bench.add("rolling", ["window": "7", "statistics": "mean+variance+min+max"])
        let found = bench.run(try column("skewed").map { StepBench.Record(numbers: [$0], target: 1) }).numbers
        let expected = try #require(goldens["rolling"] as? [String: [Any]])
        for (place, name) in ["mean", "variance", "min", "max"].enumerated() {
            let values = try #require(expected[name]).map { ($0 as? NSNumber)?.doubleValue ?? .nan }
            agree(found.map { $0[1 + place] }, values, 1e-9, name)
        }
    }

    @Test func selectionScoresEqualScikitLearn() throws {
        let rows = try table("sparse")
        let labels = try column("sparse_labels")
        let context = SelectionContext(
            slotCount: 8, denseCount: 8, numberNames: ["a", "b", "c", "d", "e"], task: .binary)
        for (measure, name) in [
            (TopFeatures.Measure.chi2, "chi2"), (.mutualInformation, "mutual_information"),
            (.correlation, "correlation"),
        ] {
            let selector = TopFeatures(context, count: 2, measure: measure, every: Double(rows.count))
            learn(selector, rows, labels)
            let expected = try column(name)
            agree((0..<5).map { selector.score($0) }, expected, 1e-5, name)
            let best = (0..<5).sorted { expected[$0] > expected[$1] }.prefix(2)
            #expect((0..<5).filter(selector.keeps) == best.sorted(), "\(name)")
            #expect(selector.notes.first?.text == best.map { context.name($0) }.joined(separator: ", "))
        }
        let variance = VarianceThreshold(context, threshold: 1.5, after: Double(rows.count))
        learn(variance, rows, labels)
        agree((0..<5).filter(variance.keeps).map(Double.init), try column("kept_by_variance"))
    }

    func learn(_ selector: any FeatureSelector, _ rows: [[Double]], _ labels: [Double]) {
        for (row, label) in zip(rows, labels) {
            let present = row.indices.filter { row[$0] != 0 }
            selector.learn(present.map(UInt32.init), present.map { Float(row[$0]) }, present.count, target: label)
        }
    }

    @Test func timesEqualDatetime() throws {
        let times = try #require(goldens["times"] as? [[String: Any]])
        #expect(times.count == 5)
        let parts = Timestamp.Part.allCases
        for time in times {
            let bench = StepBench(raw: ["t"])
            try bench.add("time", ["fields": "t", "parts": parts.map(\.rawValue).joined(separator: "+")])
            let text = try #require(time["text"] as? String)
            let found = bench.run([StepBench.Record(raw: [text])]).numbers[0]
            let expected = try parts.map { try #require(time[$0.rawValue] as? NSNumber).doubleValue }
            agree(found, expected, 1e-12, text)
        }
    }
}
