import ArgumentParser
import Kafka

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or show the configuration in force.",
        subcommands: [Check.self, Show.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Say whether a configuration file is right, and if not, what is wrong.")
        @Argument(help: "The file.") var file: String

        func run() throws {
            let settings = try Settings(commandLine: [:], file: file)
            _ = try settings.orderOptions(try settings.configuration())
            _ = try settings.snapshotOptions()
            _ = try settings.progressTable()
            for setting in Setting.all where setting.kind == .flag { _ = try settings.flag(setting.name) }
            try printData("ok: \(file)")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Every setting with its value and where that came from.")
        @OptionGroup var options: CommonOptions
        @Argument(help: "Configuration file.") var file: String?

        func run() throws {
            let settings = try Settings(commandLine: options.given, file: file ?? options.config)
            _ = try settings.configuration()
            for setting in Setting.all {
                let texts = settings.texts(setting.name).map {
                    setting.name == "property" ? Self.withoutSecret($0) : $0
                }
                let value = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
                let key = setting.path + ":"
                try printData(
                    "\(key.padded(to: 28)) \(value.padded(to: 24)) # \(settings.origin(setting.name).rawValue)")
            }
        }

        /// A property of librdkafka without its value where that is nobody's business.
        private static func withoutSecret(_ property: String) -> String {
            let name = property.prefix { $0 != "=" }
            guard !name.contains("@"), KafkaProperties.isSecret(String(name)) else { return property }
            return "\(name)=***"
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
