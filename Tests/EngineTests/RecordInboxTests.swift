import Connectors
import Foundation
import Snapshots
import Testing

@testable import Engine

/// An inbox with a journal: what was handed out comes again, from where the ledger says.
struct RecordInboxTests {
    /// Says from which offset to go on.
    private final class Ledger: PartLedger {
        nonisolated(unsafe) var next: Int?
        let worker = "test"
        let isDurable = true

        func claim(_ part: String) -> PartClaim { .granted(next: next) }
        func release(_ part: String) {}
    }

    private final class Folder {
        let path = NSTemporaryDirectory() + "thalweg-inbox-" + UUID().uuidString
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func journal() throws -> Journal { try Journal(directory: path) { Issue.record("\($0)") } }
    }

    private func submit(_ inbox: RecordInbox, _ records: [String]) throws -> Range<Int> {
        let bytes = records.map { Array($0.utf8) }
        let buffers = bytes.map { bytes in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
            copy.copyBytes(from: bytes)
            return copy
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        return try inbox.submit(buffers.map { UnsafeRawBufferPointer($0) })
    }

    /// What is handed out until a count of records, or the end, is there.
    private func taken(_ inbox: RecordInbox, _ count: Int) throws -> [String] {
        var found: [String] = []
        for _ in 0..<1000 where found.count < count {
            let event = try inbox.next(waiting: 0.01, recycling: nil)
            if case .end = event { break }
            guard case .messages(let block) = event else { continue }
            let text = String(
                decoding: UnsafeBufferPointer(start: block.chunk.base, count: block.chunk.count), as: UTF8.self)
            for (mark, line) in zip(block.marks, text.split(separator: "\n")) {
                #expect(block.parts[mark.part] == RecordInbox.partName)
                found.append("\(mark.offset) \(line)")
            }
        }
        return found
    }

    @Test func comesAgain() throws {
        let folder = Folder()
        let ledger = Ledger()
        let inbox = RecordInbox()
        #expect(!inbox.isReplayable)
        inbox.use(try folder.journal()) { Issue.record("\($0)") }
        #expect(inbox.isReplayable)
        #expect(throws: InboxError.self) { try submit(inbox, ["early"]) }
        try inbox.open(ledger)
        #expect(try submit(inbox, ["a", "b"]) == 0..<2)
        #expect(try taken(inbox, 2) == ["0 a", "1 b"])
        #expect(try submit(inbox, ["c"]) == 2..<3)
        #expect(try taken(inbox, 1) == ["2 c"])
        // What waits when the run goes back comes after what was learned before.
        #expect(try submit(inbox, ["d"]) == 3..<4)
        ledger.next = 1
        try inbox.rewind()
        #expect(try taken(inbox, 3) == ["1 b", "2 c", "3 d"])
        try inbox.rewind()
        try inbox.rewind()
        #expect(try taken(inbox, 3) == ["1 b", "2 c", "3 d"])
        ledger.next = 4
        try inbox.rewind()
        inbox.close()
        #expect(try taken(inbox, 1).isEmpty)

        // Another process: from where its snapshot stands, then what is new.
        let next = RecordInbox()
        next.use(try folder.journal()) { Issue.record("\($0)") }
        ledger.next = 2
        try next.open(ledger)
        #expect(try submit(next, ["e"]) == 4..<5)
        #expect(try taken(next, 3) == ["2 c", "3 d", "4 e"])
        // A snapshot that is further than the journal: counted on from there.
        let last = RecordInbox()
        last.use(try folder.journal()) { Issue.record("\($0)") }
        ledger.next = 100
        try last.open(ledger)
        #expect(try submit(last, ["f"]) == 100..<101)
        #expect(try taken(last, 1) == ["100 f"])
    }

    /// Entries that a later version wrote are not taken for records.
    @Test func unknownKinds() throws {
        let folder = Folder()
        try folder.journal().append(
            [JournalEntry(kind: 77, first: 0, count: 1, byteCount: 2)], [65, 10], flushes: false)
        let inbox = RecordInbox()
        inbox.use(try folder.journal()) { Issue.record("\($0)") }
        try inbox.open(Ledger())
        #expect(throws: ConnectorError.self) { try inbox.next(waiting: 0, recycling: nil) }
    }

    /// Requests that wait at the same time are all told.
    @Test func acknowledgements() async throws {
        let folder = Folder()
        let inbox = RecordInbox()
        inbox.use(try folder.journal()) { Issue.record("\($0)") }
        try inbox.open(Ledger())
        let told = await withTaskGroup(of: Range<Int>?.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        let line: [UInt8] = [65]
                        line.withUnsafeBytes { bytes in
                            _ = try? inbox.submit([bytes]) { continuation.resume(returning: try? $0.get()) }
                        }
                    }
                }
            }
            return await group.reduce(into: [Range<Int>]()) { if let range = $1 { $0.append(range) } }
        }
        #expect(told.map(\.lowerBound).sorted() == Array(0..<50))
        #expect(try folder.journal().end == 50)
    }
}
