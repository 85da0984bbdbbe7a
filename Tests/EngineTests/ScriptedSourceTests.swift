import Engine
import Foundation
import Testing

@Suite struct ScriptedSourceTests {
    private static let text = (0..<3000).map { index in
        #"{"a":\#((index * 37) % 11),"b":"c\#(index % 5)","y":\#((index * 7 / 3) % 2)}"# + "\n"
    }.joined()

    private func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.schema.target = "y"
        configuration.batchSize = 64
        return configuration
    }

    @Test(arguments: [3, 63, 1000, 1 << 20])
    func piecesOfAnySizeTeachTheSame(piece: Int) throws {
        let whole = try Run(configuration(), source: ScriptedSource(Self.text, piece: 1 << 20)).execute()
        let pieces = try Run(configuration(), source: ScriptedSource(Self.text, piece: piece)).execute()
        #expect(whole.records == 3000)
        #expect(pieces.digest == whole.digest)
    }

    @Test(arguments: [700, 850, 1000])
    func aFailedSourceLeavesASnapshotToResumeFrom(failingRead: Int) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("thalweg-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = RunOptions()
        options.snapshots = SnapshotOptions(directory: directory)
        #expect(throws: EngineError.self) {
            try Run(
                configuration(), source: ScriptedSource(Self.text, piece: 100, failingRead: failingRead),
                options: options
            ).execute()
        }
        let resumed = try Run(configuration(), source: ScriptedSource(Self.text, piece: 100), options: options)
            .execute()
        let whole = try Run(configuration(), source: ScriptedSource(Self.text, piece: 1 << 20)).execute()
        #expect(resumed.digest == whole.digest)
        #expect(resumed.records == 3000)
    }
}
