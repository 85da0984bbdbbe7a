import Components
import Engine
import Formats
import Glibc
import Learners
import Records

/// All settings of a run with where each came from: command line over environment over file over defaults.
struct Settings {
    enum Origin: String {
        case commandLine = "command line"
        case environment
        case file
        case defaults = "default"
    }

    private var values: [String: (texts: [String], origin: Origin)] = [:]

    init(commandLine: [String: [String]], file: String?) throws {
        if let file {
            for (name, texts) in try SettingsFile.read(file) { values[name] = (texts, .file) }
        }
        for setting in Setting.all {
            if let variable = getenv(setting.environmentName) {
                let text = String(cString: variable)
                values[setting.name] = (Self.list(text, of: setting), .environment)
            }
        }
        for (name, texts) in commandLine where !texts.isEmpty { values[name] = (texts, .commandLine) }
    }

    /// A list in one text. Steps and crosses have commas inside, so there `;` stands between them.
    private static func list(_ text: String, of setting: Setting) -> [String] {
        guard setting.kind == .list else { return [text] }
        let hasCommas = setting.name == "pipeline" || setting.name == "cross"
        return text.split(separator: hasCommas ? ";" : ",").map(String.init)
    }

    private static func split(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    func texts(_ name: String) -> [String] {
        if let value = values[name] { return value.texts }
        let text = Setting.find(name)?.defaultText ?? ""
        return text.isEmpty ? [] : [text]
    }

    func origin(_ name: String) -> Origin { values[name]?.origin ?? .defaults }

    func text(_ name: String) -> String? { texts(name).last }

    func isGiven(_ name: String) -> Bool { values[name] != nil }

    /// Comma-separated names, also given several times.
    func names(_ name: String) -> [String] { texts(name).flatMap(Self.split) }

    func flag(_ name: String) throws -> Bool {
        switch text(name) ?? "false" {
        case "true", "yes", "1": return true
        case "false", "no", "0": return false
        case let other: throw UsageError("\(label(name)) is '\(other)'; it takes true or false")
        }
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int {
        let text = text(name) ?? ""
        guard let value = Int(text), range.contains(value) else {
            throw UsageError(
                "\(label(name)) is '\(text)'; it takes an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws -> Double {
        let text = text(name) ?? ""
        guard let value = Double(text), range.contains(value) else {
            throw UsageError(
                "\(label(name)) is '\(text)'; it takes a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Seconds: `10s`, `500ms`, `5m`, `2h`, or a plain number of seconds.
    func seconds(_ name: String) throws -> Double {
        let text = text(name) ?? ""
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
        for (unit, scale) in units where text.hasSuffix(unit) {
            if let value = Double(text.dropLast(unit.count)), value >= 0, value.isFinite { return value * scale }
        }
        if let value = Double(text), value >= 0, value.isFinite { return value }
        throw UsageError("\(label(name)) is '\(text)'; it takes a duration such as 500ms, 10s, 5m or 1h")
    }

    func choice<T: RawRepresentable & CaseIterable>(_ name: String, _: T.Type) throws -> T where T.RawValue == String {
        let text = text(name) ?? ""
        if let value = T(rawValue: text) { return value }
        throw UsageError("\(label(name)) is '\(text)'" + didYouMean(text, T.allCases.map(\.rawValue)))
    }

    func label(_ name: String) -> String {
        switch origin(name) {
        case .environment: Setting.find(name)?.environmentName ?? name
        case .file: "'\(Setting.find(name)?.path ?? name)' in the configuration file"
        case .commandLine, .defaults: "--\(name)"
        }
    }
}

extension Settings {
    private func setHorizon(_ horizon: String, of learner: inout ComponentSpecification) throws(SettingError) {
        guard try LearnerRegistry.find(learner.name).isForecaster else {
            let able = LearnerRegistry.all.filter(\.isForecaster).map(\.descriptor.name)
            throw SettingError(
                "\(label("horizon")): \(learner.name) forecasts nothing but the record itself; these do more: "
                    + able.joined(separator: ", "))
        }
        learner = ComponentSpecification(
            name: learner.name, fields: learner.fields.merging(["horizon": horizon]) { $1 })
    }

    /// The part that shapes the model.
    func configuration() throws -> Configuration {
        var configuration = Configuration()
        let format = text("format") ?? "auto"
        if format != "auto" {
            guard FormatRegistry.find(format) != nil else {
                let known = FormatRegistry.all.map(\.name) + ["auto"]
                throw UsageError("\(label("format")) is '\(format)'" + didYouMean(format, known))
            }
            configuration.format = format
        }
        try setFormatOptions(of: &configuration)
        configuration.schema = try schemaOptions()
        configuration.sources = try sources()
        configuration.preset = try choice("preset", Preset.self)
        do throws(SettingError) {
            configuration.learner = try ComponentSpecification(parsing: text("learner") ?? "linear")
            if let horizon = text("horizon") { try setHorizon(horizon, of: &configuration.learner) }
            configuration.detector = try text("detector").map { text throws(SettingError) in
                try ComponentSpecification(parsing: text)
            }
            configuration.featureDrift = try text("feature-drift").map { text throws(SettingError) in
                try ComponentSpecification(parsing: text)
            }
            if isGiven("pipeline") {
                configuration.pipeline = try texts("pipeline").map { text throws(SettingError) in
                    try ComponentSpecification(parsing: text)
                }
            }
            configuration.wrappers = try WrapperOptions { isGiven($0) ? text($0) : nil }
            if isGiven("multi-output") { configuration.multiOutput = try multiOutput() }
            try configuration.validate()
            for text in names("on-schema-drift") { try configuration.schemaDrift.set(text) }
        } catch { throw UsageError(error.description) }
        configuration.onDrift = try choice("on-drift", DriftAction.self)
        guard configuration.onDrift == .event || configuration.detector != nil else {
            throw UsageError("\(label("on-drift")) needs something that says when: --detector NAME")
        }
        configuration.crosses = texts("cross")
        configuration.bits = try integer("bits", in: 1...30)
        configuration.batchSize = try integer("batch-size", in: 1...65_536)
        configuration.batchWait = try seconds("batch-wait")
        configuration.batchMode = try choice("batch-mode", BatchMode.self)
        guard let seed = UInt64(text("seed") ?? "") else {
            throw UsageError(
                "\(label("seed")) is '\(text("seed") ?? "")'; it takes a whole number from 0 to \(UInt64.max)")
        }
        configuration.seed = seed
        configuration.maximumRejected = try number("max-rejected", in: 0...1)
        configuration.maximumRecordBytes = try integer("max-record-bytes", in: 64...1 << 30)
        return configuration
    }

    /// The target; nil: there is none, or there are several.
    var schemaTarget: String? {
        var options = SchemaOptions()
        options.targetText = text("target")
        return options.furtherTargets.isEmpty ? options.target : nil
    }

    private func multiOutput() throws(SettingError) -> MultiOutputMethod {
        let name = text("multi-output") ?? ""
        if let method = MultiOutputMethod(rawValue: name) { return method }
        throw SettingError(
            "--multi-output is '\(name)'" + didYouMean(name, MultiOutputMethod.allCases.map(\.rawValue)))
    }

    private func schemaOptions() throws -> SchemaOptions {
        var options = SchemaOptions()
        options.targetText = text("target")
        options.task = text("task") == "auto" ? nil : try choice("task", Task.self)
        options.positive = text("positive")
        options.ignored = names("ignore")
        options.numeric = names("numeric")
        options.categorical = names("categorical")
        options.text = names("text")
        options.id = text("id")
        options.weight = text("weight")
        options.time = text("time")
        return options
    }
}
