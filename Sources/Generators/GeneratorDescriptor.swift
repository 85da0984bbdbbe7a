/// One setting of a generator. Integers and booleans (0 or 1) are given as `Double`.
public struct GeneratorOption: Sendable {
    /// The name, in kebab-case.
    public let name: String
    /// What it does, in one line, with its unit.
    public let summary: String
    /// The value when the option is not given.
    public let defaultValue: Double
    /// The values allowed.
    public let range: ClosedRange<Double>
    /// Whether only whole numbers are allowed.
    let isWhole: Bool

    static func real(
        _ name: String, _ summary: String, _ defaultValue: Double, in range: ClosedRange<Double>
    ) -> GeneratorOption {
        GeneratorOption(name: name, summary: summary, defaultValue: defaultValue, range: range, isWhole: false)
    }

    static func whole(
        _ name: String, _ summary: String, _ defaultValue: Int, in range: ClosedRange<Int>
    ) -> GeneratorOption {
        let bounds = Double(range.lowerBound)...Double(range.upperBound)
        return GeneratorOption(
            name: name, summary: summary, defaultValue: Double(defaultValue), range: bounds, isWhole: true)
    }

    static func flag(_ name: String, _ summary: String) -> GeneratorOption {
        whole(name, summary, 0, in: 0...1)
    }

    /// MOA keeps seeds in 32-bit integers, so its negative ones are allowed too.
    static let modelSeed = whole(
        "model-seed", "seed of the hidden concept, separate from the seed of the records", 1,
        in: Int(Int32.min)...Int(Int32.max))
}

/// What can be known about a generator before making one.
public struct GeneratorDescriptor: Sendable {
    /// The name, in kebab-case.
    public let name: String
    /// What it generates and where it comes from, in one line.
    public let summary: String
    /// The settings it takes.
    public let options: [GeneratorOption]
    /// Makes a generator. A nil seed means 1, MOA's default; options not given have their defaults.
    public let make:
        @Sendable (_ seed: UInt64?, _ options: [String: Double]) throws(GeneratorError) -> any RecordGenerator

    init(
        name: String, summary: String, options: [GeneratorOption],
        build: @escaping @Sendable (UInt64, OptionValues) throws(GeneratorError) -> any RecordGenerator
    ) {
        self.name = name
        self.summary = summary
        self.options = options
        self.make = { (seed: UInt64?, given: [String: Double]) throws(GeneratorError) -> any RecordGenerator in
            try build(seed ?? 1, OptionValues(given, generator: name, declared: options))
        }
    }
}
