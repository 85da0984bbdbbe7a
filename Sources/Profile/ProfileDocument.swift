import JSON
import Records

/// A profile as one JSON object, the output of `thalweg profile --json`.
public struct ProfileDocument {
    let summary: DatasetSummary
    let advice: RoleAdvice
    /// Seconds that reading took.
    let seconds: Double
    let inputs: [String]
    let format: String

    public init(
        _ summary: DatasetSummary, _ advice: RoleAdvice, seconds: Double, inputs: [String], format: String
    ) {
        self.summary = summary
        self.advice = advice
        self.seconds = seconds
        self.inputs = inputs
        self.format = format
    }

    public var pipeline: String { advice.configuration(inputs: inputs, format: format) }

    public var json: JSONValue {
        .object([
            ("records", JSONValue(summary.records)), ("rejected", JSONValue(summary.rejected)),
            ("seconds", .number(seconds)), ("format", .string(format)),
            ("duplicates", JSONValue(summary.duplicates)),
            ("duplicates_exact", .boolean(summary.areDuplicatesExact)),
            ("fields", .array(summary.fields.map(field))), ("target", target), ("time", time),
            (
                "leakage_suspects",
                .array(
                    advice.suspects.map {
                        .object([
                            ("field", .string($0.field)), ("strength", .number($0.strength)),
                            ("reason", .string($0.reason)),
                        ])
                    })
            ),
            (
                "suggestions",
                .array(
                    advice.suggestions.map {
                        .object([
                            ("field", .string($0.field)), ("role", .string($0.role.rawValue)),
                            ("step", .string($0.step)), ("reason", .string($0.reason)),
                        ])
                    })
            ),
            ("pipeline", .string(pipeline)), ("errors", errors),
        ])
    }

    private func field(_ field: FieldSummary) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(field.name)), ("type", .string(field.kind.rawValue)),
            ("role", .string(field.role.rawValue)), ("count", JSONValue(field.count)),
            ("missing", JSONValue(field.missing)), ("distinct", JSONValue(field.distinct)),
            ("distinct_exact", .boolean(field.isDistinctExact)),
        ]
        if field.kind == .number { members += numberMembers(field) }
        members.append(
            (
                "top",
                .array(
                    field.top.map {
                        .object([
                            ("value", .string($0.value)), ("count", JSONValue($0.count)),
                            ("error", JSONValue($0.error)),
                        ])
                    })
            ))
        members.append(("correlation", JSONValue(field.moments.correlation)))
        members.append(("mutual_information", JSONValue(field.information?.mutual)))
        members.append(("information_share", JSONValue(field.information?.share)))
        if let lengths = field.lengths {
            let json: JSONValue = .object([
                ("min", JSONValue(lengths.shortest)), ("mean", .number(lengths.mean)),
                ("max", JSONValue(lengths.longest)),
            ])
            members.append(("length", json))
        }
        return .object(members)
    }

    private func numberMembers(_ field: FieldSummary) -> [(String, JSONValue)] {
        let moments = field.moments
        return [
            ("min", JSONValue(field.minimum)), ("max", JSONValue(field.maximum)),
            ("mean", JSONValue(field.count > 0 ? moments.mean : nil)), ("sd", JSONValue(moments.standardDeviation)),
            ("skewness", JSONValue(moments.skewness)), ("kurtosis", JSONValue(moments.kurtosis)),
            ("zero", JSONValue(field.zeros)), ("negative", JSONValue(field.negatives)),
            ("quantiles", .object(field.quantiles.map { ($0.name, .number($0.value)) })),
            (
                "histogram",
                field.histogram.map {
                    .object([
                        ("edges", .array($0.edges.map { .number($0) })),
                        ("counts", .array($0.counts.map { JSONValue($0) })),
                    ])
                } ?? .null
            ),
        ]
    }

    private var target: JSONValue {
        guard let target = summary.target else { return .null }
        var members: [(String, JSONValue)] = [
            ("name", .string(target.name)), ("task", .string(summary.plan.task.rawValue)),
            ("known", JSONValue(target.count)), ("unknown", JSONValue(target.missing)),
        ]
        if summary.plan.task != .regression {
            let shares = target.top.map {
                ($0.value, JSONValue.number(Double($0.count) / Double(max(target.count, 1))))
            }
            members.append(("classes", .object(shares)))
        }
        return .object(members)
    }

    private var time: JSONValue {
        guard let times = summary.times else { return .null }
        return .object([
            ("field", .string(times.field)), ("unit", .string(times.unit.rawValue)),
            ("first", .string(TimeText.text(times.first))), ("last", .string(TimeText.text(times.last))),
            ("out_of_order", JSONValue(times.outOfOrder)), ("unknown", JSONValue(times.unknown)),
            ("gap_seconds", .object(times.gaps.map { ($0.name, .number($0.value)) })),
            (
                "longest_gaps",
                .array(
                    times.longestGaps.map {
                        .object([("after", .string(TimeText.text($0.after))), ("seconds", .number($0.seconds))])
                    })
            ),
        ])
    }

    /// How wrong the figures may be.
    private var errors: JSONValue {
        .object([
            ("distinct_standard_error", .number(FieldSummary.distinctError)),
            ("quantile_rank_error", .number(FieldSummary.rankError)),
        ])
    }
}
