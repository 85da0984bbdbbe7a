import Records

/// What a person might do about a field, and why.
public struct Suggestion: Sendable {
    public let field: String
    /// The role it should have.
    public let role: FieldRole
    /// A preprocessing step, or what to do about the role.
    public let step: String
    public let reason: String
}

/// A field that tells more about the target than one expects of something known before it.
public struct LeakageSuspect: Sendable {
    public let field: String
    public let reason: String
    /// 0...1.
    public let strength: Double
}

/// Roles, steps and warnings that follow from what the fields look like.
public struct RoleAdvice: Sendable {
    public private(set) var suggestions: [Suggestion] = []
    public private(set) var suspects: [LeakageSuspect] = []
    private var roles: [(name: String, inferred: FieldRole, advised: FieldRole)] = []
    private var needsImputing = false
    private var needsClipping = false
    private let summary: DatasetSummary

    private static let manyMissing = 0.95
    private static let manyValues = 1_000
    private static let suspiciousShare = 0.9
    private static let suspiciousCorrelation = 0.98

    public init(_ summary: DatasetSummary) {
        self.summary = summary
        for field in summary.fields { advise(field) }
        suspects.sort { ($0.strength, $1.field) > ($1.strength, $0.field) }
    }

    private mutating func advise(_ field: FieldSummary) {
        var role = field.role
        if let (advised, step, reason) = roleAdvice(field) {
            role = advised
            suggestions.append(Suggestion(field: field.name, role: advised, step: step, reason: reason))
        } else if [.numeric, .categorical, .both].contains(role) {
            adviseSteps(field)
        }
        if let suspect = Self.suspect(field) {
            suspects.append(suspect)
            role = .ignored
            suggestions.append(
                Suggestion(
                    field: field.name, role: .ignored, step: "leave out unless it is known before the target",
                    reason: suspect.reason))
        }
        roles.append((field.name, field.role, role))
    }

    /// A role that is not the inferred one.
    private func roleAdvice(_ field: FieldSummary) -> (FieldRole, String, String)? {
        guard [.numeric, .categorical, .both, .text, .time].contains(field.role) else { return nil }
        if field.count == 0 { return (.ignored, "leave out", "it has no values") }
        if field.role == .time { return (.time, "as the record's time", "its values are points in time") }
        if field.missingShare > Self.manyMissing {
            return (.ignored, "leave out", "\(percent(field.missingShare)) of its values are missing")
        }
        if field.distinct == 1, field.missing == 0 { return (.ignored, "leave out", "it is constant") }
        guard field.count >= 20, field.distinctShare > 0.95 else { return nil }
        if field.kind == .text, field.role != .text, (field.lengths?.mean ?? 0) < 64 {
            return (
                .ignored, "leave out, or --id", "nearly every value is different (\(field.distinct)): it names records"
            )
        }
        let isCounter = field.kind == .number && isWhole(field) && field.count >= 100
        if isCounter, let low = field.minimum, let high = field.maximum, high - low < 1.1 * Double(field.count) {
            return (.ignored, "leave out, or --id", "whole numbers without gaps, all different: it counts records")
        }
        return nil
    }

    private func isWhole(_ field: FieldSummary) -> Bool {
        field.quantiles.allSatisfy { $0.value == $0.value.rounded() }
    }

    private mutating func adviseSteps(_ field: FieldSummary) {
        func add(_ step: String, _ reason: String) {
            suggestions.append(Suggestion(field: field.name, role: field.role, step: step, reason: reason))
        }
        if field.missing > 0, field.kind == .number {
            needsImputing = true
            add(
                "impute:strategy=median, indicate-missing",
                "\(percent(field.missingShare)) missing; that a value is missing may say something itself")
        }
        if field.kind == .text, field.distinct > Self.manyValues {
            add("hash", "\(field.distinct) different values: too many for a slot each")
        }
        guard field.kind == .number, field.distinct > 10, let low = field.quantile("0.01"),
            let high = field.quantile("0.99"), let minimum = field.minimum, let maximum = field.maximum
        else { return }
        if let skewness = field.moments.skewness, abs(skewness) > 2 {
            needsClipping = true
            let shape =
                minimum >= 0 ? "a logarithm or quantile bins would even it out" : "quantile bins would even it out"
            add("clip", "skewed (\(short(skewness))): \(shape); clipping bounds the pull of its tail")
        } else if high > low, maximum - high > 5 * (high - low) || low - minimum > 5 * (high - low) {
            needsClipping = true
            add("clip", "its extremes \(short(minimum)) and \(short(maximum)) lie far outside 98 % of its values")
        }
    }

    private static func suspect(_ field: FieldSummary) -> LeakageSuspect? {
        guard field.role != .target, field.count + field.missing >= 50 else { return nil }
        if let information = field.information, information.recordsPerBin >= 5, information.targetEntropy > 0.01,
            information.share >= suspiciousShare
        {
            return LeakageSuspect(
                field: field.name,
                reason: "it tells \(percent(information.share)) of what there is to know of the target",
                strength: information.share)
        }
        if let correlation = field.moments.correlation, abs(correlation) >= suspiciousCorrelation {
            return LeakageSuspect(
                field: field.name, reason: "its correlation with the target is \(short(correlation))",
                strength: abs(correlation))
        }
        return nil
    }

    /// The role each field should have.
    public func role(of field: String) -> FieldRole? { roles.first { $0.name == field }?.advised }

    /// A configuration that `thalweg run -c` takes: what was given on the command line, and what is advised.
    /// - Parameters:
    ///   - inputs: where the records come from.
    ///   - format: of the records.
    public func configuration(inputs: [String], format: String) -> String {
        var lines = ["# Suggested by thalweg profile: read it before you use it."]
        lines.append("input:")
        lines.append("  path: [\(inputs.map(Self.quoted).joined(separator: ", "))]")
        lines.append("  format: \(format)")
        if !summary.plan.schema.isFeatureNative { addSchema(&lines) }
        lines.append("pipeline:")
        if needsImputing {
            lines.append("  - impute:strategy=median")
            lines.append("  - indicate-missing")
        }
        if needsClipping { lines.append("  - clip") }
        lines.append("  - standardize")
        lines.append("  - hash")
        return lines.joined(separator: "\n") + "\n"
    }

    private func addSchema(_ lines: inout [String]) {
        lines.append("schema:")
        func one(_ key: String, _ role: FieldRole) {
            if let field = roles.first(where: { $0.advised == role }) {
                lines.append("  \(key): \(Self.quoted(field.name))")
            }
        }
        func list(_ key: String, _ role: FieldRole) {
            let names =
                roles.filter { $0.advised == role }.map(\.name)
                + (role == .ignored ? summary.plan.schema.fields(.ignored).map(\.name) : [])
            if !names.isEmpty { lines.append("  \(key): [\(names.map(Self.quoted).joined(separator: ", "))]") }
        }
        one("target", .target)
        if summary.plan.target != nil { lines.append("  task: \(summary.plan.task.rawValue)") }
        one("id", .id)
        one("time", .time)
        one("weight", .weight)
        list("ignore", .ignored)
        list("categorical", .categorical)
        list("text", .text)
    }

    /// A YAML scalar in double quotes, which are those of JSON.
    private static func quoted(_ text: String) -> String { JSONText.quoted(text) }
}
