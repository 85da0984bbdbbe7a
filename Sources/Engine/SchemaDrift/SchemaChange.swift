import Components

/// A change of the records against the schema that was fixed.
public struct SchemaChange: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// A field comes that the schema does not know.
        case appeared
        /// A field is missing in all records of a while.
        case disappeared
        /// A field that had disappeared is there again.
        case returned
        /// A number field has values that are no numbers.
        case type
        /// A number field's values are of another size.
        case scale

        /// Its place among all kinds.
        var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    public let kind: Kind
    public let field: String
    /// What a person should know, with what the run does about it.
    public let text: String
}

/// What a run does about changes of the records against the schema.
public struct SchemaDriftOptions: Sendable, Equatable {
    public enum Action: String, Sendable, CaseIterable {
        /// It is counted.
        case ignore
        /// It is counted and told.
        case warn
        /// The run ends, with what was learned until then in a last snapshot.
        case stop
    }

    /// What becomes of values that are no numbers, where numbers belong.
    public enum TypeAction: String, Sendable, CaseIterable {
        /// The record goes to the quarantine.
        case reject
        /// The field counts as missing.
        case missing
        /// The run ends.
        case stop
    }

    public var appears = Action.warn
    public var disappears = Action.warn
    public var type = TypeAction.reject
    public var scale = Action.warn

    public init() {}

    /// Takes over one choice: `appears=ignore`, `type=missing`.
    public mutating func set(_ text: String) throws(SettingError) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        let names = ["appears", "disappears", "type", "scale"]
        guard let name = parts.first, names.contains(name) else {
            throw SettingError(
                "there is no schema change '\(parts.first ?? "")'" + didYouMean(parts.first ?? "", names))
        }
        let value = parts.count > 1 ? parts[1] : ""
        if name == "type" {
            guard let action = TypeAction(rawValue: value) else {
                throw SettingError("type=\(value)" + didYouMean(value, TypeAction.allCases.map(\.rawValue)))
            }
            type = action
            return
        }
        guard let action = Action(rawValue: value) else {
            throw SettingError("\(name)=\(value)" + didYouMean(value, Action.allCases.map(\.rawValue)))
        }
        switch name {
        case "appears": appears = action
        case "disappears": disappears = action
        default: scale = action
        }
    }

    /// What is done about a change.
    func action(_ kind: SchemaChange.Kind) -> Action {
        switch kind {
        case .appeared: appears
        case .disappeared: disappears
        case .returned: disappears == .ignore ? .ignore : .warn
        case .type: type == .stop ? .stop : .warn
        case .scale: scale
        }
    }
}
