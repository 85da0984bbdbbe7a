import JSON

/// What detectors saw of a model's stream until now.
public struct DriftStatus: Sendable {
    /// Nil: only fields are watched.
    public let detector: String?
    public let action: DriftAction
    /// The latest, oldest first, by number of the record that showed it.
    public let drifts: [Int]
    public let driftCount: Int
    public let warnings: [Int]
    public let warningCount: Int
    /// The latest changes of fields; nil: fields are not watched.
    public let fieldEvents: [(record: Int, field: String, statistic: Double)]?
    public let fieldTest: String
    /// Changes of each field that had any.
    public let fieldCounts: [(field: String, count: Int)]

    /// Nil: nothing is watched.
    init?(_ pipeline: Pipeline) {
        let (drift, fields) = (pipeline.drift, pipeline.fieldDrift)
        guard drift != nil || fields != nil else { return nil }
        detector = drift?.name
        action = drift?.action ?? .event
        drifts = drift?.drifts.events.map(\.record) ?? []
        driftCount = drift?.drifts.count ?? 0
        warnings = drift?.warnings.events.map(\.record) ?? []
        warningCount = drift?.warnings.count ?? 0
        fieldEvents = fields.map { watch in
            watch.events.events.map { ($0.record, watch.fields[$0.field], $0.statistic) }
        }
        fieldTest = fields?.test.rawValue ?? ""
        fieldCounts = fields?.totals ?? []
    }

    /// As in the report: positions of drifts and warnings, changes of fields.
    var members: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        if let detector {
            members.append(("drifts", .array(drifts.map { JSONValue($0) })))
            members.append(("warnings", .array(warnings.map { JSONValue($0) })))
            members.append(
                (
                    "detector",
                    .object([
                        ("name", .string(detector)), ("onDrift", .string(action.rawValue)),
                        ("drifts", JSONValue(driftCount)), ("warnings", JSONValue(warningCount)),
                    ])
                ))
        }
        if let fieldEvents {
            let events = fieldEvents.map { event in
                JSONValue.object([
                    ("record", JSONValue(event.record)), ("field", .string(event.field)),
                    ("test", .string(fieldTest)), ("statistic", .number(event.statistic)),
                ])
            }
            members.append(("featureDrifts", .array(events)))
        }
        return members
    }

    /// Lines for people.
    var summary: [String] {
        func places(_ records: [Int]) -> String {
            let shown = records.suffix(10).map(String.init).joined(separator: ", ")
            return records.isEmpty ? "" : ": at \(records.count > 10 ? "..., " : "")\(shown)"
        }
        var lines: [String] = []
        if let detector {
            lines.append("drifts (\(detector), \(action.rawValue)) = \(driftCount)\(places(drifts))")
            lines.append("warnings = \(warningCount)")
        }
        if fieldEvents != nil {
            let shown = fieldCounts.prefix(10).map { "\($0.field) \($0.count)" }.joined(separator: ", ")
            let total = fieldCounts.reduce(0) { $0 + $1.count }
            lines.append("feature drifts (\(fieldTest)) = \(total)\(shown.isEmpty ? "" : ": \(shown)")")
        }
        return lines
    }
}
