import ArgumentParser
import Components
import Drift
import Engine
import Formats
import Generators
import Preprocessing

/// Everything a name on the command line can mean.
enum Catalog {
    static let kinds = ["learners", "steps", "detectors", "formats", "generators"]

    /// Components of a kind: what they are called and do, and their fields.
    static func descriptors(_ kind: String) -> [Descriptor] {
        switch kind {
        case "learners": LearnerRegistry.all.map(\.descriptor)
        case "steps":
            PreprocessingSteps.descriptors
        case "detectors": DetectorRegistry.all.map(\.descriptor) + DistributionTest.allCases.map(\.descriptor)
        case "formats": FormatRegistry.all.map { Descriptor($0.name, $0.summary) }
        case "generators":
            GeneratorRegistry.all.map { generator in
                Descriptor(
                    generator.name, generator.summary,
                    fields: generator.options.map { option in
                        HyperparameterField(
                            option.name, .number(option.range), default: "\(option.defaultValue)", option.summary)
                    })
            }
        default: []
        }
    }
}

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The components there are: learners, steps, detectors, formats, generators.")

    @Argument(help: "learners|steps|detectors|formats|generators; all when absent.") var kind: String?

    func run() throws {
        if let kind, !Catalog.kinds.contains(kind) {
            throw UsageError("there is no kind '\(kind)'" + didYouMean(kind, Catalog.kinds))
        }
        for each in Catalog.kinds where kind == nil || kind == each {
            if kind == nil { try printData("\(each):") }
            for descriptor in Catalog.descriptors(each) {
                let padding = String(repeating: " ", count: max(1, 22 - descriptor.name.count))
                try printData("\(kind == nil ? "  " : "")\(descriptor.name)\(padding)\(descriptor.summary)")
            }
        }
    }
}

struct DescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "A component and its fields: range, default, meaning.")

    @Argument(help: "Its name.") var name: String

    func run() throws {
        let all = Catalog.kinds.flatMap { kind in Catalog.descriptors(kind).map { (kind, $0) } }
        guard let (kind, descriptor) = all.first(where: { $0.1.name == name }) else {
            throw UsageError("there is no component '\(name)'" + didYouMean(name, all.map(\.1.name)))
        }
        try printData("\(descriptor.name) (\(kind)): \(descriptor.summary)")
        for field in descriptor.fields {
            try printData("  \(field.name) = \(field.defaultText)  [\(field.range)]")
            try printData("      \(field.summary)")
        }
    }
}
