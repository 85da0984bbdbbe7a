import CBytes
import Records

/// Samples CSV: a column whose values all read as numbers is one of numbers.
public final class CSVSampler: RecordSampler {
    private let separator: UInt8

    public init(separator: UInt8 = UInt8(ascii: ",")) { self.separator = separator }

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        var text = UnsafeBufferPointer(start: UnsafePointer(chunk.base), count: chunk.count)
        if text.count >= 3, text[0] == 0xef, text[1] == 0xbb, text[2] == 0xbf {
            text = UnsafeBufferPointer(rebasing: text[3...])
        }
        guard let lineEnd = text.firstIndex(of: UInt8(ascii: "\n")) else { return 0 }
        let headerEnd = lineEnd > 0 && text[lineEnd - 1] == 0x0d ? lineEnd - 1 : lineEnd
        let names = try CSVHeader.names(UnsafeBufferPointer(rebasing: text[..<headerEnd]), separator: separator)
        var at = lineEnd + 1
        while at < text.count, sample.records < limit {
            guard let record = QuotedRecord(UnsafeBufferPointer(rebasing: text[at...]), separator: separator) else {
                break
            }
            at += record.length + 1
            guard record.failure == nil, record.ends.count == names.count else { continue }
            var start = 0
            for (name, end) in zip(names, record.ends) {
                sample.add(name, record.bytes[start..<end].withUnsafeBufferPointer { SampledValue(text: $0) })
                start = end
            }
            sample.records += 1
        }
        return at
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
