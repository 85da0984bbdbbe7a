import Testing

@testable import Generators

@Suite("Registry and options")
struct RegistryTests {
    @Test func names() {
        let names = GeneratorRegistry.all.map(\.name)
        let expected = [
            "agrawal", "clicks", "hyperplane", "led", "payments", "random-rbf", "random-tree", "sea", "sine", "stagger",
            "waveform",
        ]
        #expect(names == expected)
        for descriptor in GeneratorRegistry.all {
            for option in descriptor.options { #expect(option.range.contains(option.defaultValue)) }
            let distinct = Set(descriptor.options.map(\.name))
            #expect(distinct.count == descriptor.options.count)
        }
    }

    @Test func nearestNames() throws {
        #expect(throws: GeneratorError.unknownGenerator(name: "stager", nearest: "stagger")) {
            try GeneratorRegistry.find("stager")
        }
        #expect(throws: GeneratorError.unknownOption(generator: "sea", name: "nois", nearest: "noise")) {
            try makeGenerator("sea", ["nois": 1])
        }
        #expect(throws: GeneratorError.unknownFormat(name: "json", nearest: "jsonl")) { try RecordFormat.find("json") }
        let message = "\(GeneratorError.unknownGenerator(name: "stager", nearest: "stagger"))"
        #expect(message == "there is no generator \"stager\"; did you mean \"stagger\"?")
    }

    @Test func valuesAreChecked() throws {
        #expect(throws: GeneratorError.outOfRange(generator: "sea", option: "function", value: 5, range: 1...4)) {
            try makeGenerator("sea", ["function": 5])
        }
        #expect(throws: GeneratorError.notWhole(generator: "sea", option: "function", value: 1.5)) {
            try makeGenerator("sea", ["function": 1.5])
        }
        #expect(throws: GeneratorError.self) { try makeGenerator("sea", ["function": .nan]) }
        #expect(throws: GeneratorError.self) {
            try makeGenerator("hyperplane", ["attributes": 2, "drift-attributes": 3])
        }
        #expect(throws: GeneratorError.self) {
            try makeGenerator("random-rbf", ["attributes": 10_000, "centroids": 1e5])
        }
        #expect(throws: GeneratorError.self) {
            try makeGenerator("random-tree", ["nominals": 2, "numerics": 0, "depth": 5, "first-leaf-level": 5])
        }
        #expect(throws: GeneratorError.self) {
            try makeGenerator("random-tree", ["depth": 64, "first-leaf-level": 64])
        }
    }

    @Test("every option can be at either end of its range or is refused", arguments: GeneratorRegistry.all.map(\.name))
    func extremes(name: String) throws {
        // Counts at their upper end would only make the test slow.
        for option in try GeneratorRegistry.find(name).options {
            for value in [option.range.lowerBound, min(option.range.upperBound, 60)] {
                guard var generator = try? makeGenerator(name, [option.name: value]) else { continue }
                let fields = generator.fields
                #expect(fields.last?.name == "class")
                let areFinite = records(&generator, count: 20).allSatisfy { $0.allSatisfy { $0.isFinite } }
                #expect(areFinite)
            }
        }
    }

    @Test func copiesContinueAlike() throws {
        for descriptor in GeneratorRegistry.all {
            var original = try descriptor.make(11, [:])
            _ = records(&original, count: 37)
            var copy = original
            #expect(records(&original, count: 50) == records(&copy, count: 50), "\(descriptor.name)")
        }
    }

    private func makeGenerator(_ name: String, _ options: [String: Double]) throws -> any RecordGenerator {
        try GeneratorRegistry.find(name).make(nil, options)
    }
}
