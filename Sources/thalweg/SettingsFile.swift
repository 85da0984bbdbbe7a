import Components
import JSON
import Yams

/// A configuration file: YAML (so also JSON) with the settings' names as keys, grouped in sections.
enum SettingsFile {
    /// Sections that belong to parts of the engine which this version does not have.
    private static let reserved = ["http", "metrics", "logger"]

    /// The settings in a file, by name. `${NAME}` and `${NAME:default}` stand for environment variables.
    static func read(_ path: String) throws -> [String: [String]] {
        let text: String
        do { text = try interpolated(TextFile.read(path), path) } catch let error as UsageError { throw error }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw UsageError("'\(path)': \(error)")
        }
        guard let root else { return [:] }
        guard let mapping = root.mapping else { throw UsageError("'\(path)' is not a mapping of keys to values") }
        var settings: [String: [String]] = [:]
        for (key, node) in mapping {
            try read(key.string ?? "", node, path, &settings)
        }
        return settings
    }

    private static func read(
        _ key: String, _ node: Node, _ file: String, _ settings: inout [String: [String]]
    ) throws {
        switch key {
        case "learner", "detector", "feature-drift": settings[key] = [try specification(node, key, file)]
        case "pipeline":
            guard let steps = node.sequence else { throw UsageError("'\(file)': pipeline is a list of steps") }
            settings["pipeline"] = try steps.map { try specification($0, "pipeline", file) }
        case "sources":
            guard let sources = node.sequence else { throw UsageError("'\(file)': sources is a list of inputs") }
            settings["sources"] = try sources.map { try document($0, key, file).text }
        case "input" where node.mapping == nil: settings["input"] = try texts(node, key, file)
        case _ where reserved.contains(key):
            if let section = node.mapping, let first = section.first?.key.string {
                throw UsageError("'\(file)': \(key).\(first) is not available in this version")
            }
        default: try readSection(key, node, file, &settings)
        }
    }

    /// A setting, or a section of settings and sections.
    private static func readSection(
        _ path: String, _ node: Node, _ file: String, _ settings: inout [String: [String]]
    ) throws {
        if path == "schema.fields" {
            settings["schema-fields"] = [try document(node, path, file).text]
            return
        }
        let isSection = node.mapping != nil && Setting.all.contains { $0.path.hasPrefix(path + ".") }
        if !isSection, let setting = Setting.all.first(where: { $0.path == path || $0.name == path }) {
            settings[setting.name] = try texts(node, path, file)
            return
        }
        guard let section = node.mapping else { throw unknown(path, file) }
        for (name, value) in section {
            let inner = "\(path).\(name.string ?? "")"
            let isKnown = Setting.all.contains { $0.path == inner || $0.path.hasPrefix(inner + ".") }
            guard isKnown else { throw unknown(inner, file) }
            try readSection(inner, value, file, &settings)
        }
    }

    private static func unknown(_ key: String, _ file: String) -> UsageError {
        UsageError("'\(file)': unknown key '\(key)'" + didYouMean(key, Setting.all.flatMap { [$0.path, $0.name] }))
    }

    private static func texts(_ node: Node, _ key: String, _ file: String) throws -> [String] {
        if let sequence = node.sequence {
            return try sequence.map { item in
                guard let text = item.scalar?.string else {
                    throw UsageError("'\(file)': \(key) holds plain values only")
                }
                return text
            }
        }
        if key == "input.kafka.properties", let mapping = node.mapping {
            return try mapping.map { name, value in
                "\(name.string ?? "")=\(try texts(value, key, file).joined(separator: ","))"
            }
        }
        guard let text = node.scalar?.string else { throw UsageError("'\(file)': \(key) is not a plain value or list") }
        return [text]
    }

    /// `NAME`, `NAME:field=value`, `{name: NAME, field: value}` or `{NAME: {field: value}}`.
    private static func specification(_ node: Node, _ key: String, _ file: String) throws -> String {
        if let text = node.scalar?.string { return text }
        guard var mapping = node.mapping.map(Array.init) else {
            throw UsageError("'\(file)': \(key) takes NAME:field=value or {name: NAME, field: value}")
        }
        var name = mapping.first { $0.key.string == "name" }?.value.string
        mapping.removeAll { $0.key.string == "name" }
        if name == nil, mapping.count == 1, let inner = mapping[0].value.mapping {
            name = mapping[0].key.string
            mapping = Array(inner)
        }
        guard let name else { throw UsageError("'\(file)': \(key) has no name") }
        let fields = try mapping.map {
            "\($0.key.string ?? "")=\(try texts($0.value, key, file).joined(separator: "+"))"
        }
        return fields.isEmpty ? name : "\(name):\(fields.joined(separator: ","))"
    }

    /// A node as a JSON document.
    private static func document(_ node: Node, _ key: String, _ file: String) throws -> JSONValue {
        if let mapping = node.mapping {
            return .object(try mapping.map { ($0.key.string ?? "", try document($0.value, key, file)) })
        }
        if let sequence = node.sequence { return .array(try sequence.map { try document($0, key, file) }) }
        guard let text = node.scalar?.string else { throw UsageError("'\(file)': \(key) holds what is no plain value") }
        return .string(text)
    }

    private static func interpolated(_ text: String, _ file: String) throws -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                throw UsageError("'\(file)': '${' without '}'")
            }
            let parts = rest[start.upperBound..<end].split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = TextFile.environment(String(parts[0])) ?? (parts.count == 2 ? String(parts[1]) : nil)
            else {
                throw UsageError("'\(file)': the environment variable \(parts[0]) is not set and has no default")
            }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
