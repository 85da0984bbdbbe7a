import Foundation
import Testing

@testable import Snapshots

/// The journal: what was appended is read again, whatever became of the end of the file.
struct JournalTests {
    private final class Folder {
        let path = NSTemporaryDirectory() + "thalweg-journal-" + UUID().uuidString
        init() { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
        func bytes(_ name: String) -> [UInt8] {
            FileManager.default.contents(atPath: "\(path)/\(name)").map(Array.init) ?? []
        }
        func write(_ name: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }
    }

    /// Entries of growing size: entry n has n + 1 records.
    private static func entry(_ number: Int) -> (entry: JournalEntry, bytes: [UInt8]) {
        let first = number * (number + 1) / 2
        let lines = (0...number).map { "{\"id\":\(first + $0)}\n" }.joined()
        return (JournalEntry(kind: 1, first: first, count: number + 1, byteCount: lines.utf8.count), Array(lines.utf8))
    }

    private static func fill(_ journal: Journal, _ numbers: Range<Int>) throws {
        for number in numbers {
            let (entry, bytes) = entry(number)
            try journal.append([entry], bytes, flushes: number % 3 == 0)
        }
    }

    /// Numbers of the entries that are read again; fails where one is not as it was.
    private static func numbers(_ journal: Journal, from first: Int = 0) throws -> [Int] {
        var reader = journal.entries(first..<Int.max)
        var found: [Int] = []
        while let (entry, bytes) = try reader.next() {
            let expected = Self.entry(entry.count - 1)
            #expect(entry == expected.entry && Array(bytes) == expected.bytes)
            found.append(entry.count - 1)
        }
        return found
    }

    @Test func whatWasAppendedIsReadAgain() throws {
        let folder = Folder()
        let journal = try Journal(directory: folder.path, segmentBytes: 300) { Issue.record("\($0)") }
        #expect(journal.end == nil)
        try Self.fill(journal, 0..<10)
        let group = [Self.entry(10), Self.entry(11)]
        try journal.append(group.map(\.entry), group.flatMap(\.bytes), flushes: true)
        #expect(try Self.numbers(journal) == Array(0..<12))
        #expect(try Self.numbers(journal, from: 66) == [11])
        #expect(folder.files.count > 2)
        let again = try Journal(directory: folder.path, segmentBytes: 300) { Issue.record("\($0)") }
        #expect(again.end == 78)
        try Self.fill(again, 12..<15)
        #expect(try Self.numbers(again) == Array(0..<15))
        again.prune(before: 66)
        #expect(try Self.numbers(again, from: 66) == [11, 12, 13, 14])
        #expect(try Self.numbers(again).first ?? 0 > 5)
        again.prune(before: .max)
        #expect(folder.files.count == 1, "the newest one says from which offset to count on")
    }

    /// A crash may end the file at any byte: what is whole before stays, and appending goes on.
    @Test func tornAtEveryByte() throws {
        let whole = Folder()
        try Self.fill(try Journal(directory: whole.path) { _ in }, 0..<4)
        let name = try #require(whole.files.first)
        let bytes = whole.bytes(name)
        for count in 0..<bytes.count {
            let folder = Folder()
            try folder.write(name, Array(bytes[..<count]))
            var reports: [String] = []
            let journal = try Journal(directory: folder.path) { reports.append($0) }
            let kept = try Self.numbers(journal)
            #expect(kept == Array(0..<kept.count))
            let size = 16 + kept.reduce(0) { $0 + 32 + Self.entry($1).entry.byteCount }
            #expect(count - size < 32 + Self.entry(kept.count).entry.byteCount)
            #expect(reports.isEmpty == (count == size || kept.isEmpty), "\(count): \(reports)")
            try Self.fill(journal, kept.count..<5)
            #expect(try Self.numbers(try Journal(directory: folder.path) { Issue.record("\($0)") }) == Array(0..<5))
        }
    }

    /// One byte that changed costs the entry it is in and no other, and is told.
    @Test func damage() throws {
        let whole = Folder()
        try Self.fill(try Journal(directory: whole.path) { _ in }, 0..<4)
        let name = try #require(whole.files.first)
        for index in 16..<whole.bytes(name).count {
            var bytes = whole.bytes(name)
            bytes[index] ^= 0x41
            let folder = Folder()
            try folder.write(name, bytes)
            var reports: [String] = []
            let journal = try Journal(directory: folder.path) { reports.append($0) }
            #expect(try Self.numbers(journal).count == 3, "\(index)")
            #expect(reports.count == 1, "\(index): \(reports)")
            try Self.fill(journal, 4..<5)
            #expect(try Self.numbers(journal).count == 4)
        }
        var bytes = whole.bytes(name)
        bytes[3] ^= 1
        try whole.write(name, bytes)
        var reports: [String] = []
        #expect(try Journal(directory: whole.path) { reports.append($0) }.end == nil)
        #expect(reports.count == 1 && whole.files == [name + ".corrupt"])
    }

    /// Where a frame is damaged, what its records say is not taken for frames: nobody knows the file's key.
    @Test(arguments: [false, true])
    func framesInsideRecords(_ knowsKey: Bool) throws {
        let folder = Folder()
        let journal = try Journal(directory: folder.path) { _ in }
        try Self.fill(journal, 0..<1)
        let name = try #require(folder.files.first)
        let key = try #require(JournalFrame.key(folder.bytes(name)))
        let size = folder.bytes(name).count
        var forged: [UInt8] = []
        let inner = JournalEntry(kind: 1, first: 5, count: 1, byteCount: 1)
        JournalFrame.append(inner, [10], key: knowsKey ? key : 0, to: &forged)
        let outer = JournalEntry(kind: 1, first: 1, count: 1, byteCount: forged.count)
        try journal.append([outer], forged, flushes: true)
        var bytes = folder.bytes(name)
        bytes[size] ^= 1
        try folder.write(name, bytes)
        #expect(try Journal(directory: folder.path) { _ in }.end == (knowsKey ? 6 : 1))
    }
}
