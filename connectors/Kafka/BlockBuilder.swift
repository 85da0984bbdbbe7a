import CRdkafka
import Connectors
import Glibc
import Records

/// Fills a block with messages: one copy a payload, nothing allocated while the buffers suffice.
struct BlockBuilder {
    static let maximumMessages = 2048
    private let prefix: FieldPrefix
    private let framesPayloads: Bool
    private(set) var block: MessageBlock
    /// Bytes in the block besides the chunk's.
    private var otherBytes = 0
    private(set) var emptyCount = 0

    init(_ options: KafkaSourceOptions) {
        prefix = FieldPrefix(options.fields)
        framesPayloads = options.framesPayloads
        block = MessageBlock()
    }

    var isEmpty: Bool { block.marks.isEmpty }
    var byteCount: Int { block.chunk.count + otherBytes }

    /// Whether the next message of usual size might not fit.
    var isFull: Bool {
        block.marks.count >= Self.maximumMessages || byteCount >= MessageBlock.capacity - 4096
    }

    /// Whether a message should go into the next block, so that this one's buffer need not grow.
    func wouldGrow(_ message: UnsafePointer<rd_kafka_message_t>) -> Bool {
        !isEmpty
            && byteCount + message.pointee.len + message.pointee.key_len + MessageFrame.headCount
                > MessageBlock.capacity
    }

    /// Gives the filled block away for an empty one.
    mutating func exchange(_ body: (MessageBlock) -> MessageBlock) {
        block.chunk.sealPadding()
        otherBytes = 0
        block = body(block)
    }

    mutating func discard() {
        block.recycle()
        otherBytes = 0
    }

    /// Appends a message.
    mutating func append(_ message: UnsafePointer<rd_kafka_message_t>, part: Int) {
        let keyStart = block.keys.count
        let keyCount = message.pointee.key == nil ? 0 : message.pointee.key_len
        if let key = message.pointee.key, keyCount > 0 {
            block.keys.append(contentsOf: UnsafeRawBufferPointer(start: key, count: keyCount))
            otherBytes += keyCount
        }
        var mark = MessageMark(
            kind: .record, part: part, offset: Int(message.pointee.offset), start: block.chunk.count,
            keyStart: keyStart, keyCount: keyCount)
        let payload = UnsafeRawBufferPointer(
            start: message.pointee.payload, count: message.pointee.payload == nil ? 0 : message.pointee.len)
        mark.kind = appendPayload(payload, message, &mark.prefixCount)
        if case .empty = mark.kind { emptyCount += 1 }
        block.marks.append(mark)
    }

    private mutating func appendPayload(
        _ whole: UnsafeRawBufferPointer, _ message: UnsafePointer<rd_kafka_message_t>, _ prefixCount: inout Int
    ) -> MessageKind {
        if framesPayloads {
            guard !whole.isEmpty else { return .empty }
            MessageFrame.append(whole, to: block.chunk)
            return .record
        }
        if whole.count >= 5, whole[0] == 0 { return rejectFramed(whole) }
        guard let first = whole.firstIndex(where: { !isBlank($0) }) else { return .empty }
        let isObject = whole[first] == UInt8(ascii: "{")
        var payload = whole[...]
        if payload.last == UInt8(ascii: "\n") {
            payload = payload.dropLast()
            if payload.last == UInt8(ascii: "\r") { payload = payload.dropLast() }
        }
        guard let start = payload.base.baseAddress?.advanced(by: payload.startIndex) else { return .empty }
        let hasLineEnd = memchr(start, Int32(UInt8(ascii: "\n")), payload.count) != nil
        if hasLineEnd, !isObject { return rejectLines(whole, payload) }
        guard isObject, !prefix.isEmpty else {
            appendLine(start, payload.count, replacesLineEnds: hasLineEnd)
            return .record
        }
        // The prefix stands for the brace, so what is before the brace goes.
        let body = payload[(first + 1)...]
        prefixCount = appendPrefix(message, hasMembers: body.first { !isBlank($0) } != UInt8(ascii: "}"))
        appendLine(start + first + 1, body.count, replacesLineEnds: hasLineEnd)
        return .record
    }

    private mutating func appendPrefix(_ message: UnsafePointer<rd_kafka_message_t>, hasMembers: Bool) -> Int {
        let chunk = block.chunk
        chunk.reserve(chunk.count + prefix.maximumCount(message))
        var count = prefix.write(message, to: chunk.base + chunk.count)
        // Without members behind it there must be no comma.
        if !hasMembers, count > 1 { count -= 1 }
        chunk.count += count
        return count
    }

    private mutating func appendLine(_ start: UnsafeRawPointer, _ count: Int, replacesLineEnds: Bool) {
        let chunk = block.chunk
        chunk.reserve(chunk.count + count + 1)
        let line = chunk.base + chunk.count
        memcpy(line, start, count)
        if replacesLineEnds {
            // Between the tokens of an object a line end and a space mean the same.
            for index in 0..<count where line[index] == UInt8(ascii: "\n") { line[index] = UInt8(ascii: " ") }
        }
        line[count] = UInt8(ascii: "\n")
        chunk.count += count + 1
    }

    private mutating func rejectFramed(_ payload: UnsafeRawBufferPointer) -> MessageKind {
        let schema = payload[1..<5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return reject(
            "a payload framed for a schema registry (schema id \(schema)): Avro is decoded with --format avro and "
                + "--schema-registry URL; Protobuf and JSON Schema cannot be decoded", payload)
    }

    private mutating func rejectLines(
        _ whole: UnsafeRawBufferPointer, _ payload: Slice<UnsafeRawBufferPointer>
    ) -> MessageKind {
        let lines = payload.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
        return reject("a message is one record; this one has \(lines) lines", whole)
    }

    private mutating func reject(_ reason: String, _ payload: UnsafeRawBufferPointer) -> MessageKind {
        let bytes = [UInt8](payload.prefix(RejectedRecord.maximumBytes))
        otherBytes += bytes.count
        block.reasons.append((reason, bytes))
        return .rejected(reason: block.reasons.count - 1)
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
