import Connectors
import Records

/// A topic in memory: messages by part.
struct MemoryTopic {
    let parts: [String: [String]]

    /// - Parameter count: messages in all; part and offset of each are its category.
    init(parts count: Int, messages: Int) {
        var parts: [String: [String]] = [:]
        for part in 0..<count {
            let size = messages / count + part * 3
            parts["t/\(part)"] = (0..<size).map { offset in
                #"{"key":"\#(part)-\#(offset)","y":\#((offset * 7 + part) % 3 == 0 ? 1 : 0)}"#
            }
        }
        self.parts = parts
    }

    var names: [String] { parts.keys.sorted() }
    /// Every message, part after part, as JSON Lines.
    var text: String { names.flatMap { parts[$0] ?? [] }.map { $0 + "\n" }.joined() }
    var count: Int { parts.values.reduce(0) { $0 + $1.count } }
}

/// Hands out a topic's messages by a script of what a group's coordinator could do.
final class MemorySource: MessageSource {
    enum Step {
        case assign([String])
        /// That many messages, in turns from the parts.
        case deliver(Int)
        case release([String])
        case lost([String])
        case fail
    }

    let isReplayable = true
    let group: String?
    private let topic: MemoryTopic
    private var steps: ArraySlice<Step>
    private var next: [String: Int] = [:]
    private var names: [String] = []
    private var ledger: (any PartLedger)?
    private var releasing: [String] = []
    private(set) var acknowledged: [[PartPosition]] = []
    private(set) var refused: [String] = []
    var status = SourceStatus()

    /// After the script everything left of the assigned parts is handed out, then the source is at its end.
    init(_ topic: MemoryTopic, _ steps: [Step], group: String? = nil) {
        self.group = group
        self.topic = topic
        self.steps = steps[...]
    }

    func open(_ ledger: any PartLedger) { self.ledger = ledger }

    private func assign(_ part: String) throws(ConnectorError) {
        switch try ledger?.claim(part) {
        case .granted(let position):
            next[part] = position ?? 0
            if !names.contains(part) { names.append(part) }
        case .held, nil: refused.append(part)
        }
    }

    func next(waiting seconds: Double, recycling recycled: MessageBlock?) throws(ConnectorError) -> MessageEvent {
        guard let step = steps.popFirst() else { return deliver(50, recycled) ?? .end }
        switch step {
        case .assign(let parts):
            for part in parts where next[part] == nil { try assign(part) }
            return .idle
        case .deliver(let count): return deliver(count, recycled) ?? .idle
        case .release(let parts):
            releasing = parts.filter { next[$0] != nil }
            return .release(releasing)
        case .lost(let parts):
            let mine = parts.filter { next[$0] != nil }
            for part in mine { drop(part) }
            return .lost(mine)
        case .fail: throw ConnectorError("the script says so")
        }
    }

    private func drop(_ part: String) {
        next[part] = nil
        ledger?.release(part)
    }

    private func deliver(_ count: Int, _ recycled: MessageBlock?) -> MessageEvent? {
        let block = recycled ?? MessageBlock()
        block.parts = names
        while block.marks.count < count {
            let ready = next.keys.sorted().filter { next[$0, default: 0] < topic.parts[$0]?.count ?? 0 }
            guard !ready.isEmpty else { break }
            let part = ready[block.marks.count % ready.count]
            let offset = next[part] ?? 0
            let payload = Array((topic.parts[part] ?? [])[offset].utf8) + [0x0a]
            block.marks.append(
                MessageMark(
                    kind: .record, part: names.firstIndex(of: part) ?? 0, offset: offset, start: block.chunk.count))
            payload.withUnsafeBufferPointer { block.chunk.append(ByteRange($0.baseAddress, $0.count)) }
            next[part] = offset + 1
        }
        block.chunk.sealPadding()
        return block.marks.isEmpty ? nil : .messages(block)
    }

    func completeRelease() {
        for part in releasing { drop(part) }
        releasing = []
    }

    func rewind() throws(ConnectorError) {
        for part in next.keys.sorted() { try assign(part) }
    }

    func acknowledge(_ positions: [PartPosition]) { acknowledged.append(positions) }

    func close() { for part in next.keys.sorted() { drop(part) } }
}
