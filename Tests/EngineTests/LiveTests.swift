import Components
import Connectors
import Engine
import Foundation
import Synchronization
import Testing

/// Readers on other threads see whole versions, each as a run that stopped there would have left it.
@Suite struct LiveTests {
    private static let isFull = ProcessInfo.processInfo.environment["THALWEG_FULL"] == "1"
    private static let probes = Array(
        (0..<4).map { #"{"a":\#($0 * 3).25,"b":"c\#($0)"}"# + "\n" }.joined().utf8)
    /// So many decide the schema, in one go.
    private static let first = 1000

    /// A lock that the thread sanitizer sees.
    private final class Guarded<Value>: @unchecked Sendable {
        private let lock = NSLock()
        private var value: Value

        init(_ value: Value) { self.value = value }

        func withLock<R>(_ body: (inout Value) -> R) -> R { lock.withLock { body(&value) } }
    }

    /// A run that learns what is handed in, on a thread of its own. Record `i` is a function of `i`.
    private final class Learning: Sendable {
        let live = LiveModel()
        private let inbox = RecordInbox(maximumBytes: 1 << 18)
        private let ended = DispatchSemaphore(value: 0)
        private let failure = Guarded<String?>(nil)

        init() {
            Thread.detachNewThread { [self] in
                var configuration = Configuration()
                configuration.schema.target = "y"
                configuration.bits = 10
                configuration.batchSize = 64
                var options = RunOptions()
                options.live = live
                do { _ = try Run(configuration, source: inbox, options: options).execute() } catch {
                    failure.withLock { $0 = "\(error)" }
                }
                ended.signal()
            }
        }

        private static func record(_ index: Int) -> String {
            let target = (index &* 2_654_435_761) >> 7 & 3 == 0 ? 1 : index / 5 % 2
            return #"{"a":\#(index % 11).5,"b":"c\#(index % 5)","y":\#(target)}"# + "\n"
        }

        /// Hands records in, waiting for room.
        func submit(_ range: Range<Int>) {
            let records = range.map { Array(Self.record($0).utf8.dropLast()) }
            let bytes = records.flatMap { $0 }
            bytes.withUnsafeBytes { all in
                var at = 0
                let pieces = records.map { record in
                    at += record.count
                    return UnsafeRawBufferPointer(rebasing: all[at - record.count..<at])
                }
                while (try? inbox.submit(pieces)) == nil, failure.withLock({ $0 == nil }) { usleep(200) }
            }
        }

        /// Waits until the first `count` records are in a version.
        func wait(for count: Int) -> Int? { live.wait(for: RecordInbox.partName, offset: count - 1, seconds: 60) }

        /// Returns what went wrong.
        func finish() -> String? {
            inbox.close()
            ended.wait()
            return failure.withLock { $0 }
        }
    }

    /// What one thread read: the predictions of each version it met, and how many versions it met in two forms.
    private struct Reads {
        var predictions: [Int: [UInt8]] = [:]
        var torn = 0

        mutating func add(_ version: Int, _ answer: [UInt8]) {
            if let known = predictions[version] {
                if known != answer { torn += 1 }
            } else {
                predictions[version] = answer
            }
        }
    }

    private static func read(_ live: LiveModel, times: Int) -> Reads {
        var reads = Reads()
        guard let predictor = Predictor(live) else { return reads }
        var answer: [UInt8] = []
        for _ in 0..<times {
            answer.removeAll(keepingCapacity: true)
            guard let version = try? probes.withUnsafeBytes({ try predictor.predict($0, into: &answer) }) else { break }
            reads.add(version.version, answer)
        }
        return reads
    }

    @Test func everyReadIsReproducible() throws {
        let count = Self.isFull ? 1_000_000 : 20_000
        let threads = 4
        let learning = Learning()
        learning.submit(0..<Self.first)
        #expect(learning.wait(for: Self.first) == Self.first)
        let isReading = Atomic<Int>(threads)
        let results = Guarded<[Reads]>([])
        for _ in 0..<threads {
            Thread.detachNewThread {
                let reads = Self.read(learning.live, times: count / threads / 4)
                results.withLock { $0.append(reads) }
                isReading.subtract(1, ordering: .releasing)
            }
        }
        var next = Self.first
        while isReading.load(ordering: .acquiring) > 0 {
            learning.submit(next..<next + 500)
            next += 500
        }
        #expect(learning.finish() == nil)
        var all = Reads()
        for reads in results.withLock({ $0 }) {
            all.torn += reads.torn
            for (version, answer) in reads.predictions { all.add(version, answer) }
        }
        #expect(all.torn == 0)
        #expect(all.predictions.count > 10, "the readers met few versions")
        try Self.compare(all.predictions)
    }

    /// Learns again, this time stopping at each version that was met.
    private static func compare(_ met: [Int: [UInt8]]) throws {
        let learning = Learning()
        learning.submit(0..<first)
        var next = first
        var different = 0
        for (version, answer) in met.sorted(by: { $0.key < $1.key }) {
            while next < version {
                let end = min(next + 500, version)
                learning.submit(next..<end)
                next = end
            }
            #expect(learning.wait(for: version) == version)
            let reads = read(learning.live, times: 1)
            if reads.predictions[version] != answer { different += 1 }
        }
        #expect(different == 0, "of \(met.count) versions")
        #expect(learning.finish() == nil)
    }

    /// What was waited for is in every later read, on every thread.
    @Test func readsSeeWhatWasWaitedFor() {
        let learning = Learning()
        learning.submit(0..<Self.first)
        #expect(learning.wait(for: Self.first) == Self.first)
        let missed = Atomic<Int>(0)
        var next = Self.first
        for _ in 0..<50 {
            learning.submit(next..<next + 3)
            next += 3
            let version = learning.wait(for: next) ?? .max
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                let reads = Self.read(learning.live, times: 2)
                if reads.predictions.keys.contains(where: { $0 < version }) || reads.predictions.isEmpty {
                    missed.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(missed.load(ordering: .relaxed) == 0)
        #expect(learning.finish() == nil)
    }
}
