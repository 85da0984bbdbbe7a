import JSON
import Records
import Statistics

/// What the fields of a stream are like, to compare others with: made of a profile, kept in a file.
public struct SchemaReference: Sendable, Equatable {
    public struct Field: Sendable, Equatable {
        public var name: String
        public var role: FieldRole
        public var kind: FieldSummary.Kind
        /// Records without a value, as a share.
        public var missing: Double
        /// Of numbers.
        public var range: NumberRange?
        /// Different values.
        public var distinct: Int
    }

    public struct Change: Sendable, Equatable {
        public enum Kind: String, Sendable {
            case appeared
            case disappeared
            case type
            case scale
            case missing
        }

        public let kind: Kind
        public let field: String
        public let text: String
    }

    public var fields: [Field] = []

    public init(_ summary: DatasetSummary) {
        fields = summary.fields.map { field in
            var range: NumberRange?
            if let low = field.quantile("0.1"), let median = field.quantile("0.5"), let high = field.quantile("0.9") {
                range = NumberRange(low: low, median: median, high: high)
            }
            return Field(
                name: field.name, role: field.role, kind: field.kind, missing: field.missingShare, range: range,
                distinct: field.distinct)
        }
    }

    /// As `yaml` writes it, read as a document. Nil: it is no such thing.
    public init?(_ document: JSONValue) {
        for (name, value) in document.members ?? [] {
            func number(_ key: String) -> Double? { value[key]?.double ?? value[key]?.string.flatMap { Double($0) } }
            guard let kind = value["type"]?.string.flatMap(FieldSummary.Kind.init) else { return nil }
            var range: NumberRange?
            if let low = number("low"), let median = number("median"), let high = number("high") {
                range = NumberRange(low: low, median: median, high: high)
            }
            fields.append(
                Field(
                    name: name, role: value["role"]?.string.flatMap(FieldRole.init(rawValue:)) ?? .ignored, kind: kind,
                    missing: number("missing") ?? 0, range: range,
                    distinct: Int(max(0, min(number("distinct") ?? 0, 1e15)))))
        }
        guard !fields.isEmpty else { return nil }
    }

    /// The section `schema` of a configuration file: the roles, and what each field is like.
    public static func yaml(_ summary: DatasetSummary) -> String {
        let schema = summary.plan.schema
        var lines = ["schema:"]
        func one(_ key: String, _ role: FieldRole) {
            guard let field = schema.fields(role).first else { return }
            lines.append("  \(key): \(JSONText.quoted(field.name))")
        }
        func list(_ key: String, _ role: FieldRole) {
            let names = schema.fields(role).map(\.name)
            guard !names.isEmpty else { return }
            lines.append("  \(key): [\(names.map { JSONText.quoted($0) }.joined(separator: ", "))]")
        }
        one("target", .target)
        if !schema.fields(.target).isEmpty { lines.append("  task: \(schema.task.rawValue)") }
        one("id", .id)
        one("time", .time)
        one("weight", .weight)
        list("numeric", .numeric)
        list("categorical", .categorical)
        list("text", .text)
        list("ignore", .ignored)
        lines.append("  fields:")
        lines += SchemaReference(summary).fields.map { "    \(JSONText.quoted($0.name)): \($0.yaml)" }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: Comparing

    /// More of the records than before lack a field by so much, and it is told.
    private static let missingRise = 0.25

    /// How another stream differs, field by field in the order of this one, then new ones.
    public func changes(in other: DatasetSummary) -> [Change] {
        var changes: [Change] = []
        let others = Dictionary(other.fields.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for field in fields {
            guard let found = others[field.name] else {
                let share = Int((100 * (1 - field.missing)).rounded())
                changes.append(
                    Change(
                        kind: .disappeared, field: field.name,
                        text: "'\(field.name)' is not there; \(share) % of the records had it"))
                continue
            }
            changes += field.changes(to: found, missingRise: Self.missingRise)
        }
        let known = Set(fields.map(\.name))
        for found in other.fields where !known.contains(found.name) {
            changes.append(
                Change(kind: .appeared, field: found.name, text: "'\(found.name)' is new: a \(found.kind.rawValue)"))
        }
        return changes
    }
}

extension SchemaReference.Field {
    fileprivate var yaml: String {
        var parts = ["role: \(role.rawValue)", "type: \(kind.rawValue)", "missing: \(missing)"]
        if let range { parts += ["low: \(range.low)", "median: \(range.median)", "high: \(range.high)"] }
        return "{\((parts + ["distinct: \(distinct)"]).joined(separator: ", "))}"
    }

    fileprivate func changes(to found: FieldSummary, missingRise: Double) -> [SchemaReference.Change] {
        func change(_ kind: SchemaReference.Change.Kind, _ text: String) -> [SchemaReference.Change] {
            [SchemaReference.Change(kind: kind, field: name, text: "'\(name)' \(text)")]
        }
        guard found.count > 0 else {
            return missing < 1 ? change(.disappeared, "is missing in all records") : []
        }
        // Ids and classes are texts, whatever they look like.
        guard found.kind == kind || role == .id || role == .target else {
            return change(.type, "was a \(kind.rawValue), now it is a \(found.kind.rawValue)")
        }
        if found.missingShare > missing + missingRise {
            return change(
                .missing, "is missing in \(percent(found.missingShare)) of the records, before in \(percent(missing))")
        }
        guard let range, let lower = found.quantile("0.25"), let median = found.quantile("0.5"),
            let upper = found.quantile("0.75"), range.isOtherScale(lower: lower, median: median, upper: upper)
        else { return [] }
        return change(.scale, "has another scale: its median was \(short(range.median)), now it is \(short(median))")
    }
}
