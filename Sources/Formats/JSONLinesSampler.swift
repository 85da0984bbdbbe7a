import JSON
import Records

/// Samples JSON Lines.
public final class JSONLinesSampler: RecordSampler {
    private let parser = JSONParser()

    public init() {}

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        let text = UnsafeBufferPointer(start: UnsafePointer(chunk.base), count: chunk.count)
        var at = byteOrderMarkCount(chunk.base, chunk.count)
        while at < text.count, sample.records < limit {
            guard let end = text[at...].firstIndex(of: UInt8(ascii: "\n")) else { break }
            let line = UnsafeBufferPointer(rebasing: text[at..<end])
            at = end + 1
            // Malformed records teach nothing here; the decoder will reject them.
            guard let tape = try? parser.parse(line), tape.kind(at: JSONTape.rootIndex) == .object else { continue }
            add(tape, JSONTape.rootIndex, "", &sample)
            sample.records += 1
        }
        return at
    }

    private func add(_ tape: JSONTape, _ object: Int, _ prefix: String, _ sample: inout Sample) {
        var at = object + 1
        while at < tape.close(of: object) {
            let name = prefix + String(decoding: tape.string(at: at), as: UTF8.self)
            add(tape, value: at + 1, name, &sample)
            at = tape.next(after: at + 1)
        }
    }

    private func add(_ tape: JSONTape, value index: Int, _ name: String, _ sample: inout Sample) {
        switch tape.kind(at: index) {
        case .object: add(tape, index, name + ".", &sample)
        case .array: addArray(tape, index, name, &sample)
        case .string:
            let text = tape.string(at: index)
            sample.add(name, isMissing(text) ? .missing : .string(String(decoding: text, as: UTF8.self)))
        case .signed, .unsigned, .double: sample.add(name, .number(tape.number(at: index) ?? 0))
        case .yes: sample.add(name, .boolean(true))
        case .no: sample.add(name, .boolean(false))
        case .null, nil: sample.add(name, .missing)
        }
    }

    private func addArray(_ tape: JSONTape, _ array: Int, _ name: String, _ sample: inout Sample) {
        var items: [Int] = []
        var at = array + 1
        while at < tape.close(of: array) {
            items.append(at)
            at = tape.next(after: at)
        }
        if items.allSatisfy({ tape.kind(at: $0) == .string }) { return sample.add(name, .bag) }
        for (index, item) in items.enumerated() { add(tape, value: item, "\(name).\(index)", &sample) }
    }
}
