import Records

/// Samples ARFF: nominal and string attributes are categories by declaration, numbers are looked at.
public final class ARFFSampler: RecordSampler {
    public init() {}

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        let text = UnsafeBufferPointer(start: UnsafePointer(chunk.base), count: chunk.count)
        var at = byteOrderMarkCount(chunk.base, chunk.count)
        var header = ARFFHeader()
        var line = 1
        while sample.records < limit, let end = text[at...].firstIndex(of: UInt8(ascii: "\n")) {
            let bytes = UnsafeBufferPointer(rebasing: text[at...end])
            at = end + 1
            if header.isComplete {
                add(bytes, header, &sample)
            } else {
                try header.read(bytes, number: line)
                if header.isComplete { declare(header, &sample) }
            }
            line += 1
        }
        return at
    }

    private func declare(_ header: ARFFHeader, _ sample: inout Sample) {
        for attribute in header.attributes {
            switch attribute.kind {
            case .numeric: break
            case .string: sample.declared[attribute.name] = .categorical
            case .nominal:
                sample.declared[attribute.name] = .categorical
                sample.declaredClasses[attribute.name] = attribute.valueNames
            }
        }
    }

    private func add(_ line: UnsafeBufferPointer<UInt8>, _ header: ARFFHeader, _ sample: inout Sample) {
        guard let base = line.baseAddress else { return }
        var scan = ARFFScanner(base)
        scan.skipBlanks()
        guard !scan.isAtEnd else { return }
        var row = RowSampler(attributes: header.attributes)
        // Malformed records teach nothing here; the decoder will reject them.
        guard ARFFRow.read(&scan, attributes: header.attributes.count, &row) == nil else { return }
        for (attribute, value) in zip(header.attributes, row.values) { sample.add(attribute.name, value) }
        sample.records += 1
    }
}

/// Collects the values of one record.
private struct RowSampler: ARFFRowVisitor {
    let attributes: [ARFFAttribute]
    var values: [SampledValue] = []

    func takeNumber(_ attribute: Int, at start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8>? { nil }

    mutating func take(_ attribute: Int, _ value: ARFFValue) -> String? {
        guard !value.isMissing else {
            values.append(.missing)
            return nil
        }
        var text = value.text
        switch attributes[attribute].kind {
        case .numeric: values.append(text.withUTF8 { SampledValue(text: $0) })
        case .string: values.append(.string(text))
        case .nominal:
            guard text.withUTF8({ attributes[attribute].values.find($0) }) != nil else { return "undeclared" }
            values.append(.string(text))
        }
        return nil
    }

    mutating func takeAbsent(_ attribute: Int) {
        switch attributes[attribute].kind {
        case .numeric: values.append(.number(0))
        case .string: values.append(.missing)
        case .nominal: values.append(attributes[attribute].valueNames.first.map { .string($0) } ?? .missing)
        }
    }

    func takeWeight(_ weight: ARFFValue) -> String? { nil }
}
