import Connectors
import Foundation
import Kafka
import Snapshots
import Testing

/// An embedded cluster in a process of its own, as `thalweg broker` starts it.
final class Broker {
    let servers: String
    private let command: Command

    /// - Parameter port: 0 = any free one.
    init(_ topics: String, in workspace: Workspace, port: UInt16 = 0) throws {
        command = try Command(
            Command.thalweg, ["broker", "--topics", topics] + (port > 0 ? ["--port", String(port)] : []), in: workspace)
        _ = command.waits { $0.stdoutSoFar.hasSuffix("\n") }
        let first = try #require(command.stdoutSoFar.split(separator: "\n").first, "\(command.stderrSoFar)")
        servers = String(try #require(first.split(separator: "=").last))
    }

    /// Puts lines on a topic, one message each, and waits until the cluster has them.
    func produce(_ lines: [String], to topic: String) throws {
        let sink = try KafkaSink(try KafkaSinkOptions(parsing: url(topic))) { Issue.record("\($0)") }
        try Array((lines.joined(separator: "\n") + "\n").utf8).withUnsafeBytes { try sink.write($0) }
        try sink.flush()
        try sink.close()
    }

    func url(_ topic: String) -> String { "kafka://\(servers)/\(topic)" }

    var port: UInt16 { servers.split(separator: ":").last.flatMap { UInt16($0) } ?? 0 }

    func kill() {
        command.signal(SIGKILL)
        command.wait()
    }

    func stop() -> Outcome {
        command.signal(SIGTERM)
        return command.wait(upTo: 20)
    }
}

/// Records that each have a category of their own, for a learner that counts.
enum CountedRecords {
    static let learner = "--learner multinomial-naive-bayes --bits 14 --target y --categorical id"

    static func lines(_ count: Int) -> [String] {
        (0..<count).map(line)
    }

    static func line(_ number: Int) -> String { #"{"id":"r\#(number)","y":\#(number * 7 % 3 == 0 ? 1 : 0)}"# }

    /// What the learner counted, summed over the workers of a directory of snapshots.
    static func counts(_ directory: String) throws -> [Double] {
        var sum: [Double] = []
        var place = directory
        var worker = 1
        while FileManager.default.fileExists(atPath: place) {
            if let path = try SnapshotStore.paths(in: place).last {
                let values = try tensor("learner/counts", of: path)
                sum = sum.isEmpty ? values : zip(sum, values).map { $0 + $1 }
            }
            worker += 1
            place = "\(directory)/worker-\(worker)"
        }
        return sum
    }

    private static func tensor(_ name: String, of path: String) throws -> [Double] {
        let snapshot = try Snapshot(path: path)
        let tensor = try #require(snapshot.tensors.first { $0.name == name })
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let start = data.count - snapshot.tensors.map(\.range.upperBound).reduce(0, max)
        return data[(start + tensor.range.lowerBound)..<(start + tensor.range.upperBound)].withUnsafeBytes { bytes in
            (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
        }
    }
}
