import Testing

@testable import Generators

@Suite("Generators against MOA's output")
struct GoldenTests {
    @Test("the goldens cover every generator MOA has, in three settings or more")
    func coverage() {
        #expect(GoldenCase.all.count == 49)
        for descriptor in GeneratorRegistry.all where !["clicks", "payments"].contains(descriptor.name) {
            let cases = GoldenCase.all.filter { $0.name == descriptor.name }
            #expect(cases.count >= 3, "\(descriptor.name)")
            #expect(cases.contains { $0.options.isEmpty && $0.seed == 1 }, "\(descriptor.name)")
        }
    }

    @Test("10,000 records are identical to the bit", arguments: GoldenCase.all)
    func identical(golden: GoldenCase) throws {
        var generator = try makeGenerator(golden.name, seed: golden.seed, golden.options)
        let made = records(&generator, count: 10_000)
        #expect(Array(made.prefix(golden.rows.count)) == golden.rows)
        #expect(!golden.rows.isEmpty)
        var checksum = Checksum()
        for record in made { for value in record { checksum.add(value) } }
        #expect(checksum.value == golden.checksum)
    }

    @Test("columns have the names and categories of MOA's header", arguments: GoldenCase.all)
    func header(golden: GoldenCase) throws {
        guard !golden.fields.isEmpty else { return }
        let fields = try makeGenerator(golden.name).fields
        #expect(fields.map(\.name) == golden.fields.map(\.name))
        for (field, expected) in zip(fields, golden.fields) {
            if let categories = expected.categories {
                #expect(field.kind == .categorical(categories))
            } else {
                #expect(field.kind == .numeric)
            }
        }
    }
}
