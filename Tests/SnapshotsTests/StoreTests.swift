import Foundation
import Glibc
import JSON
import State
import Testing

@testable import Snapshots

struct StoreTests {
    private func store(_ directory: Directory, keep: Int = 3) throws -> SnapshotStore {
        try SnapshotStore(directory: directory.path, keep: keep)
    }

    @Test func newestIsTheLastBySequence() throws {
        let directory = Directory()
        let store = try store(directory)
        for sequence in [5, 99, 100, 1_000_000] {
            let component = SampleComponent([Float(sequence), 0], counts: [])
            _ = try store.write(component.state, metadata: ["records": JSONValue(sequence)], sequence: sequence)
        }
        #expect(directory.names().count == 3, "the oldest is gone: \(directory.names())")
        let newest = try #require(try store.newest { Issue.record("\($0)") })
        #expect(newest.metadata["records"]?.integer == 1_000_000)
    }

    @Test func emptyDirectoryHasNone() throws {
        let directory = Directory()
        #expect(try store(directory).newest { Issue.record("\($0)") } == nil)
    }

    @Test func damagedOnesAreSetAside() throws {
        let directory = Directory()
        let store = try store(directory)
        var paths: [String] = []
        for sequence in 1...3 {
            let component = SampleComponent([Float(sequence), 0], counts: [])
            paths.append(
                try store.write(component.state, metadata: ["records": JSONValue(sequence)], sequence: sequence).path)
        }
        for path in paths[1...] { try directory.replace(path, Array(directory.bytes(path).dropLast())) }
        var reports: [String] = []
        let newest = try #require(try store.newest { reports.append($0) })
        #expect(newest.metadata["records"]?.integer == 1)
        #expect(reports.count == 2 && reports.allSatisfy { $0.contains(".corrupt") })
        #expect(directory.names().filter { $0.hasSuffix(".corrupt") }.count == 2)
    }

    /// A file that is only unreadable may be good: it is an error, not damage.
    @Test func unknownVersionIsAnErrorNotDamage() throws {
        let directory = Directory()
        let store = try store(directory)
        let path = try store.write(SampleComponent([1, 2]).state, metadata: [:], sequence: 1).path
        var text = directory.bytes(path)
        let own =
            try JSONSerialization.jsonObject(with: Data(text[8..<(8 + Int(text[0]) + Int(text[1]) << 8)]))
            as? [String: Any]
        let metadata = try #require(own?["__metadata__"] as? [String: String])
        let layout = try #require(
            try JSONParser().value(Array(text[8..<(8 + Int(text[0]) + Int(text[1]) << 8)])).members)
        let digest = SnapshotFile.digest(
            of: "2", metadata["thalweg"] ?? "", metadata["digests"] ?? "", layout.filter { $0.0 != "__metadata__" })
        for (old, new) in [("format_version\":\"1", "format_version\":\"2"), (metadata["header_digest"] ?? "", digest)]
        {
            let start = try #require(text.indices.first { text[$0...].starts(with: Array(old.utf8)) })
            text.replaceSubrange(start..<start + old.utf8.count, with: Array(new.utf8))
        }
        try directory.replace(path, text)
        let before = directory.names()
        do throws(SnapshotError) {
            _ = try store.newest { Issue.record("\($0)") }
            Issue.record("a newer format was read")
        } catch {
            #expect(!error.isDamage && error.description.contains("format 2"), "\(error)")
        }
        #expect(directory.names() == before, "a newer version's file is left alone")
    }

    /// Whatever fails while writing, the old ones stay and nothing half-written is left.
    @Test func failedWriteLeavesTheOldOnes() throws {
        let directory = Directory()
        let store = try store(directory)
        let component = SampleComponent([1, 2], counts: [3])
        _ = try store.write(component.state, metadata: [:], sequence: 1)
        let before = directory.names()
        // A directory where the file should go: the rename fails.
        let blocked = directory.path + "/snapshot-0000000000000002.safetensors"
        try FileManager.default.createDirectory(atPath: blocked + "/x", withIntermediateDirectories: true)
        #expect(throws: SnapshotError.self) { try store.write(component.state, metadata: [:], sequence: 2) }
        try FileManager.default.removeItem(atPath: blocked)
        #expect(directory.names() == before)
        // The directory itself goes away, as an unmounted disk does.
        try FileManager.default.removeItem(atPath: directory.path)
        #expect(throws: SnapshotError.self) { try store.write(component.state, metadata: [:], sequence: 3) }
    }
}
