import CBytes
import Records

/// Samples CSV: a column whose values all read as numbers is one of numbers.
public final class CSVSampler: RecordSampler {
    private let dialect: CSVDialect

    public init(dialect: CSVDialect = CSVDialect()) { self.dialect = dialect }

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        guard let last = bytes_last_newline(chunk.base, chunk.count) else { return 0 }
        let base = UnsafePointer(chunk.base)
        let text = UnsafeBufferPointer(start: base, count: base.distance(to: last) + 1)
        var at = byteOrderMarkCount(chunk.base, chunk.count)
        guard var names = try header(text, &at) else { return at }
        while at < text.count, sample.records < limit {
            if let aside = asideLine(text, at) {
                at += aside
                continue
            }
            switch QuotedRecord.read(UnsafeBufferPointer(rebasing: text[at...]), dialect, isEnd: isEnd) {
            case .incomplete: return at
            case .endless(let lineEnd): at += lineEnd + 1
            case .complete(let record):
                at += record.length + 1
                if names.isEmpty { names = record.ends.indices.map(CSVDialect.name) }
                add(record, names, &sample)
            }
        }
        return at
    }

    /// The names of the columns, passing over their line; empty: the first record says how many there are. Nil: their
    /// line has not arrived.
    private func header(_ text: UnsafeBufferPointer<UInt8>, _ at: inout Int) throws(FormatError) -> [String]? {
        switch dialect.header {
        case .names(let names): return names
        case .none: return []
        case .firstLine: break
        }
        while let aside = asideLine(text, at) { at += aside }
        guard at < text.count, let lineEnd = text[at...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let end = lineEnd > at && text[lineEnd - 1] == 0x0d ? lineEnd - 1 : lineEnd
        let names = try CSVHeader.names(UnsafeBufferPointer(rebasing: text[at..<end]), dialect)
        at = lineEnd + 1
        return names
    }

    /// The bytes of the line at `at` when it is blank or a comment.
    private func asideLine(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int? {
        guard at < text.count else { return nil }
        if text[at] == UInt8(ascii: "\n") { return 1 }
        if text[at] == dialect.comment {
            return text[at...].firstIndex(of: UInt8(ascii: "\n")).map { $0 - at + 1 }
        }
        return text[at] == 0x0d && at + 1 < text.count && text[at + 1] == UInt8(ascii: "\n") ? 2 : nil
    }

    private func add(_ record: QuotedRecord, _ names: [String], _ sample: inout Sample) {
        // Malformed records teach nothing here; the decoder will reject them.
        guard record.failure == nil, record.ends.count == names.count else { return }
        var start = 0
        for (name, end) in zip(names, record.ends) {
            sample.add(name, record.bytes[start..<end].withUnsafeBufferPointer { SampledValue(text: $0) })
            start = end
        }
        sample.records += 1
    }
}

extension SampledValue {
    /// What a field given as text looks like.
    init(text: UnsafeBufferPointer<UInt8>) {
        switch readNumber(text) {
        case .number(let value): self = .number(value)
        case .missing: self = .missing
        case .outOfRange: self = .number(.greatestFiniteMagnitude)
        case .notANumber: self = .string(String(decoding: text, as: UTF8.self))
        }
    }
}
