import Records
import Testing

@testable import Formats

@Suite struct SchemaInferenceTests {
    /// A sample of one field beside a target, values as CSV would give them.
    private func sample(_ columns: [(String, [String])]) -> Sample {
        var sample = Sample()
        for row in 0..<(columns.map(\.1.count).max() ?? 0) {
            for (name, values) in columns where row < values.count {
                var text = values[row]
                sample.add(name, text.withUTF8 { SampledValue(text: $0) })
            }
            sample.records += 1
        }
        return sample
    }

    private static func cycle(_ values: [String], _ count: Int) -> [String] {
        (0..<count).map { values[$0 % values.count] }
    }

    private static let roles: [(String, [String], FieldRole)] = [
        ("distinct fractions", (0..<100).map { "\(Double($0) + 0.5)" }, .numeric),
        ("distinct whole numbers", (0..<100).map(String.init), .numeric),
        ("just too many whole numbers", (0..<100).map { "\($0 % 76)" }, .numeric),
        ("whole numbers that repeat", (0..<100).map { "\($0 % 75)" }, .both),
        ("ten fractions", (0..<100).map { "\(Double($0 % 10) + 0.5)" }, .both),
        ("eleven fractions", (0..<100).map { "\(Double($0 % 11) + 0.5)" }, .numeric),
        ("three values", cycle(["1", "2", "3"], 9), .both),
        ("two values", cycle(["0", "1"], 50), .numeric),
        ("one value", cycle(["7"], 50), .numeric),
        ("words", cycle(["red", "green"], 10), .categorical),
        ("numbers and a word", cycle(["1", "2", "x"], 10), .categorical),
        ("numbers and missing", cycle(["1.5", "NA", "?"], 30), .numeric),
        ("nothing", cycle([""], 10), .categorical),
        ("sentences", (0..<10).map { "this is sentence \($0)" }, .text),
        ("the same sentence", cycle(["this is one sentence"], 10), .categorical),
        ("two words", (0..<10).map { "word \($0)" }, .categorical),
        ("out of range", ["1e999", "2"], .numeric),
    ]

    @Test func rolesFollowFromValues() throws {
        for (name, values, role) in Self.roles {
            let schema = try SchemaInference.infer(sample([("x", values)]), SchemaOptions())
            #expect(schema.fields == [Field("x", role)], "\(name)")
        }
    }

    @Test func valuesOfJSONHaveRolesToo() throws {
        func role(_ values: [SampledValue]) throws -> FieldRole? {
            var sample = Sample()
            for value in values {
                sample.add("x", value)
                sample.records += 1
            }
            return try SchemaInference.infer(sample, SchemaOptions()).fields.first?.role
        }
        #expect(try role([.boolean(true), .boolean(false)]) == .numeric)
        #expect(try role([.missing, .bag, .string("x")]) == .text)
        #expect(try role([.number(1), .boolean(true), .string("x")]) == .categorical)
    }

    @Test func whatIsSaidGoesFirst() throws {
        let columns = ["a", "b", "c", "d", "e", "f", "g", "y", "_id", "_ts", "_weight", "_tag", "_label"]
        var options = SchemaOptions()
        options.target = "y"
        options.id = "a"
        options.weight = "b"
        options.time = "c"
        options.ignored = ["d"]
        options.numeric = ["e"]
        options.categorical = ["f", "_tag"]
        options.text = ["g"]
        let schema = try SchemaInference.infer(sample(columns.map { ($0, ["1", "2"]) }), options)
        #expect(
            schema.fields.map(\.role) == [
                .id, .weight, .time, .ignored, .numeric, .categorical, .text, .target, .id, .time, .weight,
                .categorical,
                .ignored,
            ])
        let reserved = try SchemaInference.infer(sample([("x", ["1"]), ("_label", ["1"])]), SchemaOptions())
        #expect(reserved.fields.map(\.role) == [.numeric, .target])
    }

    @Test func numbersNeedNotBecomeCategories() throws {
        var options = SchemaOptions()
        options.infersCategoriesFromNumbers = false
        #expect(
            try SchemaInference.infer(sample([("x", Self.cycle(["1", "2", "3"], 9))]), options).fields[0].role
                == .numeric)
    }

    private struct TaskCase {
        var name: String
        var values: [String]
        var task: Task
        var classes: [String] = []
        var options = SchemaOptions()
        var declared: [String]?
    }

    private static func with(_ change: (inout SchemaOptions) -> Void) -> SchemaOptions {
        var options = SchemaOptions()
        change(&options)
        return options
    }

    private static let tasks = [
        TaskCase(name: "0 and 1", values: ["1", "0"], task: .binary, classes: ["0", "1"]),
        TaskCase(name: "-1 and +1", values: ["+1", "-1"], task: .binary, classes: ["-1", "1"]),
        TaskCase(name: "1 and 2", values: ["2.0", "1.0"], task: .binary, classes: ["1", "2"]),
        TaskCase(name: "10 and 9, by value", values: ["10", "9"], task: .binary, classes: ["9", "10"]),
        TaskCase(name: "only 1", values: ["1", "?"], task: .binary, classes: ["0", "1"]),
        TaskCase(name: "only 0", values: ["0"], task: .binary, classes: ["0", "1"]),
        TaskCase(name: "only -1", values: ["-1"], task: .binary, classes: ["-1", "1"]),
        TaskCase(name: "only a word", values: ["spam"], task: .binary, classes: ["spam", ""]),
        TaskCase(name: "only true", values: ["true"], task: .binary, classes: ["false", "true"]),
        TaskCase(name: "two words", values: ["spam", "ham"], task: .binary, classes: ["ham", "spam"]),
        TaskCase(name: "three words", values: ["a", "b", "c"], task: .multiclass),
        TaskCase(name: "a word and numbers", values: ["a", "1", "2"], task: .multiclass),
        TaskCase(name: "fractions", values: ["0.5", "1.5"], task: .regression),
        TaskCase(name: "few whole numbers", values: cycle(["1", "2", "3"], 30), task: .multiclass),
        TaskCase(name: "too few of each", values: cycle(["1", "2", "3"], 29), task: .regression),
        TaskCase(name: "twenty whole numbers", values: (0..<200).map { "\($0 % 20)" }, task: .multiclass),
        TaskCase(name: "21 whole numbers", values: (0..<2100).map { "\($0 % 21)" }, task: .regression),
        TaskCase(name: "large numbers", values: cycle(["1e10", "2e10"], 40), task: .regression),
        TaskCase(name: "nothing", values: ["?", "?"], task: .regression),
        TaskCase(
            name: "positive", values: ["spam", "ham"], task: .binary, classes: ["spam", "ham"],
            options: with { $0.positive = "ham" }),
        TaskCase(
            name: "unseen positive", values: ["ham"], task: .binary, classes: ["ham", "spam"],
            options: with { $0.positive = "spam" }),
        TaskCase(
            name: "positive alone", values: ["spam"], task: .binary, classes: ["", "spam"],
            options: with { $0.positive = "spam" }),
        TaskCase(
            name: "said to be regression", values: ["0", "1"], task: .regression,
            options: with { $0.task = .regression }),
        TaskCase(
            name: "classes wanted", values: ["b", "c", "10", "9"], task: .multiclass, classes: ["9", "10", "b", "c"],
            options: with { $0.declaresClasses = true }),
        TaskCase(
            name: "declared, one seen", values: ["yes"], task: .binary, classes: ["no", "yes"], declared: ["yes", "no"]),
        TaskCase(name: "three declared, two seen", values: ["a", "b"], task: .multiclass, declared: ["a", "b", "c"]),
        TaskCase(
            name: "declared order", values: ["a", "b"], task: .multiclass, classes: ["c", "b", "a"],
            options: with { $0.declaresClasses = true }, declared: ["c", "b", "a"]),
    ]

    @Test func tasksAndClassesFollowFromTargets() throws {
        for one in Self.tasks {
            var sample = sample([("x", one.values.map { _ in "1" }), ("y", one.values)])
            sample.declaredClasses["y"] = one.declared
            var options = one.options
            options.target = "y"
            let schema = try SchemaInference.infer(sample, options)
            #expect(schema.task == one.task, "\(one.name)")
            #expect(schema.classes == one.classes, "\(one.name)")
        }
    }

    @Test(arguments: [
        (with { $0.target = "nowhere" }, "there is no field 'nowhere' in the first 3 records; there are: x, y"),
        (with { $0.ignored = ["nowhere"] }, "there is no field 'nowhere' in the first 3 records; there are: x, y"),
        (
            with {
                $0.target = "y"
                $0.task = .binary
            }, "a binary task has two classes, the target's values are a, b, c...; say --task multiclass"
        ),
        (
            with {
                $0.target = "y"
                $0.task = .binary
                $0.positive = "d"
            }, "--positive d: the target's values are a, b, c"
        ),
    ])
    func impossibleWishesAreExplained(_ options: SchemaOptions, _ message: String) {
        let sample = sample([("x", ["1", "2", "3"]), ("y", ["a", "b", "c"])])
        #expect { try SchemaInference.infer(sample, options) } throws: { "\($0)" == message }
    }
}
