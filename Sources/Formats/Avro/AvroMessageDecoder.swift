import Records

/// Where the schemas of messages come from: a registry that knows them by number. May be asked from any thread, and may
/// take its time.
public protocol MessageSchemas: AnyObject, Sendable {
    /// - Returns: the schema last, before it the ones it refers to, in the order in which they build on each other.
    func schema(_ id: UInt32) throws(SchemaError) -> [String]
}

/// Why a message's schema cannot be had.
public struct SchemaError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// Nobody can say now: no message can be decoded, and none may be lost for it.
        case unavailable
        /// It is not there, as far as is known now.
        case unknown
        /// It is there, and is nothing that could be used.
        case unusable
    }

    public let description: String
    public let kind: Kind

    public init(_ description: String, _ kind: Kind) {
        self.description = description
        self.kind = kind
    }
}

/// The framing of Confluent's serializers: a zero byte, the schema's number as four big-endian bytes, the datum.
/// https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
enum RegistryFrame {
    static let headCount = 5

    /// Nil: the message is not framed so.
    @inline(__always) static func schema(of payload: UnsafeBufferPointer<UInt8>) -> UInt32? {
        guard payload.count >= headCount, payload[0] == 0 else { return nil }
        return UInt32(payload[1]) << 24 | UInt32(payload[2]) << 16 | UInt32(payload[3]) << 8 | UInt32(payload[4])
    }

    static let missing =
        "no Avro message framed for a schema registry: it does not begin with a zero byte and a schema id"
}

/// Avro messages, each framed with the number of its writer's schema. What a field becomes is said at `AvroProgram`.
public final class AvroMessageDecoder: RecordDecoder {
    public var context = ""
    private let schema: Schema
    private let set: SinkSet
    private let hasText: Bool
    private let schemas: (any MessageSchemas)?
    private let texts = AvroTexts()
    /// What a schema came to: a program, or why its messages cannot be used.
    private enum Known {
        case program(AvroProgram)
        case unusable(String)
    }
    private var known: [UInt32: Known] = [:]
    /// More than these are forgotten, and looked up again when they come again.
    private static let maximumKnown = 256

    public init(_ schema: Schema, _ options: DecoderOptions) {
        self.schema = schema
        schemas = options.schemas
        set = SinkSet(for: schema, categories: options.usesVWHashes ? .vwJoined : .categorical)
        hasText = set.sinks.contains { $0.kind == .text }
    }

    public func beginPart() {}

    public func decode(
        _ chunk: Chunk, from offset: Int, isEnd: Bool, into batch: RecordBatch
    ) throws(FormatError) -> Int {
        var cursor = offset
        var store = FieldStore(batch, task: schema.task, hasText: hasText)
        var machine: AvroMachine?
        var current: UInt32?
        batch.retain(chunk)
        texts.begin()
        while !batch.isFull, let payload = MessageFrame.payload(in: chunk, at: cursor), let base = payload.baseAddress {
            let position = RecordPosition(
                part: chunk.position.part, offset: chunk.position.offset + cursor, line: batch.endPosition.line)
            cursor += MessageFrame.headCount + payload.count
            batch.endPosition = RecordPosition(
                part: position.part, offset: chunk.position.offset + cursor, line: position.line + 1)
            guard let id = RegistryFrame.schema(of: payload) else {
                batch.reject(RegistryFrame.missing, at: position, raw: ByteRange(base, payload.count))
                continue
            }
            if id != current || machine == nil {
                if let used = machine { store = used.store }
                machine = nil
                switch try found(id) {
                case .unusable(let reason):
                    batch.reject(reason, at: position, raw: ByteRange(base, payload.count))
                    continue
                case .program(let program):
                    if program.symbols.count > 0 { batch.retain(program.symbols) }
                    machine = AvroMachine(program, batch, store, texts)
                    current = id
                }
            }
            machine?.bytes = AvroBytes(base + RegistryFrame.headCount, payload.count - RegistryFrame.headCount)
            machine?.decodeMessage(position, ByteRange(base, payload.count), id)
        }
        return cursor
    }

    private func found(_ id: UInt32) throws(FormatError) -> Known {
        if let found = known[id] { return found }
        guard let schemas else {
            throw FormatError("Avro messages name their schema by number: say where it is, --schema-registry URL")
        }
        let answer: Known
        do throws(SchemaError) {
            answer = map(id, try schemas.schema(id))
        } catch {
            switch error.kind {
            case .unavailable: throw FormatError(error.description)
            case .unknown: return .unusable(error.description)
            case .unusable: answer = .unusable(error.description)
            }
        }
        if known.count >= Self.maximumKnown { known = [:] }
        known[id] = answer
        return answer
    }

    private func map(_ id: UInt32, _ texts: [String]) -> Known {
        do throws(FormatError) {
            let program = AvroProgram(try AvroSchema(texts), set)
            guard !program.isEmpty || set.sinks.allSatisfy({ $0.kind == .ignored }) else {
                return .unusable("schema \(id) has none of the expected fields")
            }
            return .program(program)
        } catch { return .unusable("schema \(id) cannot be used: \(error.description)") }
    }
}

extension AvroMachine {
    /// Decodes a message whole, its frame being passed.
    fileprivate mutating func decodeMessage(_ position: RecordPosition, _ raw: ByteRange, _ id: UInt32) {
        if !decodeRecord() {
            store.failure = "the message does not fit schema \(id): \(fault)"
        } else if bytes.left > 0 {
            store.failure = "the message does not fit schema \(id): \(bytes.left) bytes are left over"
        }
        store.finishRecord(position, raw: raw)
    }
}
