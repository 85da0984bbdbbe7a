import Components
import Engine
import Foundation
import Learners
import Snapshots
import State
import Testing

/// A run that was interrupted goes on from its snapshot as if nothing had happened.
@Suite struct ResumeTests {
    /// What an uninterrupted run learns and writes.
    private static func whole(_ configuration: Configuration = Script.configuration()) throws -> (String, Outputs) {
        let outputs = Outputs()
        let source = ScriptedSource(Script.text, piece: 1 << 20)
        let report = try Run(configuration, source: source, options: outputs.options()).execute()
        #expect(report.records + report.rejected == Script.count && report.rejected == Script.count / 41)
        return (report.digest, outputs)
    }

    private static func expectSame(_ outputs: Outputs, _ whole: Outputs, _ comment: String) {
        // Only whether: the difference would take long to show.
        let areEqual = outputs.predictions.bytes == whole.predictions.bytes
        #expect(areEqual, "predictions, \(comment)")
        let areEqualToo = outputs.quarantine.bytes == whole.quarantine.bytes
        #expect(areEqualToo, "quarantine, \(comment)")
    }

    /// Input that grows, with and without a last line end; sometimes the newest snapshot is lost.
    @Test func cutAnywhereAndResumedIsTheSame() throws {
        let (digest, whole) = try Self.whole()
        let random = RandomGenerator(seed: Script.seed("cuts"))
        func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }
        for trial in 0..<8 {
            let outputs = Outputs()
            let configuration = Script.configuration(batchSize: pick([1, 17, 64, 256]))
            let options = outputs.options(everyRecords: pick([0, 50, 333]))
            let piece = pick([50, 100, 5000, 1 << 20])
            var cuts: [Int] = []
            for _ in 0..<pick([1, 2, 3]) { cuts.append(50 + Int(random.next() % UInt64(Script.count - 50))) }
            for cut in cuts.sorted() {
                let text = Script.lines[..<cut].joined(separator: "\n") + pick(["", "\n"])
                _ = try Run(configuration, source: ScriptedSource(text, piece: piece), options: options).execute()
                let paths = try SnapshotStore.paths(in: outputs.directory)
                if paths.count > 1, pick([true, false]) {
                    try FileManager.default.removeItem(atPath: paths[paths.count - 1])
                }
            }
            let source = ScriptedSource(Script.text, piece: piece)
            let report = try Run(configuration, source: source, options: options).execute()
            #expect(report.digest == digest, "trial \(trial), cuts \(cuts)")
            #expect(report.records + report.rejected == Script.count)
            Self.expectSame(outputs, whole, "trial \(trial), cuts \(cuts)")
        }
    }

    @Test(arguments: [BatchMode.sequential, .mean])
    func stoppedInTheMiddleAndResumed(_ mode: BatchMode) throws {
        var configuration = Script.configuration()
        configuration.batchMode = mode
        // A mean step must not depend on how long a batch waited.
        configuration.batchWait = 3600
        if mode == .mean {
            configuration.learner = ComponentSpecification(name: "linear", fields: ["optimizer": "sgd"])
        }
        let (digest, whole) = try Self.whole(configuration)
        let random = RandomGenerator(seed: Script.seed("stops, \(mode)"))
        let outputs = Outputs()
        var stops = 0
        var records = 0
        while true {
            let options = outputs.options(everyRecords: 100)
            let source = ScriptedSource(Script.text, piece: 200)
            let stop = options.stop
            // Text for some 300 records more each time; the stream has some 390 reads.
            let last = 20 + Int(random.next() % 120)
            source.atRead = { read in if read == last { stop.request(15) } }
            let report = try Run(configuration, source: source, options: options).execute()
            #expect(report.records >= records)
            records = report.records
            let newest = try #require(outputs.snapshots().last)
            #expect(newest.metadata["records"]?.integer == records)
            #expect(newest.metadata["rejected"]?.integer == report.rejected)
            if source.reads < last {
                #expect(report.digest == digest)
                break
            }
            // The last one may come when everything is read.
            if records + report.rejected < Script.count { stops += 1 }
        }
        #expect(stops > 1)
        Self.expectSame(outputs, whole, "\(stops) stops")
    }

    struct Failure: Sendable, CustomTestStringConvertible {
        let sink: WritableKeyPath<Outputs, ScriptedSink> & Sendable
        let isClosed: Bool
        let limit: Int
        var testDescription: String {
            "\(sink == \.predictions ? "predictions" : "quarantine") \(isClosed ? "closed" : "fatal") after \(limit)"
        }
    }

    static let failures: [Failure] = [0, 1000, 3000].flatMap { limit in
        [false, true].flatMap { isClosed in
            [
                Failure(sink: \.predictions, isClosed: isClosed, limit: 20 * limit),
                Failure(sink: \.quarantine, isClosed: isClosed, limit: limit),
            ]
        }
    }

    /// The snapshot knows what was learned, what was written of it, and what is still to be written.
    @Test(arguments: failures)
    func aSinkThatFails(_ failure: Failure) throws {
        let configuration = Script.configuration()
        let (digest, whole) = try Self.whole()
        var outputs = Outputs()
        let sink = ScriptedSink(limit: failure.limit, failure.isClosed ? .closed : .fatal)
        outputs[keyPath: failure.sink] = sink
        var thrown: EngineError?
        do {
            let source = ScriptedSource(Script.text, piece: 500)
            _ = try Run(configuration, source: source, options: outputs.options(everyRecords: 70)).execute()
        } catch let error as EngineError { thrown = error }
        #expect(thrown?.kind == (failure.isClosed ? .closed : .runtime))
        #expect(thrown?.description == "the script takes no more")
        try expectSnapshotIsRight(outputs, whole)

        sink.limit = nil
        let source = ScriptedSource(Script.text, piece: 500)
        let resumed = try Run(configuration, source: source, options: outputs.options()).execute()
        #expect(resumed.digest == digest)
        Self.expectSame(outputs, whole, "\(failure)")
    }

    private func expectSnapshotIsRight(_ outputs: Outputs, _ whole: Outputs) throws {
        let snapshot = try #require(outputs.snapshots().last)
        let metadata = snapshot.metadata
        let position = try #require(metadata["position"])
        let part = try #require(position["parts"]?.array?.first)
        let offset = try #require(part["offset"]?.integer)
        let learned = Script.lines(upTo: offset)
        #expect(!learned.isEmpty && learned.count < Script.count, "in the middle")
        #expect(learned.last == Script.lines[learned.count - 1], "no half records")
        #expect(part["line"]?.integer == learned.count + 1)
        let rejected = learned.count / 41
        #expect(metadata["rejected"]?.integer == rejected && metadata["records"]?.integer == learned.count - rejected)
        // Written and not yet written together are the lines of what was learned.
        for (name, found, expected, count) in [
            ("predictions", outputs.predictions, whole.predictions, learned.count - rejected),
            ("quarantine", outputs.quarantine, whole.quarantine, rejected),
        ] {
            let written = try #require(position[name]?.integer)
            #expect(written == found.position)
            let unsent = try #require(position["unsent_\(name)"]?.string)
            let bytes = found.bytes.prefix(written) + Array(unsent.utf8)
            #expect(bytes.count { $0 == 10 } == count, "\(name)")
            let isBeginning = expected.bytes.starts(with: bytes)
            #expect(isBeginning, "\(name)")
        }
        // The model is that of these records and no other.
        let text = String(decoding: Script.text.utf8.prefix(offset), as: UTF8.self)
        let alone = try Run(Script.configuration(), source: ScriptedSource(text, piece: 1 << 20)).execute()
        var onlyRead = RunOptions()
        onlyRead.snapshotPath = snapshot.path
        let kept = try Run(Script.configuration(), source: ScriptedSource(text, piece: 1 << 20), options: onlyRead)
        #expect(try kept.execute().digest == alone.digest)
    }
}
