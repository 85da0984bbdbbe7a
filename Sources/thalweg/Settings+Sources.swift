import Components
import Engine
import Files
import Formats
import JSON
import Kafka
import StandardStreams

/// The section `sources` of a configuration file: inputs with names, units and formats of their own.
extension Settings {
    /// Whether that section says where records come from: an input on the command line has precedence.
    private var hasSources: Bool {
        isGiven("sources") && origin("input") != .commandLine && origin("input") != .environment
    }

    /// All inputs, in the order in which they are read.
    var inputs: [String] {
        guard hasSources, let documents = try? sourceDocuments() else { return texts("input") }
        return documents.flatMap(Self.inputs)
    }

    private static func inputs(_ source: JSONValue) -> [String] {
        switch source["input"] {
        case .string(let text)?: [text]
        case .array(let items)?: items.compactMap(\.string)
        default: []
        }
    }

    private func sourceDocuments() throws -> [JSONValue] {
        let parser = JSONParser()
        return try texts("sources").map { text in
            do { return try parser.value(text.utf8) } catch { throw UsageError("sources: \(error)") }
        }
    }

    func sources() throws -> [SourceConfiguration] {
        guard isGiven("sources") else { return [] }
        let documents = try sourceDocuments()
        guard hasSources else { return [] }
        guard origin("input") != .file else {
            throw UsageError("the configuration file has both input and sources: name every input in sources")
        }
        let sources = try documents.enumerated().map { try source($1, "sources[\($0)]") }
        if sources.count > 1, let index = sources.firstIndex(where: { $0.parts.isEmpty }) {
            throw UsageError(
                "sources[\(index)]: only files can be read together; - and topics come alone, as the only source")
        }
        return sources
    }

    private func source(_ document: JSONValue, _ place: String) throws -> SourceConfiguration {
        var source = SourceConfiguration()
        try Self.check(document, ["input", "format", "fields"], place)
        let inputs = Self.inputs(document)
        guard !inputs.isEmpty else { throw UsageError("\(place): say where its records come from: input: FILE") }
        if !inputs.contains(where: { $0 == "-" || $0.contains("://") }) {
            for input in inputs { source.parts += try FileSource.expand(input) }
        }
        if let format = document["format"]?.string, format != "auto" {
            guard FormatRegistry.find(format) != nil else {
                throw UsageError(
                    "\(place): format is '\(format)'" + didYouMean(format, FormatRegistry.all.map(\.name)))
            }
            source.format = format
        }
        for (name, value) in document["fields"]?.members ?? [] {
            source.mapping.fields.append(try Self.field(name, value, "\(place).fields.\(name)"))
        }
        let names = source.mapping.fields.map(\.name)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw UsageError("\(place): two fields come from '\(twice)'")
        }
        return source
    }

    /// `price: preis`, or `price: {from: preis, unit: cent, to: one, decimal: comma}`.
    private static func field(
        _ name: String, _ value: JSONValue, _ place: String
    ) throws -> SourceMapping.SourceField {
        if let from = value.string { return SourceMapping.SourceField(name, from: from) }
        try check(value, ["from", "unit", "to", "factor", "offset", "decimal"], place)
        var field = SourceMapping.SourceField(name, from: value["from"]?.string ?? name)
        switch (value["unit"]?.string, value["to"]?.string) {
        case (let unit?, let to?):
            do throws(FormatError) {
                (field.factor, field.offset) = try MeasurementUnit.conversion(from: unit, to: to)
            } catch { throw UsageError("\(place): \(error.description)") }
        case (nil, nil): break
        default: throw UsageError("\(place): a unit needs both, unit: what the source has, to: what the schema has")
        }
        for key in ["factor", "offset"] {
            guard let text = value[key]?.string else { continue }
            guard value["unit"] == nil else { throw UsageError("\(place): give a unit or a \(key), not both") }
            guard let number = Double(text), number.isFinite, abs(number) <= 1e30 else {
                throw UsageError("\(place): \(key) is '\(text)', not a number")
            }
            if key == "factor" { field.factor = number } else { field.offset = number }
        }
        guard field.factor != 0 else { throw UsageError("\(place): a factor of 0 makes all numbers the same") }
        switch value["decimal"]?.string {
        case nil, "point": break
        case "comma": field.hasDecimalComma = true
        case let other?: throw UsageError("\(place): decimal is '\(other)'; it takes point or comma")
        }
        return field
    }

    private static func check(_ document: JSONValue, _ known: [String], _ place: String) throws {
        guard let members = document.members else {
            throw UsageError("\(place) is a mapping with the keys \(known.joined(separator: ", "))")
        }
        for (key, _) in members where !known.contains(key) {
            throw UsageError("\(place): unknown key '\(key)'" + didYouMean(key, known))
        }
    }
}
