import Engine
import Formats
import SchemaRegistry

/// What formats are told beside the fields.
extension Settings {
    func setFormatOptions(of configuration: inout Configuration) throws {
        for name in ["separator", "quote", "comment", "header"] where isGiven("csv-\(name)") {
            let setting = "csv-\(name)"
            let text = texts(setting).joined(separator: ",")
            guard configuration.format ?? "csv" == "csv" else {
                throw UsageError("\(label(setting)) is for CSV; --format is \(configuration.format ?? "")")
            }
            // Who says how CSV is written says that it is CSV.
            configuration.format = "csv"
            do throws(FormatError) { try configuration.csv.set(name, text) } catch {
                throw UsageError("\(label(setting)) is '\(text)': \(error.description)")
            }
        }
        do throws(FormatError) { try configuration.csv.check() } catch {
            throw UsageError("--csv-separator, --csv-quote, --csv-comment: \(error.description)")
        }
        configuration.schemas = try schemaRegistry()
    }

    private func schemaRegistry() throws -> SchemaRegistry? {
        guard let url = text("schema-registry") else {
            for name in ["schema-registry-credentials-file", "schema-registry-ca"] where isGiven(name) {
                throw UsageError("\(label(name)) needs --schema-registry URL")
            }
            return nil
        }
        var options = SchemaRegistryOptions(url: url)
        options.credentials =
            try text("schema-registry-credentials-file").map(Self.credentials)
            ?? TextFile.environment("THALWEG_SCHEMA_REGISTRY_CREDENTIALS")
        options.authorities = text("schema-registry-ca")
        options.allowsUnverifiedTLS = try flag("insecure-tls")
        do throws(FormatError) { return try SchemaRegistry(options) } catch {
            throw UsageError("\(label("schema-registry")): \(error.description)")
        }
    }

    /// The first line of a file.
    private static func credentials(_ path: String) throws -> String {
        let text = try TextFile.read(path)
        guard let line = text.split(whereSeparator: \.isNewline).first else {
            throw UsageError("'\(path)' holds no credentials")
        }
        return String(line)
    }
}
