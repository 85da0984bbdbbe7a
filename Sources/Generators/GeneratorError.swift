/// Why a generator could not be made.
public enum GeneratorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No generator has this name.
    case unknownGenerator(name: String, nearest: String)
    /// The generator has no option of this name.
    case unknownOption(generator: String, name: String, nearest: String?)
    /// The value of an option is not one of those allowed.
    case outOfRange(generator: String, option: String, value: Double, range: ClosedRange<Double>)
    /// The option takes whole numbers only.
    case notWhole(generator: String, option: String, value: Double)
    /// Each value is allowed, but not together.
    case conflictingOptions(generator: String, reason: String)
    /// No record format has this name.
    case unknownFormat(name: String, nearest: String)

    public var description: String {
        switch self {
        case .unknownGenerator(let name, let nearest):
            "there is no generator \"\(name)\"; did you mean \"\(nearest)\"?"
        case .unknownOption(let generator, let name, let nearest?):
            "the generator \(generator) has no option \"\(name)\"; did you mean \"\(nearest)\"?"
        case .unknownOption(let generator, let name, nil):
            "the generator \(generator) has no option \"\(name)\"; it takes none"
        case .outOfRange(let generator, let option, let value, let range):
            "the option \(option) of the generator \(generator) is \(Self.text(value)); it must be from "
                + "\(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))"
        case .notWhole(let generator, let option, let value):
            "the option \(option) of the generator \(generator) is \(Self.text(value)); it must be a whole number"
        case .conflictingOptions(let generator, let reason):
            "the generator \(generator) cannot be made: \(reason)"
        case .unknownFormat(let name, let nearest):
            "there is no record format \"\(name)\"; did you mean \"\(nearest)\"?"
        }
    }

    private static func text(_ value: Double) -> String { DecimalText.string(value) }
}
