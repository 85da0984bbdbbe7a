import Foundation
import JSON
import State
import Testing

@testable import Snapshots

/// Writes snapshots of a small component and reads them by hand.
final class SampleComponent: Stateful {
    let weights: StateArray<Float>
    let counts: StateArray<UInt64>
    let empty = StateArray<UInt8>(count: 0)

    init(_ weights: [Float] = [], counts: [UInt64] = []) {
        self.weights = StateArray(count: weights.count / 2, lanes: 2)
        for (index, weight) in weights.enumerated() { self.weights[index] = weight }
        self.counts = StateArray(counts)
    }

    var state: [StateEntry] {
        [StateEntry("learner/weights", weights), StateEntry("counts", counts), StateEntry("none", empty)]
    }
}

final class Directory {
    let path = NSTemporaryDirectory() + "thalweg-snapshots-" + UUID().uuidString

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func names() -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    func bytes(_ path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map(Array.init) ?? [] }

    func replace(_ path: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
}

struct LayoutTests {
    static let metadata: JSONValue = ["records": 7, "text": "ä\"\\"]

    static func written(_ directory: Directory, _ component: SampleComponent, sequence: Int = 7) throws -> String {
        let store = try SnapshotStore(directory: directory.path, keep: 3)
        return try store.write(component.state, metadata: metadata, sequence: sequence).path
    }

    /// 8 bytes of length, JSON, raw little-endian numbers: nothing else, and the tensors lie without gaps.
    @Test func byHand() throws {
        let directory = Directory()
        let path = try Self.written(directory, SampleComponent([1, -2, 0.5, 4], counts: [258]))
        let bytes = directory.bytes(path)
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect((8 + length) % 64 == 0)
        let json = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: Any]
        let header = try #require(json)
        #expect(Set(header.keys) == ["__metadata__", "learner/weights", "counts", "none"])
        let weights = try #require(header["learner/weights"] as? [String: Any])
        #expect(weights["dtype"] as? String == "F32" && weights["shape"] as? [Int] == [2, 2])
        #expect(weights["data_offsets"] as? [Int] == [0, 16])
        let counts = try #require(header["counts"] as? [String: Any])
        #expect(counts["dtype"] as? String == "U64" && counts["shape"] as? [Int] == [1])
        #expect(counts["data_offsets"] as? [Int] == [16, 24])
        let own = try #require(
            header["__metadata__"] as? [String: String], "all values are strings, as the format asks")
        let run = try JSONSerialization.jsonObject(with: Data((own["thalweg"] ?? "").utf8)) as? [String: Any]
        #expect(run?["records"] as? Int == 7 && run?["text"] as? String == "ä\"\\")
        let data = Array(bytes[(8 + length)...])
        let numbers: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 0, 63, 0, 0, 128, 64]
        #expect(data == numbers + [2, 1, 0, 0, 0, 0, 0, 0])
    }

    @Test func comesBack() throws {
        let directory = Directory()
        let component = SampleComponent([1, -2, 0.5, 4], counts: [258, 3])
        let snapshot = try Snapshot(path: Self.written(directory, component))
        try snapshot.verify()
        #expect(snapshot.metadata == Self.metadata)
        let other = SampleComponent([0, 0, 0, 0], counts: [9, 9])
        try snapshot.restore(other.state)
        #expect(other.digest == component.digest)
    }

    @Test func otherComponentsAreRefused() throws {
        let directory = Directory()
        let snapshot = try Snapshot(path: Self.written(directory, SampleComponent([1, 2], counts: [3])))
        let floats = StateArray<Float>(count: 1, lanes: 2)
        let counts = StateArray<UInt64>(count: 1)
        let none = StateArray<UInt8>(count: 0)
        let others: [(String, [StateEntry])] = [
            ("fewer", [StateEntry("learner/weights", floats), StateEntry("counts", counts)]),
            ("renamed", [StateEntry("learner/bias", floats), StateEntry("counts", counts), StateEntry("none", none)]),
            (
                "other type",
                [
                    StateEntry("learner/weights", floats), StateEntry("counts", StateArray<Double>(count: 1)),
                    StateEntry("none", none),
                ]
            ),
            (
                "reordered",
                [StateEntry("counts", counts), StateEntry("learner/weights", floats), StateEntry("none", none)]
            ),
            (
                "other lanes",
                [
                    StateEntry("learner/weights", StateArray<Float>(count: 1, lanes: 4)), StateEntry("counts", counts),
                    StateEntry("none", none),
                ]
            ),
            (
                "other count",
                [
                    StateEntry("learner/weights", floats), StateEntry("counts", StateArray<UInt64>(count: 8)),
                    StateEntry("none", none),
                ]
            ),
        ]
        for (name, entries) in others {
            #expect(throws: SnapshotError.self, "\(name)") { try snapshot.restore(entries) }
        }
    }

    /// What grows with the data comes back with any length.
    @Test func growingArraysTakeTheirLength() throws {
        let directory = Directory()
        let names = StateArray<UInt8>([7, 8, 9])
        let store = try SnapshotStore(directory: directory.path, keep: 3)
        let path = try store.write([StateEntry("names", names)], metadata: [:], sequence: 1).path
        for count in [0, 2, 3, 100] {
            let fresh = StateArray<UInt8>(count: count, grows: true)
            try Snapshot(path: path).restore([StateEntry("names", fresh)])
            #expect(fresh.elements == [7, 8, 9])
        }
    }

    /// The header's digest is tied to every word of it.
    @Test func headerIsCoveredByItsDigest() throws {
        let directory = Directory()
        let path = try Self.written(directory, SampleComponent([1, 2], counts: [3]))
        let good = directory.bytes(path)
        let text = String(decoding: good, as: UTF8.self)
        for (word, other) in [
            ("\"records\\\":7", "\"records\\\":8"), ("\"F32\"", "\"U32\""), ("[1,2]", "[2,1]"), ("learner", "learned"),
            ("format_version\":\"1", "format_version\":\"3"),
        ] {
            let range = try #require(text.utf8.firstRange(of: word.utf8), "\(word) stands in the header")
            let start = text.utf8.distance(from: text.utf8.startIndex, to: range.lowerBound)
            var bytes = good
            // Offsets in text and bytes agree before the tensors, which are no UTF-8.
            bytes.replaceSubrange(start..<start + word.utf8.count, with: Array(other.utf8))
            try directory.replace(path, bytes)
            do throws(SnapshotError) {
                _ = try Snapshot(path: path)
                Issue.record("\(word)")
            } catch { #expect(error.isDamage, "\(word): \(error)") }
        }
    }

    /// Every bit, every length: none passes.
    @Test func everyBitAndEveryLength() throws {
        let directory = Directory()
        let path = try Self.written(directory, SampleComponent([1, 2], counts: [3]))
        let good = directory.bytes(path)
        func isGood() -> Bool { (try? Snapshot(path: path).verify()) != nil }
        #expect(isGood())
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        for bit in 0..<good.count * 8 {
            var byte = good[bit / 8] ^ 1 << UInt8(bit % 8)
            pwrite(descriptor, &byte, 1, off_t(bit / 8))
            if isGood() { Issue.record("bit \(bit) of \(good.count * 8)") }
            byte = good[bit / 8]
            pwrite(descriptor, &byte, 1, off_t(bit / 8))
        }
        #expect(isGood(), "every bit is back where it was")
        for length in (0..<good.count).reversed() {
            ftruncate(descriptor, off_t(length))
            if isGood() { Issue.record("\(length) bytes of \(good.count)") }
        }
    }

    /// A header that promises more than there is must not make anyone allocate it.
    @Test func promisesAreChecked() throws {
        let directory = Directory()
        let path = try Self.written(directory, SampleComponent([1, 2], counts: [3]))
        for length: [UInt8] in [
            [255, 255, 255, 255, 255, 255, 255, 127], [0, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0],
        ] {
            try directory.replace(path, length + Array(directory.bytes(path).dropFirst(8)))
            #expect(throws: SnapshotError.self) { try Snapshot(path: path) }
        }
    }
}
