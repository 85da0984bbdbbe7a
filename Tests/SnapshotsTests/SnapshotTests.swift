import Foundation
import JSON
import State
import Testing

@testable import Snapshots

private func temporaryDirectory() throws -> String {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("thalweg-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path
}

private func entries() -> [StateEntry] {
    let weights = StateArray<Float>(count: 100, lanes: 4)
    for index in 0..<400 { weights[index] = Float(index) * 0.5 }
    return [StateEntry("learner/weights", weights), StateEntry("count", StateArray<UInt64>([7, 8]))]
}

@Suite struct SnapshotTests {
    @Test func layoutIsThatOfSafetensors() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try SnapshotStore(directory: directory, keep: 2)
        let path = try store.write(entries(), metadata: ["records": 5], sequence: 5).path
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect((8 + length) % 64 == 0)
        #expect(bytes.count == 8 + length + 1600 + 16)
        let header = try JSONParser().value(bytes[8..<8 + length])
        #expect(header["learner/weights"]?["dtype"]?.string == "F32")
        #expect(header["learner/weights"]?["shape"]?.text == "[100,4]")
        #expect(header["count"]?["data_offsets"]?.text == "[1600,1616]")
        // safetensors takes text only as metadata.
        #expect(header["__metadata__"]?.members?.allSatisfy { $0.1.string != nil } == true)
        #expect(bytes[(8 + length + 4)..<(8 + length + 8)].elementsEqual([0, 0, 0, 0x3f]))
    }

    @Test func restoringGivesTheSameBytesAndRefusesOtherShapes() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try SnapshotStore(directory: directory, keep: 2)
        let path = try store.write(entries(), metadata: ["records": 5], sequence: 5).path
        let snapshot = try Snapshot(path: path)
        #expect(snapshot.metadata["records"]?.integer == 5)
        let weights = StateArray<Float>(count: 1, lanes: 4)
        let count = StateArray<UInt64>(count: 0)
        try snapshot.restore([StateEntry("learner/weights", weights), StateEntry("count", count)])
        #expect(weights.elements == (0..<400).map { Float($0) * 0.5 })
        #expect(count.elements == [7, 8])
        let wrong = StateArray<Double>(count: 100)
        #expect(throws: SnapshotError.self) {
            try snapshot.restore([StateEntry("learner/weights", wrong), StateEntry("count", count)])
        }
        #expect(throws: SnapshotError.self) { try snapshot.restore([StateEntry("count", count)]) }
    }

    /// Every bit of the header and every 64th of the rest, flipped one at a time, is noticed.
    @Test func aFlippedBitIsNoticed() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try SnapshotStore(directory: directory, keep: 2)
        let path = try store.write(entries(), metadata: ["records": 5], sequence: 5).path
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        let headerEnd = good.count - 1616
        let padding = good[..<headerEnd].lastIndex(of: UInt8(ascii: "}")) ?? headerEnd
        let url = URL(fileURLWithPath: directory + "/flipped.safetensors")
        for bit in 0..<good.count * 8 {
            let byte = bit / 8
            // Blanks behind the header's end may become other white space, which means the same.
            if byte > padding && byte < headerEnd || byte >= headerEnd && bit % 64 != 0 { continue }
            if byte < headerEnd && bit % 5 != 0 { continue }
            var bad = good
            bad[byte] ^= 1 << UInt8(bit % 8)
            try bad.write(to: url)
            let isNoticed: Bool
            do {
                try Snapshot(path: url.path).verify()
                isNoticed = false
            } catch { isNoticed = true }
            #expect(isNoticed, "bit \(bit) of \(good.count * 8)")
        }
    }

    @Test func aDamagedSnapshotIsSetAsideAndOldOnesGo() throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try SnapshotStore(directory: directory, keep: 2)
        for sequence in 1...4 {
            _ = try store.write(entries(), metadata: ["records": JSONValue(sequence)], sequence: sequence)
        }
        let paths = try SnapshotStore.paths(in: directory)
        #expect(paths.count == 2)
        let newest = try #require(paths.last)
        let handle = try #require(FileHandle(forWritingAtPath: newest))
        try handle.truncate(atOffset: 700)
        try handle.close()
        var told: [String] = []
        let found = try store.newest { told.append($0) }
        #expect(found?.metadata["records"]?.integer == 3)
        #expect(told.count == 1)
        #expect(FileManager.default.fileExists(atPath: newest + ".corrupt"))
    }
}
