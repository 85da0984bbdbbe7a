import Foundation
import Glibc
import Snapshots
import Synchronization
import Testing

/// `ack=durable`: what was acknowledged is in the model exactly once, whenever the process dies.
struct JournalTests {
    private static let counting = "--input none \(CountedRecords.learner) --snapshots s"
    private static let segments = "s/http.journal"

    /// Clients that learn numbered records until they are told to stop, and remember what was acknowledged.
    private final class Clients: Sendable {
        struct Seen {
            var sent = 0
            var acknowledged: Set<Int> = []
            var port: UInt16 = 0
            var isDone = false
        }
        let seen = Mutex(Seen())
        private let group = DispatchGroup()

        init(_ count: Int, seed: UInt64) {
            for client in 0..<count {
                group.enter()
                Thread { [self] in
                    run(SeededNumbers(seed &+ UInt64(client)))
                    group.leave()
                }.start()
            }
        }

        private func run(_ numbers: SeededNumbers) {
            var numbers = numbers
            var connection: RawConnection?
            while true {
                let port: UInt16? = seen.withLock { $0.isDone ? nil : $0.port }
                guard let port else { return }
                if connection == nil { connection = RawConnection(port: port, seconds: 5) }
                let count = [1, 1, 3, 20].randomElement(using: &numbers) ?? 1
                let ack = ["durable", "durable", "durable", "accepted", "applied"].randomElement(using: &numbers) ?? ""
                let ids: Range<Int> = seen.withLock { seen in
                    seen.sent += count
                    return seen.sent - count..<seen.sent
                }
                let body = ids.map(CountedRecords.line).joined(separator: "\n")
                let answer = connection?.ask(
                    "POST", "/learn?ack=\(ack)", body, headers: "Content-Type: application/jsonl\r\n")
                if answer?.status == 200, ack == "durable" { seen.withLock { $0.acknowledged.formUnion(ids) } }
                if answer == nil {
                    connection = nil
                    usleep(2000)
                }
            }
        }

        func stop() -> Seen {
            seen.withLock { $0.isDone = true }
            group.wait()
            return seen.withLock { $0 }
        }
    }

    /// What the learner counts when it learns these records once, in a run of its own.
    private static func counts(of ids: some Sequence<Int>) throws -> [Double] {
        let workspace = Workspace()
        try workspace.write("in.jsonl", ids.map { CountedRecords.line($0) + "\n" }.joined())
        let outcome = try workspace.thalweg(
            "run --input in.jsonl \(CountedRecords.learner) --snapshots s --predictions none --progress none")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        return try CountedRecords.counts(workspace.file("s"))
    }

    /// Killed again and again, also while it learns from the journal.
    @Test func killedWhileClientsLearn() throws {
        let environment = ProcessInfo.processInfo.environment["THALWEG_KILLS"].flatMap { Int($0) }
        let kills = environment ?? Scale.records(6, full: 40)
        let seed = SeededNumbers.seed("kills while clients learn")
        var numbers = SeededNumbers(seed)
        let workspace = Workspace()
        let arguments = Self.counting + " --snapshot-every 100ms --json"
        var service = try Service(arguments, in: workspace)
        let clients = Clients(3, seed: seed)
        for kill in 0..<kills {
            clients.seen.withLock { $0.port = service.port }
            // The first lives end before the fields are known, the others after something was acknowledged.
            if kill == 2 {
                #expect(service.command.waits { _ in clients.seen.withLock { $0.acknowledged.count > 10 } })
            }
            usleep(UInt32.random(in: 5_000...500_000, using: &numbers))
            service.kill()
            service = try Service(arguments, in: workspace)
        }
        clients.seen.withLock { $0.port = service.port }
        usleep(300_000)
        let seen = clients.stop()
        let outcome = service.stop()
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let learned = try CountedRecords.counts(workspace.file("s"))
        let least = try Self.counts(of: seen.acknowledged.sorted())
        let most = try Self.counts(of: 0..<seen.sent)
        #expect(seen.acknowledged.count > 10)
        #expect(learned.reduce(0, +) == Double(try outcome.report().learned))
        for slot in learned.indices where learned[slot] < least[slot] || learned[slot] > most[slot] {
            Issue.record("slot \(slot): \(learned[slot]), not \(least[slot])...\(most[slot])")
        }
    }

    /// The end of the newest segment is torn off or garbled, as by a power cut: what is whole is learned, once.
    @Test(arguments: ["cut", "garbled"])
    func brokenEnd(_ way: String) throws {
        let workspace = Workspace()
        let service = try Service(Self.counting + " --snapshot-every 1h", in: workspace)
        for number in 0..<4 {
            let ids = number * 10..<number * 10 + 10
            let answer = try service.ask(
                "/learn?ack=durable", ids.map(CountedRecords.line).joined(separator: "\n"),
                ["-H", "Content-Type: application/jsonl"])
            #expect(answer.status == 200, "\(answer.body)")
        }
        service.kill()
        let segment = try #require(workspace.names(in: Self.segments).last)
        var bytes = workspace.bytes("\(Self.segments)/\(segment)")
        if way == "cut" { bytes.removeLast(7) } else { bytes[bytes.count - 7] ^= 0x11 }
        try workspace.write("\(Self.segments)/\(segment)", bytes)
        let again = try Service(Self.counting + " --json", in: workspace)
        let outcome = again.stop()
        #expect(try outcome.report().learned == 30)
        #expect(outcome.stderr.contains(segment), "\(outcome.stderr)")
        #expect(try CountedRecords.counts(workspace.file("s")) == Self.counts(of: 0..<30))
        #expect(try Service(Self.counting + " --json", in: workspace).stop().report().learned == 30)
    }

    /// No file may grow beyond 64 KiB, which stands for a full disk: refused as a whole, and what fits is taken.
    @Test func fullDisk() throws {
        let workspace = Workspace()
        // A shell counts in blocks of 512 bytes; nothing of the model is that small, so snapshots fail as well.
        let service = try Service(Self.counting + " --snapshot-every 1h", in: workspace, shell: "ulimit -f 128")
        let connection = try #require(RawConnection(port: service.port))
        let lines = { (ids: Range<Int>) in ids.map(CountedRecords.line).joined(separator: "\n") }
        let headers = "Content-Type: application/jsonl\r\n"
        #expect(connection.ask("POST", "/learn?ack=durable", lines(0..<10), headers: headers)?.status == 200)
        let refused = try #require(connection.ask("POST", "/learn?ack=durable", lines(10..<5000), headers: headers))
        #expect(refused.status == 507, "\(refused)")
        #expect(refused.body.contains("nothing was taken in"))
        #expect(connection.ask("POST", "/learn?ack=applied", lines(5000..<5010), headers: headers)?.status == 200)
        #expect(connection.ask("POST", "/learn?ack=durable", lines(5010..<5020), headers: headers)?.status == 200)
        #expect(try service.value("/model")["learned"] as? Int == 30)
        #expect(connection.ask("GET", "/healthz")?.status == 200)
        service.kill()
        let again = try Service(Self.counting + " --json", in: workspace)
        #expect(try again.stop().report().learned == 30)
        let expected = try Self.counts(of: Array(0..<10) + Array(5000..<5020))
        #expect(try CountedRecords.counts(workspace.file("s")) == expected)
    }

    @Test func withoutSnapshots() throws {
        let workspace = Workspace()
        let service = try Service("--input none --target y", in: workspace)
        let answer = try service.ask("/learn?ack=durable", #"{"x":1,"y":1}"#)
        #expect(answer.status == 400)
        #expect(answer.body.contains("--snapshots"))
        let unknown = try service.ask("/learn?ack=soon", #"{"x":1,"y":1}"#)
        #expect(unknown.status == 400 && unknown.body.contains("durable"))
    }

    /// Records that nobody waited for are journalled as well; a run without HTTP learns what another one left, and the
    /// next one does not learn it again.
    @Test func leftForAnotherRun() throws {
        let workspace = Workspace()
        try workspace.write("in.jsonl", (0..<20).map { CountedRecords.line($0) + "\n" }.joined())
        let input = "--input in.jsonl \(CountedRecords.learner) --snapshots s --snapshot-every 1h --predictions none"
        let service = try Service(input, in: workspace)
        #expect(service.command.waits { _ in service.learned == 20 })
        let body = (20..<50).map(CountedRecords.line).joined(separator: "\n")
        let answer = try service.ask("/learn?ack=durable", body, ["-H", "Content-Type: application/jsonl"])
        #expect(answer.status == 200)
        service.kill()
        for _ in 0..<2 {
            let outcome = try workspace.thalweg("run \(input) --progress none --json")
            #expect(try outcome.report().learned == 50, "\(outcome.stderr)")
        }
        #expect(try CountedRecords.counts(workspace.file("s")) == Self.counts(of: 0..<50))
    }

    /// What every snapshot has is not kept: the journal does not grow with the stream.
    @Test func pruned() throws {
        let workspace = Workspace()
        let service = try Service(Self.counting + " --snapshot-every 1h --snapshot-keep 1", in: workspace)
        let connection = try #require(RawConnection(port: service.port))
        let padding = String(repeating: "x", count: 2 << 20)
        for number in 0..<12 {
            let line = #"{"id":"r\#(number)","more":"\#(padding)","y":1}"#
            let answer = connection.ask(
                "POST", "/learn?ack=durable", line, headers: "Content-Type: application/jsonl\r\n")
            #expect(answer?.status == 200, "\(String(describing: answer))")
        }
        #expect(workspace.names(in: Self.segments).count > 2)
        #expect(connection.ask("POST", "/admin/snapshot")?.status == 200)
        #expect(workspace.names(in: Self.segments).count == 1)
        #expect(service.stop().status == 0)
    }
}
