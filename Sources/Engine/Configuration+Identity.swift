import Components
import Formats
import JSON
import Learners
import Records

/// The settings that a snapshot's state depends on, under the names of their options.
extension Configuration {
    /// What a snapshot keeps; a resumed run must agree with it.
    var identity: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        func list(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
        let delay = delay?.withheld.map { [("delay", JSONValue.string($0.text))] } ?? []
        let order = order.map { [("lateness", JSONValue.string("\($0.lateness)s"))] } ?? []
        let watches: [(String, ComponentSpecification?)] = [("detector", detector), ("feature-drift", featureDrift)]
        let outputs =
            schema.furtherTargets.isEmpty
            ? [] : [("multi-output", JSONValue.string((multiOutput ?? .independent).rawValue))]
        let action = onDrift == .event ? [] : [("on-drift", JSONValue.string(onDrift.rawValue))]
        let drift = watches.compactMap { name, value in value.map { (name, JSONValue.string($0.text)) } } + action
        return .object(
            delay + order + dialect + drift + wrappers.identity + outputs + [
                ("preset", .string(preset.rawValue)), ("learner", .string(learner.text)),
                ("pipeline", pipeline.map { list($0.map(\.text)) } ?? .null), ("cross", list(crosses)),
                ("bits", JSONValue(bits)), ("batch-mode", .string(batchMode.rawValue)),
                ("batch-size", batchMode == .mean ? JSONValue(batchSize) : .null),
                ("seed", .string(String(seed))),
                ("target", text(schema.targetText)), ("task", text(schema.task?.rawValue)),
                ("positive", text(schema.positive)),
                ("ignore", list(schema.ignored)), ("numeric", list(schema.numeric)),
                ("categorical", list(schema.categorical)), ("text", list(schema.text)), ("id", text(schema.id)),
                ("weight", text(schema.weight)), ("time", text(schema.time)),
            ])
    }

    /// How CSV differs from the usual: nothing in most snapshots.
    private var dialect: [(String, JSONValue)] {
        let usual = CSVDialect()
        var members: [(String, JSONValue)] = []
        if csv.separator != usual.separator { members.append(("csv-separator", Self.text(csv.separator))) }
        if csv.quote != usual.quote { members.append(("csv-quote", Self.text(csv.quote))) }
        if csv.comment != usual.comment { members.append(("csv-comment", Self.text(csv.comment))) }
        switch csv.header {
        case .firstLine: break
        case .none: members.append(("csv-header", "no"))
        case .names(let names): members.append(("csv-header", .string("names:" + names.joined(separator: ","))))
        }
        return members
    }

    private static let dialectNames = ["csv-separator", "csv-quote", "csv-comment", "csv-header"]

    private static func text(_ byte: UInt8?) -> JSONValue {
        guard let byte else { return "none" }
        return byte == UInt8(ascii: "\t") ? "tab" : .string(String(UnicodeScalar(byte)))
    }

    /// Takes over what a snapshot was made with, but for the options that were given.
    ///
    /// - Parameter made: the snapshot's `configuration`.
    public mutating func adopt(_ made: JSONValue, keeping given: (_ option: String) -> Bool) throws(SettingError) {
        func text(_ name: String) -> String? { given(name) ? nil : made[name]?.string }
        func list(_ name: String) -> [String]? { given(name) ? nil : made[name]?.array?.compactMap(\.string) }
        if let span = made["delay"]?.string.flatMap(DelayOptions.Span.init(text:)), !given("delay") {
            var options = delay ?? DelayOptions()
            options.withheld = span
            delay = options
        }
        for name in Self.dialectNames {
            guard let value = text(name) else { continue }
            do throws(FormatError) { try csv.set(String(name.dropFirst("csv-".count)), value) } catch {
                throw SettingError("\(name): \(error.description)")
            }
        }
        preset = text("preset").flatMap(Preset.init) ?? preset
        if let learner = text("learner") { self.learner = try ComponentSpecification(parsing: learner) }
        if let made = text("detector") { detector = try ComponentSpecification(parsing: made) }
        if let made = text("feature-drift") { featureDrift = try ComponentSpecification(parsing: made) }
        onDrift = text("on-drift").flatMap(DriftAction.init) ?? onDrift
        if let steps = list("pipeline") {
            pipeline = try steps.map { step throws(SettingError) in try ComponentSpecification(parsing: step) }
        }
        crosses = list("cross") ?? crosses
        let wanted = wrappers.identity
        wrappers = try WrapperOptions { name in
            given(name) ? wanted.first { $0.0 == name }?.1.string : made[name]?.string
        }
        if !given("bits") { bits = made["bits"]?.integer ?? bits }
        batchMode = text("batch-mode").flatMap(BatchMode.init) ?? batchMode
        if !given("batch-size") { batchSize = made["batch-size"]?.integer ?? batchSize }
        seed = text("seed").flatMap(UInt64.init) ?? seed
        schema.targetText = text("target") ?? schema.targetText
        multiOutput = text("multi-output").flatMap(MultiOutputMethod.init) ?? multiOutput
        schema.task = text("task").flatMap(Task.init) ?? schema.task
        schema.positive = text("positive") ?? schema.positive
        schema.ignored = list("ignore") ?? schema.ignored
        schema.numeric = list("numeric") ?? schema.numeric
        schema.categorical = list("categorical") ?? schema.categorical
        schema.text = list("text") ?? schema.text
        schema.id = text("id") ?? schema.id
        schema.weight = text("weight") ?? schema.weight
        schema.time = text("time") ?? schema.time
    }

    /// - Throws: naming the first option that differs.
    func checkIdentity(_ made: JSONValue, _ path: String) throws(EngineError) {
        func shown(_ value: JSONValue?) -> String {
            switch value {
            case nil, .null?: "unset"
            case .array(let items)?: items.isEmpty ? "unset" : items.compactMap(\.string).joined(separator: " ")
            case let value?: value.string ?? value.text
            }
        }
        let names =
            ["delay", "lateness", "detector", "on-drift", "feature-drift"] + Self.dialectNames
            + WrapperOptions.names + ["multi-output"]
            + (identity.members ?? []).map(\.0)
        for name in names where made[name] != identity[name] {
            let value = identity[name]
            throw EngineError(
                "'\(path)' was made with --\(name) \(shown(made[name])), now it is \(shown(value)). Give the same "
                    + "options, or another --snapshots directory to start anew", .usage)
        }
    }
}
