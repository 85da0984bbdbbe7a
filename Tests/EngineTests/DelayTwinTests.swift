import Connectors
import Engine
import JSON
import State
import Testing

/// Delayed evaluation against one that begins anew for every prediction.
@Suite struct DelayTwinTests {
    private static let count = 160

    private static let records: [(features: String, target: Int)] = (0..<count).map { index in
        (#""a":\#((index * 37) % 11).5,"b":"c\#(index % 5)""#, (index * index / 3) % 2)
    }

    private static func line(_ index: Int, withTarget: Bool = true) -> String {
        "{" + records[index].features + (withTarget ? ",\"y\":\(records[index].target)}" : ",\"y\":null}") + "\n"
    }

    /// Without steps that depend on what was learned, or with River's, which are taken anew when a target comes: the
    /// features a record is learned from are then those of a run without delay.
    private static func configuration(_ preset: Preset, batchSize: Int = 64) -> Configuration {
        var configuration = Script.configuration(batchSize: batchSize)
        configuration.preset = preset
        if preset == .thalweg { configuration.pipeline = [] }
        configuration.schema.numeric = ["a"]
        configuration.schema.categorical = ["b"]
        configuration.schema.task = .binary
        configuration.schema.positive = "1"
        return configuration
    }

    /// The positive class's probability of every record.
    private static func probabilities(_ text: String, _ configuration: Configuration) throws -> [Double] {
        let outputs = Outputs()
        var options = RunOptions()
        options.predictions = outputs.predictions
        _ = try Run(configuration, source: ScriptedSource(text, piece: 1 << 16), options: options).execute()
        return try outputs.predictions.objects().compactMap { $0["probabilities"]?["1"]?.double }
    }

    @Test(arguments: [1, 7, 100], [Preset.thalweg, .river])
    func everyPredictionIsOfTheModelWithoutTheLastTargets(_ delay: Int, _ preset: Preset) throws {
        var expected: [Double] = []
        for index in 0..<Self.count where index % 7 == 3 || index < 12 {
            let known = (0..<max(0, index - delay + 1)).map { Self.line($0) }.joined()
            let last = try Self.probabilities(known + Self.line(index, withTarget: false), Self.configuration(preset))
            expected.append(try #require(last.last))
        }
        let text = (0..<Self.count).map { Self.line($0) }.joined()
        var digests: Set<String> = []
        for batchSize in [1, 5, 64] {
            var configuration = Self.configuration(preset, batchSize: batchSize)
            var options = DelayOptions()
            options.withheld = .records(delay)
            configuration.delay = options
            let found = try Self.probabilities(text, configuration)
            #expect(found.count == Self.count)
            let shown = found.indices.filter { $0 % 7 == 3 || $0 < 12 }.map { found[$0] }
            #expect(shown == expected, "batches of \(batchSize)")
            let source = ScriptedSource(text, piece: 1 << 16)
            digests.insert(try Run(configuration, source: source).execute().digest)
        }
        #expect(digests.count == 1, "the batch size does not matter")
    }
}
