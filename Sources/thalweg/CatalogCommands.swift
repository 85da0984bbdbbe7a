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

    /// One row a component: name, tasks (learners only), summary.
    static func rows(_ kind: String) -> [[String]] {
        guard kind == "learners" else { return descriptors(kind).map { [$0.name, $0.summary] } }
        return LearnerRegistry.all.map { learner in
            [
                learner.descriptor.name, learner.tasks.map(\.rawValue).joined(separator: ", "),
                learner.descriptor.summary,
            ]
        }
    }

    /// Rows as a Markdown table, as the README has it.
    static func markdown(_ kind: String) -> String {
        let rows = rows(kind).map { ["`\($0[0])`"] + $0.dropFirst() }
        let titles = kind == "learners" ? ["learner", "tasks", "what it is"] : ["name", "what it does"]
        return ([titles, titles.map { _ in "---" }] + rows)
            .map { "| " + $0.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |" }
            .joined(separator: "\n")
    }

    /// Rows in columns.
    static func columns(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        let widths = first.indices.dropLast().map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let padded = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count + 2) }
            return padded.joined() + (row.last ?? "")
        }
    }
}

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The components there are: learners, steps, detectors, formats, generators.")

    @Argument(help: "learners|steps|detectors|formats|generators; all when absent.") var kind: String?
    @Flag(help: "As Markdown tables.") var markdown = false

    func run() throws {
        if let kind, !Catalog.kinds.contains(kind) {
            throw UsageError("there is no kind '\(kind)'" + didYouMean(kind, Catalog.kinds))
        }
        for each in Catalog.kinds where kind == nil || kind == each {
            if kind == nil { try printData("\(each):") }
            if markdown {
                try printData(Catalog.markdown(each))
                continue
            }
            for line in Catalog.columns(Catalog.rows(each)) { try printData("\(kind == nil ? "  " : "")\(line)") }
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
