import Connectors
import Engine
import Foundation
import JSON
import Snapshots

/// A small stream with bad records in it, and what an uninterrupted run makes of it.
enum Script {
    static let count = 1500

    /// Every 41st record is malformed.
    static let lines: [String] = (0..<count).map { index in
        index % 41 == 40
            ? #"{"a":oops \#(index)"#
            : #"{"a":\#((index * 37) % 11).5,"b":"c\#(index % 5)","y":\#((index * index / 3) % 2)}"#
    }

    static let text = lines.joined(separator: "\n") + "\n"

    static func configuration(batchSize: Int = 64) -> Configuration {
        var configuration = Configuration()
        configuration.schema.target = "y"
        configuration.bits = 8
        configuration.batchSize = batchSize
        return configuration
    }

    /// A seed to print, so that a failure can be repeated with THALWEG_TEST_SEED.
    static func seed(_ name: String) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["THALWEG_TEST_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0..<1_000_000)
        print("\(name): THALWEG_TEST_SEED=\(seed)")
        return seed
    }

    /// The lines of the first `bytes` bytes, complete.
    static func lines(upTo bytes: Int) -> [String] {
        String(decoding: text.utf8.prefix(bytes), as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// Where one test's runs write: two sinks and a directory of snapshots, removed with it.
final class Outputs {
    let directory = NSTemporaryDirectory() + "thalweg-engine-" + UUID().uuidString
    var predictions: ScriptedSink
    var quarantine: ScriptedSink

    init(predictions: ScriptedSink = ScriptedSink(), quarantine: ScriptedSink = ScriptedSink()) {
        self.predictions = predictions
        self.quarantine = quarantine
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// - Parameter everyRecords: 0 = one snapshot, at the end.
    func options(everyRecords: Int = 0) -> RunOptions {
        var options = RunOptions()
        options.predictions = predictions
        options.quarantine = quarantine
        var snapshots = SnapshotOptions(directory: directory)
        snapshots.everyRecords = everyRecords
        snapshots.everySeconds = 0
        options.snapshots = snapshots
        return options
    }

    func snapshots() throws -> [Snapshot] {
        try SnapshotStore.paths(in: directory).map { path in
            let snapshot = try Snapshot(path: path)
            try snapshot.verify()
            return snapshot
        }
    }
}

extension ScriptedSink {
    /// What was written, as JSON.
    func objects() throws -> [JSONValue] {
        let parser = JSONParser()
        return try bytes.split(separator: 10).map { try parser.value($0) }
    }
}
