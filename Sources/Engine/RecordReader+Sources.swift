import Connectors
import Formats
import Records

/// Parts of several sources, each with names, units and a format of its own.
extension RecordReader {
    /// A decoder of one source's records.
    struct PartDecoder {
        let decoder: any RecordDecoder
        let format: FormatDescriptor
        let conversions: NumberConversions
    }

    func source(of part: String) -> SourceConfiguration? { sources.first { $0.has(part) } }

    func detectedFormat() throws -> FormatDescriptor {
        let head = UnsafeBufferPointer(start: UnsafePointer(chunk.base) + offset, count: chunk.count - offset)
        return try FormatRegistry.detect(name: parts[chunk.position.part].name, head: head)
    }

    /// Takes the decoder of the part that begins.
    func useDecoder(of part: String) throws {
        let index = sources.firstIndex { $0.has(part) } ?? -1
        let used: PartDecoder
        if let known = partDecoders[index] {
            used = known
        } else {
            guard let made = try makePartDecoder(index) else { return }
            used = made
            partDecoders[index] = made
        }
        decoder = used.decoder
        conversions = used.conversions
    }

    private func makePartDecoder(_ index: Int) throws -> PartDecoder? {
        guard let shape, let first = format else { return nil }
        guard sources.indices.contains(index) else {
            return PartDecoder(
                decoder: first.makeDecoder(shape.schema, shape.options), format: first,
                conversions: NumberConversions())
        }
        let source = sources[index]
        var format = first
        if let name = source.format ?? configuration.format {
            guard let found = FormatRegistry.find(name) else {
                throw EngineError("there is no format '\(name)'", .usage)
            }
            format = found
        } else {
            while chunk.count - offset < 4, !isPartEnd, stop.signal == 0 { _ = try fill() }
            if chunk.count > offset { format = try detectedFormat() }
        }
        return try PartDecoder(format, source.mapping, shape.schema, shape.options)
    }

    /// The first records of every source, as the schema calls and measures them.
    func sampleOfAllSources() throws -> Sample {
        let current = parts[chunk.position.part].name
        let first = sources.firstIndex { $0.has(current) }
        let own = try ownSample()
        var sample = first.map { sources[$0].mapping.sample(own) } ?? own
        for (index, other) in sources.enumerated() where index != first {
            guard let part = other.parts.first, let ahead = source.lookAhead(at: part) else { continue }
            let reader = RecordReader(
                source: ahead, configuration: configuration, sources: [other], stop: stop, dropsPartialBatch: false)
            defer { reader.close() }
            guard try reader.open(at: [], format: nil) else { continue }
            sample.append(try reader.sampleOfAllSources())
        }
        return sample
    }
}

extension RecordReader.PartDecoder {
    init(
        _ format: FormatDescriptor, _ mapping: SourceMapping, _ schema: Schema, _ options: DecoderOptions
    ) throws {
        guard !format.isFeatureNative else {
            throw EngineError("sources: need records with named fields, which \(format.name) does not have", .usage)
        }
        do throws(FormatError) {
            decoder = format.makeDecoder(try mapping.schema(for: schema), options)
        } catch { throw EngineError(error.description, .usage) }
        self.format = format
        conversions = mapping.conversions(schema)
    }
}
