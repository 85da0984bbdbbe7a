import Connectors
import Glibc
import Records
import Synchronization
import Testing

@testable import Kafka

/// A message as a test looks at it.
struct Seen: Equatable {
    var part: String
    var offset: Int
    var line: String
    var key: String
    var kind: String
    var prefixCount = 0
}

/// Messages of a block, checked for the block's own laws.
func seen(_ block: MessageBlock) -> [Seen] {
    let bytes = UnsafeRawBufferPointer(start: block.chunk.base, count: block.chunk.count)
    var result: [Seen] = []
    for (index, mark) in block.marks.enumerated() {
        let key = String(decoding: block.keys[mark.keyStart..<(mark.keyStart + mark.keyCount)], as: UTF8.self)
        var one = Seen(
            part: block.parts[mark.part], offset: mark.offset, line: "", key: key, kind: "record",
            prefixCount: mark.prefixCount)
        let end = index + 1 < block.marks.count ? block.marks[index + 1].start : bytes.count
        switch mark.kind {
        case .record:
            #expect(bytes[end - 1] == UInt8(ascii: "\n"))
            one.line = String(decoding: bytes[mark.start..<(end - 1)], as: UTF8.self)
            #expect(!one.line.contains("\n"))
        case .empty:
            one.kind = "empty"
            #expect(mark.start == end)
        case .rejected(let reason):
            one.kind = block.reasons[reason].reason
            one.line = String(decoding: block.reasons[reason].bytes, as: UTF8.self)
            #expect(mark.start == end)
        }
        result.append(one)
    }
    return result
}

/// Reads a source as the engine does, recycling its blocks.
final class Reader {
    let source: KafkaSource
    var all: [Seen] = []
    var lost: [String] = []
    var released: [String] = []
    var hasEnded = false
    var onRelease: ([String]) -> Void = { _ in }
    var onLost: ([String]) throws -> Void = { _ in }
    private var free: MessageBlock?

    init(_ source: KafkaSource) { self.source = source }

    /// Takes events until the condition holds; false when it does not within the time.
    @discardableResult
    func read(seconds: Double = 15, until isDone: (Reader) -> Bool) throws -> Bool {
        let deadline = monotonicSeconds() + seconds
        while !isDone(self) {
            if monotonicSeconds() > deadline { return false }
            try step()
        }
        return true
    }

    func step(_ seconds: Double = 0.05) throws {
        let recycled = free
        free = nil
        switch try source.next(waiting: seconds, recycling: recycled) {
        case .messages(let block):
            all += seen(block)
            free = block
        case .idle: break
        case .end: hasEnded = true
        case .release(let parts):
            released += parts
            onRelease(parts)
            source.completeRelease()
        case .lost(let parts):
            lost += parts
            try onLost(parts)
        }
    }

    var offsets: [Int] { all.map(\.offset) }

    func offsets(of part: String) -> [Int] { all.filter { $0.part == part }.map(\.offset) }

    func count(_ name: String) -> Int { source.status.counters.first { $0.name == name }?.count ?? -1 }
}

/// Waits for what another thread brings about.
func eventually(seconds: Double = 10, _ condition: () -> Bool) -> Bool {
    let deadline = monotonicSeconds() + seconds
    while !condition() {
        if monotonicSeconds() > deadline { return false }
        usleep(5000)
    }
    return true
}

/// What a source warned of.
final class Warnings: Sendable {
    let all = Mutex<[String]>([])

    var receive: @Sendable (String) -> Void { { [self] text in all.withLock { $0.append(text) } } }
    var text: String { all.withLock { $0.joined(separator: "\n") } }
}

/// A cluster with one topic, and options to read it.
func cluster(_ topic: String = "t", partitions: Int = 1, brokers: Int = 1) throws -> EmbeddedCluster {
    try EmbeddedCluster(brokers: brokers, topics: [(name: topic, partitions: partitions)])
}

func options(_ cluster: EmbeddedCluster, _ query: String = "", topic: String = "t") throws -> KafkaSourceOptions {
    try KafkaSourceOptions(parsing: "kafka://\(cluster.bootstrapServers)/\(topic)\(query.isEmpty ? "" : "?\(query)")")
}

func open(
    _ options: KafkaSourceOptions, _ ledger: FakeLedger = FakeLedger(), _ warnings: Warnings = Warnings()
) throws -> Reader {
    let source = try KafkaSource(options, warn: warnings.receive)
    try source.open(ledger)
    return Reader(source)
}
