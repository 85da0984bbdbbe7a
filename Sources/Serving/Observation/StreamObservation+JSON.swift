import Engine
import JSON
import Records

extension StreamObservation {
    private static let maximumInfluences = 20
    private static let maximumClasses = 100

    /// The members of a status event; what there is nothing of has no member.
    var members: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        if !fields.isEmpty { members.append(("fields", .array(fields.map(\.json)))) }
        if let predictions { members.append(("predictions", predictions.json)) }
        if let targets { members.append(("targets", targets.json)) }
        if !targetCounts.isEmpty {
            let counts = targetCounts.sorted { $0.count > $1.count }.prefix(Self.maximumClasses)
            members.append(("targets", .object([("counts", .object(counts.map { ($0.name, JSONValue($0.count)) }))])))
        }
        if !calibration.isEmpty {
            members.append(
                (
                    "calibration",
                    .array(
                        calibration.map { bin in
                            .object([
                                ("predicted", .number(bin.predicted)), ("observed", .number(bin.observed)),
                                ("count", JSONValue(bin.count)),
                            ])
                        })
                ))
        }
        if !influences.isEmpty {
            let top = influences.prefix(Self.maximumInfluences)
            members.append(
                (
                    "features",
                    .array(
                        top.map { .object([("name", .string($0.name)), ("influence", JSONValue(Optional($0.value)))]) })
                ))
        }
        return members
    }
}

extension Distribution {
    var json: JSONValue {
        .object([
            ("histogram", .array(counts.map { JSONValue($0) })), ("low", JSONValue(Optional(low))),
            ("high", JSONValue(Optional(high))),
        ])
    }
}

extension FieldSummary {
    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(name)), ("role", .string(role.rawValue)), ("missing", JSONValue(missing)),
        ]
        if low != nil { members += [("min", JSONValue(low)), ("max", JSONValue(high)), ("mean", JSONValue(mean))] }
        if !histogram.isEmpty { members.append(("histogram", .array(histogram.map { JSONValue($0) }))) }
        if let distinct { members.append(("distinct", JSONValue(distinct))) }
        if let unseen { members.append(("unseen", JSONValue(unseen))) }
        return .object(members)
    }
}
