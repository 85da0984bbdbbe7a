import Connectors
import Engine
import Foundation
import Records
import Testing

/// A source that hands out a text in pieces of a given size, idles in between, and fails at a given read.
final class ScriptedSource: ByteSource {
    let isReplayable = true
    private let bytes: [UInt8]
    private let piece: Int
    private let failingRead: Int?
    private var at = 0
    private var reads = 0
    private var isOpen = false

    init(_ text: String, piece: Int, failingRead: Int? = nil) {
        bytes = Array(text.utf8)
        self.piece = piece
        self.failingRead = failingRead
    }

    func open(at positions: [PartPosition]) { at = positions.first?.offset ?? 0 }

    func advance() -> PartPosition? {
        if isOpen { return nil }
        isOpen = true
        var position = PartPosition(name: "script")
        position.offset = at
        return position
    }

    func read(into chunk: Chunk) throws(ConnectorError) -> ReadOutcome {
        reads += 1
        if let failingRead, reads >= failingRead { throw ConnectorError("the script fails at read \(reads)") }
        if reads % 3 == 0 { return .idle }
        guard at < bytes.count else { return .endOfPart }
        let count = min(piece, bytes.count - at, chunk.capacity - chunk.count)
        bytes[at..<at + count].withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        at += count
        return .bytes
    }

    func fingerprint(limit: Int) -> (digest: String, bytes: Int) { ("", 0) }
    func close() {}
}

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
