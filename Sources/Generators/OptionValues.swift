import Components

/// The settings of one generator: every declared option has a value, and each value was checked.
struct OptionValues: Sendable {
    private let generator: String
    private let values: [String: Double]

    init(_ given: [String: Double], generator: String, declared: [GeneratorOption]) throws(GeneratorError) {
        // Sorted, so that the same mistakes always give the same message.
        for name in given.keys.sorted() where !declared.contains(where: { $0.name == name }) {
            let nearest = nearestName(name, declared.map(\.name))
            throw .unknownOption(generator: generator, name: name, nearest: nearest)
        }
        var values: [String: Double] = [:]
        for option in declared {
            let value = given[option.name] ?? option.defaultValue
            guard option.range.contains(value) else {
                throw .outOfRange(generator: generator, option: option.name, value: value, range: option.range)
            }
            guard !option.isWhole || value == value.rounded() else {
                throw .notWhole(generator: generator, option: option.name, value: value)
            }
            values[option.name] = value
        }
        self.generator = generator
        self.values = values
    }

    /// The value of an option the generator declared.
    func real(_ name: String) -> Double {
        guard let value = values[name] else {
            preconditionFailure("\(generator) reads the option \(name), which it does not declare")
        }
        return value
    }

    func whole(_ name: String) -> Int { Int(real(name)) }

    func flag(_ name: String) -> Bool { real(name) != 0 }

    /// The seed of the hidden concept; a negative one is sign-extended, as Java does when it widens an `int`.
    var modelSeed: UInt64 { UInt64(bitPattern: Int64(whole("model-seed"))) }

    /// An error about a combination of options.
    func conflict(_ reason: String) -> GeneratorError {
        .conflictingOptions(generator: generator, reason: reason)
    }
}
