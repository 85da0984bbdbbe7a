import Compression
import Glibc
import Records

/// Reads records without a schema of ours into a sample: slowly, following the writer's schema value by value.
struct AvroSampling {
    private let schema: AvroSchema

    /// - Parameter sample: gets the schema's fields, in its order.
    init(_ schema: AvroSchema, _ sample: inout Sample) {
        self.schema = schema
        for field in schema.records[schema.root].fields { declare(field.type, field.name, [schema.root], &sample) }
    }

    /// Names the fields that records will have, whether or not the first of them do.
    private func declare(_ type: AvroType, _ name: String, _ outer: [Int], _ sample: inout Sample) {
        switch type {
        case .null, .map: return
        case .record(let index):
            guard !outer.contains(index) else { return }
            for field in schema.records[index].fields {
                declare(field.type, "\(name).\(field.name)", outer + [index], &sample)
            }
            return
        case .union(let types):
            for type in types { declare(type, name, outer, &sample) }
            return
        case .array(let item): guard item.isTextOrNull else { return }
        case .enumeration(let symbols):
            sample.declared[name] = .categorical
            sample.declaredClasses[name] = symbols
        default: break
        }
        guard sample.values[name] == nil else { return }
        sample.names.append(name)
        sample.values[name] = []
    }

    /// Adds one record; false: the bytes are none.
    func add(_ bytes: inout AvroBytes, to sample: inout Sample) -> Bool {
        // A record that turns out to be none must leave nothing behind.
        var values: [(name: String, value: SampledValue)] = []
        for field in schema.records[schema.root].fields { read(field.type, field.name, 0, &bytes, &values) }
        guard !bytes.isBroken else { return false }
        for (name, value) in values { sample.add(name, value) }
        sample.records += 1
        return true
    }

    /// A number field that had no value yet is one of numbers all the same.
    func declareUnseen(_ sample: inout Sample) {
        for field in schema.records[schema.root].fields {
            declareUnseen(field.type, field.name, [schema.root], &sample)
        }
    }

    private func declareUnseen(_ type: AvroType, _ name: String, _ outer: [Int], _ sample: inout Sample) {
        switch type {
        case .record(let index) where !outer.contains(index):
            for field in schema.records[index].fields {
                declareUnseen(field.type, "\(name).\(field.name)", outer + [index], &sample)
            }
        case .union(let types):
            guard types.allSatisfy({ $0.isNull || $0.isNumber || !$0.isScalar }) else { return }
            for type in types { declareUnseen(type, name, outer, &sample) }
        case _ where type.isNumber:
            let isUnseen = sample.values[name]?.allSatisfy { $0 == .missing } ?? true
            sample.declared[name] = isUnseen ? .numeric : nil
        default: break
        }
    }

    private func read(
        _ type: AvroType, _ name: String, _ depth: Int, _ bytes: inout AvroBytes,
        _ values: inout [(name: String, value: SampledValue)]
    ) {
        guard !bytes.isBroken else { return }
        guard depth <= AvroSchema.maximumDepth else { return bytes.skip(type, schema.records) }
        func put(_ value: SampledValue) { values.append((name, value)) }
        switch type {
        case .null: put(.missing)
        case .boolean: put(.boolean(bytes.boolean()))
        case .integer: put(.number(Double(bytes.integer())))
        case .float: put(number(Double(bytes.float())))
        case .double: put(number(bytes.double()))
        case .time(let multiplier, let divisor): put(.number(Double(bytes.integer()) * multiplier / divisor))
        case .decimal(let scale, let size):
            let count = size ?? bytes.length()
            put(number(bytes.decimal(count, scale: scale)))
        case .string, .bytes:
            let count = bytes.length()
            put(text(bytes.take(count), count, bytes))
        case .fixed(let count): put(text(bytes.take(count), count, bytes))
        case .enumeration(let symbols):
            let symbol = bytes.integer()
            guard symbol >= 0, symbol < Int64(symbols.count) else { return bytes.fail() }
            put(.string(symbols[Int(symbol)]))
        case .union(let types):
            let branch = bytes.integer()
            guard branch >= 0, branch < Int64(types.count) else { return bytes.fail() }
            // A record that is null has fields that are missing, not a value of its own.
            guard !types[Int(branch)].isNull || types.contains(where: \.isScalar) else { return }
            read(types[Int(branch)], name, depth + 1, &bytes, &values)
        case .record(let index):
            for field in schema.records[index].fields {
                read(field.type, "\(name).\(field.name)", depth + 1, &bytes, &values)
            }
        case .array(let item): readArray(item, name, depth, &bytes, &values)
        case .map(let item):
            while let count = bytes.nextItems() {
                for _ in 0..<count where !bytes.isBroken {
                    let length = bytes.length()
                    let start = bytes.take(length)
                    guard !bytes.isBroken else { return }
                    let key = String(decoding: UnsafeBufferPointer(start: start, count: length), as: UTF8.self)
                    read(item, "\(name).\(key)", depth + 1, &bytes, &values)
                }
            }
        }
    }

    private func readArray(
        _ item: AvroType, _ name: String, _ depth: Int, _ bytes: inout AvroBytes,
        _ values: inout [(name: String, value: SampledValue)]
    ) {
        if item.isTextOrNull { values.append((name, .bag)) }
        var index = 0
        while let count = bytes.nextItems() {
            for _ in 0..<count where !bytes.isBroken {
                if item.isTextOrNull {
                    bytes.skip(item, schema.records)
                } else {
                    read(item, "\(name).\(index)", depth + 1, &bytes, &values)
                }
                index += 1
            }
        }
    }

    private func number(_ value: Double) -> SampledValue {
        value.isNaN ? .missing : .number(value.isFinite ? value : .greatestFiniteMagnitude)
    }

    private func text(_ start: UnsafePointer<UInt8>, _ count: Int, _ bytes: AvroBytes) -> SampledValue {
        guard !bytes.isBroken else { return .missing }
        let text = UnsafeBufferPointer(start: start, count: count)
        return isMissing(text) ? .missing : .string(String(decoding: text, as: UTF8.self))
    }
}

extension AvroType {
    fileprivate var isNumber: Bool {
        switch self {
        case .boolean, .integer, .float, .double, .time, .decimal: true
        default: false
        }
    }
}

/// Samples Avro object container files.
public final class AvroFileSampler: RecordSampler {
    private let maximumBytes: Int

    public init(_ options: DecoderOptions) { maximumBytes = options.maximumRecordBytes }

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        let base = UnsafePointer(chunk.base)
        guard let (header, headCount) = try AvroHeader.read(UnsafeBufferPointer(start: base, count: chunk.count)) else {
            guard !isEnd || chunk.count == 0 else { throw FormatError("the Avro file ends inside its header") }
            return 0
        }
        var at = headCount
        let sampling = AvroSampling(header.schema, &sample)
        let decompressor = BlockDecompressor(header.codec)
        while at < chunk.count, sample.records < limit {
            let text = UnsafeBufferPointer(start: base + at, count: chunk.count - at)
            guard case .block(let block) = AvroBlock.read(text, maximumBytes: maximumBytes),
                block.totalCount <= text.count
            else { break }
            at += block.totalCount
            let data = UnsafeRawBufferPointer(
                start: base + at - block.totalCount + block.headCount, count: block.dataCount)
            // Malformed blocks teach nothing here; the decoder will reject them.
            guard let home = try? contents(data, decompressor) else { continue }
            var bytes = AvroBytes(UnsafePointer(home.base), home.count)
            var left = block.count
            while left > 0, sample.records < limit, sampling.add(&bytes, to: &sample) { left -= 1 }
        }
        sampling.declareUnseen(&sample)
        return at
    }

    private func contents(
        _ data: UnsafeRawBufferPointer, _ decompressor: BlockDecompressor
    ) throws(CompressionError) -> Chunk {
        let home = Chunk(capacity: data.count)
        home.count = try decompressor.decompress(data, limit: maximumBytes) { needed, filled in
            home.count = filled
            home.reserve(needed)
            return UnsafeMutableRawBufferPointer(start: home.base, count: home.capacity)
        }
        home.sealPadding()
        return home
    }
}

/// Samples Avro messages.
public final class AvroMessageSampler: RecordSampler {
    private let schemas: (any MessageSchemas)?
    private var known: [UInt32: AvroSampling] = [:]

    public init(_ options: DecoderOptions) { schemas = options.schemas }

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        guard let schemas else {
            throw FormatError("Avro messages name their schema by number: say where it is, --schema-registry URL")
        }
        var at = 0
        while sample.records < limit, let payload = MessageFrame.payload(in: chunk, at: at),
            let base = payload.baseAddress
        {
            at += MessageFrame.headCount + payload.count
            guard let id = RegistryFrame.schema(of: payload),
                let sampling = try sampling(id, schemas, &sample)
            else { continue }
            var bytes = AvroBytes(base + RegistryFrame.headCount, payload.count - RegistryFrame.headCount)
            _ = sampling.add(&bytes, to: &sample)
        }
        for id in known.keys.sorted() { known[id]?.declareUnseen(&sample) }
        return at
    }

    /// Nil: its messages teach nothing here; the decoder will reject them.
    private func sampling(
        _ id: UInt32, _ schemas: any MessageSchemas, _ sample: inout Sample
    ) throws(FormatError) -> AvroSampling? {
        if let found = known[id] { return found }
        let texts: [String]
        do throws(SchemaError) { texts = try schemas.schema(id) } catch {
            guard error.kind != .unavailable else { throw FormatError(error.description) }
            return nil
        }
        guard let schema = try? AvroSchema(texts) else { return nil }
        let sampling = AvroSampling(schema, &sample)
        known[id] = sampling
        return sampling
    }
}
