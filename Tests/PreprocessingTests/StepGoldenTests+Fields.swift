import Records
import Testing

@testable import Preprocessing

/// Missing values, outliers, keys and several classes, against scikit-learn, River, scipy and numpy on the same data.
extension StepGoldenTests {
    private static let keyed = ["by": "c", "fields": "x"]

    /// The number that a step made of a field in its place, or as the first new one.
    private func made(_ name: String, _ fields: [String: String], _ bench: StepBench, _ records: [StepBench.Record])
        throws
        -> [[Double]]
    {
        try bench.add(name, fields)
        return bench.run(records).numbers
    }

    @Test(arguments: ["mean", "median", "previous"]) func imputeEqualsNumpy(_ strategy: String) throws {
        let found = try transform("impute", ["strategy": strategy], column("mode_input").map { [$0] })
        agree(found.map { $0[0] }, try column("impute_\(strategy)"), 1e-12, strategy)
    }

    @Test func imputeCategoryEqualsRiver() throws {
        let bench = StepBench(categories: ["c"])
        try bench.add("impute-category")
        // The category's code as a number, once it is filled in.
        try bench.add("ordinal-encode")
        let given = try column("category_input").map { $0.isNaN ? 0 : UInt64($0) }
        let filled = try column("category_mode").map { UInt64($0) }
        let found = bench.run(given.map { StepBench.Record(categories: [$0], target: 1) }).numbers.map { $0[0] }
        let twin = StepBench(categories: ["c"])
        try twin.add("ordinal-encode")
        let expected = twin.run(filled.map { StepBench.Record(categories: [$0], target: 1) }).numbers.map { $0[0] }
        agree(found, expected)
        #expect(Set(found).count > 4)
    }

    @Test func groupImputeEqualsRiver() throws {
        let categories = try column("categories")
        let values = try column("mode_input")
        let records = zip(values, categories).map { value, category in
            StepBench.Record(
                numbers: [value], categories: [UInt64(category) % 3 + 1],
                target: 1)
        }
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        let found = try made("group-impute", Self.keyed, bench, records).map { $0[0] }
        let expected = try column("group_mean")
        #expect(expected.count { !$0.isNaN } > 70)
        for (row, (a, b)) in zip(found, expected).enumerated() where !b.isNaN { agree([a], [b], 1e-12, "row \(row)") }
    }

    @Test func logEqualsNumpy() throws {
        agree(try transform("log", [:], table("mixed")).flatMap { $0 }, try table("log").flatMap { $0 }, 1e-14)
    }

    /// Learns all, then transforms all.
    private func fitTransform(_ name: String, _ fields: [String: String]) throws -> [Double] {
        let input = try column("skewed").map { [$0] }
        let entry = try #require(TransformerRegistry.all.first { $0.descriptor.name == name })
        let step = try entry.make(.init(entry.descriptor, given: fields), 1)
        _ = try transform(name, fields, input, by: step)
        return try transform(name, fields, input, learns: false, by: step).map { $0[0] }
    }

    @Test func quantileBinsEqualScikitLearn() throws {
        agree(try fitTransform("quantile-bins", ["bins": "5"]), try column("quantile_bins"))
    }

    @Test func clipEqualsNumpy() throws {
        agree(try fitTransform("clip", ["lower": "0.05", "upper": "0.95"]), try column("clip_quantile"))
    }

    @Test func outliersEqualScipy() throws {
        let bench = StepBench(numbers: ["x"])
        try bench.add("flag-outliers", ["by": "deviation"])
        let records = try column("skewed").map { StepBench.Record(numbers: [$0], target: 1) }
        bench.run(records)
        let expected = try column("outliers")
        #expect(expected.contains(1))
        agree(bench.run(records, learns: false).numbers.map { $0[1] }, expected)
    }

    private func purchases() throws -> [StepBench.Record] {
        let users = try column("categories").map { UInt64($0) % 4 + 1 }
        return zip(try column("skewed"), users).map { StepBench.Record(numbers: [$0], categories: [$1], target: 1) }
    }

    private func rows(_ name: String) throws -> [[Double]] {
        let list = try #require(goldens[name] as? [[Any]])
        return list.map { $0.map { ($0 as? Double) ?? .nan } }
    }

    @Test func lagEqualsPython() throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        let found = try made("lag", Self.keyed.merging(["steps": "1+2"]) { $1 }, bench, purchases())
        agree(found.flatMap { $0.dropFirst() }, try rows("lag").flatMap { $0 }, 0)
    }

    @Test func decayedEqualsNumpy() throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        let found = try made("decayed", Self.keyed.merging(["half-life": "3"]) { $1 }, bench, purchases())
        agree(found.flatMap { $0.dropFirst() }, try rows("decayed").flatMap { $0 }, 1e-9)
    }

    @Test func frequencyEqualsPython() throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        agree(try made("frequency-encode", [:], bench, purchases()).map { $0[1] }, try column("frequency"), 1e-12)
    }

    @Test func expressionEqualsNumpy() throws {
        let bench = StepBench(numbers: ["a", "b", "c"])
        let formula = "a / b + max(exp(a / 10), b ^ 3) - log(abs(a) + 1) * sqrt(abs(c))"
        let found = try made("expression", ["is": formula], bench, table("mixed").map { StepBench.Record(numbers: $0) })
        agree(found.map { $0[3] }, try column("expression"), 1e-12)
    }

    @Test func selectionAmongClassesEqualsScikitLearn() throws {
        let context = SelectionContext(
            slotCount: 8, denseCount: 8, numberNames: ["a", "b", "c", "d", "e"], task: .multiclass)
        let (rows, labels) = (try table("sparse"), try column("three_labels"))
        #expect(Set(labels).count == 3)
        for (measure, name) in [
            (TopFeatures.Measure.chi2, "chi2"), (.mutualInformation, "mutual_information"),
            (.correlation, "correlation"),
        ] {
            let selector = TopFeatures(context, count: 2, measure: measure, every: Double(rows.count))
            learn(selector, rows, labels)
            let expected = try column("three_\(name)")
            agree((0..<5).map { selector.score($0) }, expected, 1e-5, name)
        }
    }
}
