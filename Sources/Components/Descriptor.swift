/// What a component is and which hyperparameters it takes: the only place where a default stands.
///
/// `thalweg list`, `thalweg describe`, configuration validation and the reference pages derive from it.
public struct Descriptor: Sendable {
    public let name: String
    public let summary: String
    public let fields: [HyperparameterField]

    public init(_ name: String, _ summary: String, fields: [HyperparameterField] = []) {
        self.name = name
        self.summary = summary
        self.fields = fields
    }
}

/// One hyperparameter.
public struct HyperparameterField: Sendable {
    public enum Kind: Sendable, Equatable {
        case number(ClosedRange<Double>)
        case integer(ClosedRange<Int>)
        case choice([String])
        case boolean
        case names
    }

    public let name: String
    public let kind: Kind
    /// The default as text, in the form a user would write it.
    public let defaultText: String
    public let summary: String

    public init(_ name: String, _ kind: Kind, default defaultText: String, _ summary: String) {
        self.name = name
        self.kind = kind
        self.defaultText = defaultText
        self.summary = summary
    }

    /// The values it takes, for people.
    public var range: String {
        switch kind {
        case .number(let range): "number, \(range.lowerBound) to \(range.upperBound)"
        case .integer(let range): "integer, \(range.lowerBound) to \(range.upperBound)"
        case .choice(let names): names.joined(separator: " | ")
        case .boolean: "true | false"
        case .names: "names separated by +"
        }
    }
}
