/// A component's settings that a person got wrong: says what, and what would be right.
public struct SettingError: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// A component's validated hyperparameters: what was given, over a preset, over the defaults.
public struct Hyperparameters: Sendable {
    public let descriptor: Descriptor
    private let given: [String: String]

    /// - Throws: when a field is unknown or a value is out of its range.
    public init(_ descriptor: Descriptor, preset: [String: String] = [:], given: [String: String]) throws(SettingError)
    {
        self.descriptor = descriptor
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let field = descriptor.fields.first(where: { $0.name == name }) else {
                let known = descriptor.fields.map(\.name)
                throw SettingError("\(descriptor.name) has no field '\(name)'" + didYouMean(name, known))
            }
            // A number whose default is a word (auto): the word says that it is not given.
            if value != field.defaultText { try Self.check(value, field, descriptor) }
        }
        self.given = preset.merging(given) { $1 }.filter { name, value in
            descriptor.fields.first { $0.name == name }.map { value != $0.defaultText || Self.isValid(value, $0) }
                ?? true
        }
    }

    private static func isValid(_ value: String, _ field: HyperparameterField) -> Bool {
        switch field.kind {
        case .number(let range): Double(value).map { range.contains($0) } ?? false
        case .integer(let range): Int(value).map { range.contains($0) } ?? false
        case .choice(let names): names.contains(value)
        case .boolean: ["true", "false"].contains(value)
        case .names: true
        }
    }

    private static func check(
        _ value: String, _ field: HyperparameterField, _ descriptor: Descriptor
    ) throws(SettingError) {
        guard isValid(value, field) else {
            var message = "\(descriptor.name): \(field.name)=\(value) is not valid; it takes \(field.range)"
            if case .choice(let names) = field.kind { message += didYouMean(value, names) }
            throw SettingError(message)
        }
    }

    /// The value of a field as text.
    public subscript(name: String) -> String {
        if let value = given[name] { return value }
        guard let field = descriptor.fields.first(where: { $0.name == name }) else {
            preconditionFailure("\(descriptor.name) declares no field \(name)")
        }
        return field.defaultText
    }

    public func isGiven(_ name: String) -> Bool { given[name] != nil }

    public func double(_ name: String) -> Double { Double(self[name]) ?? 0 }

    public func integer(_ name: String) -> Int { Int(self[name]) ?? 0 }

    public func boolean(_ name: String) -> Bool { self[name] == "true" }

    /// All fields with their values in force, in declaration order.
    public var resolved: [(String, String)] { descriptor.fields.map { ($0.name, self[$0.name]) } }
}

/// A component as a user names it: `NAME:field=value,field=value`.
public struct ComponentSpecification: Sendable, Equatable {
    public let name: String
    public let fields: [String: String]

    public init(name: String, fields: [String: String] = [:]) {
        self.name = name
        self.fields = fields
    }

    /// - Throws: when a field is not of the form `field=value`, or stands there twice.
    public init(parsing text: String) throws(SettingError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        var fields: [String: String] = [:]
        if parts.count == 2, !parts[1].isEmpty {
            for field in Self.fields(parts[1]) {
                let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard pair.count == 2 else {
                    throw SettingError("'\(field)' in '\(text)' is not of the form field=value")
                }
                guard fields.updateValue(String(pair[1]), forKey: String(pair[0])) == nil else {
                    throw SettingError("'\(pair[0])' stands twice in '\(text)'")
                }
            }
        }
        self.fields = fields
    }

    /// The parts between commas, but for those in parentheses (an expression's).
    private static func fields(_ text: Substring) -> [Substring] {
        var depth = 0
        return text.split { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return character == "," && depth <= 0
        }
    }
}
