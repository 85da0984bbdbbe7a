import Components
import Connectors
import Engine
import Foundation
import JSON
import Records
import Snapshots
import State
import Testing

/// A message source through the engine: what is released, lost or resumed is learned exactly once.
@Suite struct MessageReaderTests {
    private let topic = MemoryTopic(parts: 4, messages: 2000)

    private func configuration(batchSize: Int = 32, learner: String = "multinomial-naive-bayes") throws -> Configuration
    {
        var configuration = Configuration()
        configuration.schema.target = "y"
        configuration.schema.categorical = ["key"]
        configuration.learner = ComponentSpecification(name: learner)
        configuration.batchSize = batchSize
        configuration.bits = 12
        return configuration
    }

    private func withDirectory(_ body: (String) throws -> Void) rethrows {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("thalweg-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func options(_ directory: String, every records: Int = 100) -> RunOptions {
        var options = RunOptions()
        options.snapshots = SnapshotOptions(directory: directory)
        options.snapshots?.everyRecords = records
        options.snapshots?.everySeconds = 0
        return options
    }

    /// What the learner counted, in the newest snapshot of a directory.
    private func counts(_ directory: String) throws -> [Double] {
        // A worker that never had anything durable has learned nothing for good.
        guard let path = try SnapshotStore.paths(in: directory).last else { return [] }
        let snapshot = try Snapshot(path: path)
        let tensor = try #require(snapshot.tensors.first { $0.name == "learner/counts" })
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let start = data.count - snapshot.tensors.map(\.range.upperBound).reduce(0, max)
        return data[(start + tensor.range.lowerBound)..<(start + tensor.range.upperBound)].withUnsafeBytes { bytes in
            (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
        }
    }

    private func sum(_ a: [Double], _ b: [Double]) -> [Double] {
        (0..<max(a.count, b.count)).map { (a.indices.contains($0) ? a[$0] : 0) + (b.indices.contains($0) ? b[$0] : 0) }
    }

    private func expected() throws -> [Double] {
        var result: [Double] = []
        try withDirectory { directory in
            let whole = MemorySource(topic, [.assign(topic.names)])
            let report = try Run(configuration(), source: whole, options: options(directory)).execute()
            #expect(report.records == topic.count)
            result = try counts(directory)
        }
        #expect(result.reduce(0, +) == Double(topic.count))
        return result
    }

    @Test(arguments: [1, 7, 256])
    func batchSizeDoesNotMatter(size: Int) throws {
        let steps: [MemorySource.Step] = [.assign(topic.names), .deliver(3), .deliver(100), .deliver(1)]
        let one = try Run(configuration(learner: "linear"), source: MemorySource(topic, steps)).execute()
        let other = try Run(
            configuration(batchSize: size, learner: "linear"), source: MemorySource(topic, steps)
        ).execute()
        #expect(one.digest == other.digest)
        #expect(one.records == topic.count)
    }

    @Test func releasedPartsAreDurableBeforeTheyGo() throws {
        try withDirectory { directory in
            let source = MemorySource(
                topic,
                [.assign(topic.names), .deliver(150), .release(["t/0", "t/2"]), .deliver(90)])
            let run = try Run(configuration(), source: source, options: options(directory, every: 1 << 40))
            _ = try run.execute()
            // The first acknowledgement is the release's: all that was handed out is in it.
            let first = try #require(source.acknowledged.first)
            #expect(first.reduce(0) { $0 + $1.offset } == 150)
            // Another worker beside this one takes the released parts and nothing else.
            let heir = MemorySource(topic, [.assign(["t/0", "t/2"])])
            _ = try Run(configuration(), source: heir, options: options(directory)).execute()
            let union = sum(try counts(directory), try counts(directory + "/worker-2"))
            #expect(union == (try expected()))
            withExtendedLifetime(run) {}
        }
    }

    @Test func aHeldPartIsNotGranted() throws {
        try withDirectory { directory in
            let lock = directory + "/parts"
            try FileManager.default.createDirectory(atPath: lock, withIntermediateDirectories: true)
            var holder = ""
            let held = try FileLock(path: lock + "/t-1.lock", holder: &holder)
            let source = MemorySource(topic, [.assign(topic.names)])
            _ = try Run(configuration(), source: source, options: options(directory)).execute()
            #expect(source.refused == ["t/1"])
            withExtendedLifetime(held) {}
        }
    }

    @Test func aDirectoryOfBytesBelongsToOneRun() throws {
        try withDirectory { directory in
            let source = MemorySource(topic, [.assign(topic.names)])
            let run = try Run(configuration(), source: source, options: options(directory))
            #expect(throws: EngineError.self) {
                try Run(configuration(), source: ScriptedSource(topic.text, piece: 100), options: options(directory))
            }
            withExtendedLifetime(run) {}
        }
    }

    /// Two workers in turns, with releases, losses and failures at random: the union of their states is what one
    /// uninterrupted worker learned.
    @Test(arguments: 0..<20)
    func everyMessageIsAppliedExactlyOnce(round: Int) throws {
        let seed = UInt64(ProcessInfo.processInfo.environment["THALWEG_SEED"] ?? "") ?? 7
        var random = RandomGenerator(seed: seed &+ UInt64(round))
        let comment: Comment = "THALWEG_SEED=\(seed) round \(round)"
        try withDirectory { directory in
            let first = MemorySource(topic, script(&random))
            let a = try Run(configuration(), source: first, options: options(directory, every: 60))
            _ = try? a.execute()
            // The other goes on with all parts, then dies or ends; then its place is taken up again.
            for steps in [script(&random), [.assign(topic.names)]] {
                let b = try Run(configuration(), source: MemorySource(topic, steps), options: options(directory))
                _ = try? b.execute()
            }
            let union = sum(try counts(directory), try counts(directory + "/worker-2"))
            #expect(union == (try expected()), comment)
            withExtendedLifetime(a) {}
        }
    }

    private func script(_ random: inout RandomGenerator) -> [MemorySource.Step] {
        var steps: [MemorySource.Step] = [.assign(topic.names)]
        for _ in 0..<12 {
            let some = topic.names.filter { _ in random.next() % 2 == 0 }
            switch random.next() % 6 {
            case 0: steps.append(.release(some))
            case 1: steps.append(.lost(some))
            case 2: steps.append(.assign(some))
            default: steps.append(.deliver(1 + Int(random.next() % 90)))
            }
        }
        // A worker that dies here leaves parts for the other.
        return steps + [.fail]
    }
}
