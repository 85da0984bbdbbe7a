import CBytes
import Records

/// Samples the labels of Vowpal Wabbit's text, under the name "label".
public final class VWTextSampler: RecordSampler {
    public init() {}

    public func sample(
        _ chunk: Chunk, isEnd: Bool, limit: Int, into sample: inout Sample
    ) throws(FormatError) -> Int {
        sampleLines(chunk, limit: limit, into: &sample) { start, end in
            var start = start
            if end - start >= 3, start[0] == 0xef, start[1] == 0xbb, start[2] == 0xbf { start += 3 }
            guard start < end else { return nil }
            var bar = start
            while bar < end, bar.pointee != UInt8(ascii: "|") { bar += 1 }
            return VWFrame(start, bar).label
        }
    }
}

/// Samples the label of every complete line, which `label` finds (nil: the line is not a record).
func sampleLines(
    _ chunk: Chunk, limit: Int, into sample: inout Sample,
    label: (UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> ByteRange?
) -> Int {
    let base = UnsafePointer(chunk.base)
    guard let last = bytes_last_newline(base, chunk.count) else { return 0 }
    var start = base
    while start <= last, sample.records < limit {
        var end = start
        while end.pointee != UInt8(ascii: "\n") { end += 1 }
        let stop = end > start && end[-1] == 0x0d ? end - 1 : end
        if let text = label(start, stop) {
            sample.add("label", sampledLabel(text))
            sample.records += 1
        }
        start = end + 1
    }
    return start - base
}

private func sampledLabel(_ text: ByteRange) -> SampledValue {
    guard let start = text.start, text.count > 0 else { return .missing }
    if let number = FeatureNumber.whole(start, start + text.count) { return .number(number) }
    return .string(text.text)
}
