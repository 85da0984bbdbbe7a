import Records
import Testing

@testable import Formats

/// What every decoder owes the engine, for every format of the registry.
@Suite struct DecoderConformanceTests {
    @Test func everyFormatHasAnExample() {
        #expect(FormatRegistry.all.count == 7)
        #expect(Set(Example.all.map(\.format.name)) == Set(FormatRegistry.all.map(\.name)))
    }

    @Test(arguments: Example.all)
    func examplesHaveRowsAndRejectedRecords(_ example: Example) {
        let outcome = Conformance.decode(example, example.bytes)
        #expect(outcome.error == nil)
        #expect(outcome.faults == [])
        #expect(outcome.rows.count >= 3)
        #expect(outcome.rejected.count >= 2)
        #expect(outcome.end.offset == example.bytes.count)
        guard !example.format.isBinary else { return }
        #expect(outcome.end.line == example.document.utf8.reduce(1) { $0 + ($1 == 0x0a ? 1 : 0) })
    }

    @Test(arguments: Example.lines)
    func everyLineIsARowOrRejected(_ example: Example) {
        expectEveryLine(of: example.bytes, in: Conformance.decode(example, example.bytes), example)
    }

    @Test(arguments: Example.all)
    func cutsChangeNothing(_ example: Example) {
        let bytes = example.bytes
        let whole = Conformance.decode(example, bytes)
        for cut in 0...bytes.count {
            let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
            let other = Conformance.decode(example, pieces: pieces)
            guard other == whole else {
                Issue.record("cut at \(cut): \(differences(other, whole))")
                return
            }
        }
        #expect(Conformance.decode(example, pieces: bytes.map { [$0] }) == whole)
    }

    @Test(arguments: Example.all)
    func batchCapacitiesChangeNothing(_ example: Example) {
        let whole = Conformance.decode(example, example.bytes)
        for capacity in [1, 2, 3, 7] {
            #expect(Conformance.decode(example, example.bytes, capacity: capacity) == whole)
            let pieces = example.bytes.map { [$0] }
            #expect(Conformance.decode(example, pieces: pieces, capacity: capacity) == whole)
        }
    }

    /// A decoder that continues from the position and context after any batch gives the rows that were to come.
    @Test(arguments: Example.all)
    func readingResumesFromItsContext(_ example: Example) throws {
        let whole = Conformance.decode(example, example.bytes)
        let decoder = example.makeDecoder()
        let chunk = Chunk(capacity: example.bytes.count)
        example.bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        let batch = RecordBatch(capacity: 1, for: example.schema)
        decoder.beginPart()
        var offset = 0
        var rows = 0
        while offset < chunk.count {
            offset = try decoder.decode(chunk, from: offset, isEnd: true, into: batch)
            rows += batch.rows
            batch.recycle()
            let resumed = example.makeDecoder()
            resumed.context = decoder.context
            #expect(resumed.context == decoder.context)
            let rest = Chunk(capacity: chunk.count - offset)
            rest.append(ByteRange(UnsafePointer(chunk.base) + offset, chunk.count - offset))
            rest.sealPadding()
            rest.position = RecordPosition(part: 0, offset: offset, line: 1)
            let more = RecordBatch(capacity: 256, for: example.schema)
            more.endPosition = batch.endPosition
            _ = try resumed.decode(rest, from: 0, isEnd: true, into: more)
            #expect((0..<more.rows).map { more.positions[$0] } == whole.rows[rows...].map(\.position))
            #expect((0..<more.rows).map { Array(more.raw[$0].buffer) } == whole.rows[rows...].map(\.raw))
            #expect((0..<more.rows).map { more.targetNumbers[$0].bitPattern } == whole.rows[rows...].map(\.target))
        }
    }

    @Test(arguments: Example.lines)
    func lineEndsOfWindowsChangeOnlyOffsets(_ example: Example) {
        let whole = Conformance.decode(example, example.bytes)
        let windows = example.bytes.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
        var other = Conformance.decode(example, windows)
        #expect(other.rows.count == whole.rows.count)
        #expect(other.rejected.count == whole.rejected.count)
        // A line end inside a quoted CSV field is part of its text.
        func hasLineEnd(_ raw: [UInt8]) -> Bool { raw.contains(0x0a) }
        other.rows = other.rows.filter { !hasLineEnd($0.raw) }
        for (row, reference) in zip(other.rows, whole.rows.filter { !hasLineEnd($0.raw) }) {
            #expect(row.raw == reference.raw)
            #expect(row.anywhere == reference.anywhere)
            #expect(row.position.line == reference.position.line)
        }
        for (one, reference) in zip(other.rejected, whole.rejected) where !hasLineEnd(reference.bytes) {
            #expect(one.reason == reference.reason)
            #expect(one.bytes == reference.bytes)
        }
    }

    @Test(arguments: Example.lines)
    func theLastLineNeedsNoLineEnd(_ example: Example) {
        var whole = Conformance.decode(example, example.bytes)
        whole.end.offset = 0
        let bytes = Array(example.bytes.dropLast(example.document.hasSuffix("\n\n") ? 2 : 1))
        for pieces in [[bytes], bytes.map { [$0] }] {
            var other = Conformance.decode(example, pieces: pieces)
            other.end.offset = 0
            #expect(other == whole)
        }
    }

    @Test(arguments: Example.lines)
    func emptyAndBlankInputsHaveNoRecords(_ example: Example) {
        for text in ["", "\n", "\n\n\n", "\r\n\r\n"] {
            let outcome = Conformance.decode(example, Array(text.utf8))
            #expect(outcome.rows.isEmpty && outcome.rejected.isEmpty && outcome.faults.isEmpty && outcome.error == nil)
        }
    }

    @Test(arguments: Example.lines)
    func aByteOrderMarkIsPassedOver(_ example: Example) {
        let plain = Conformance.decode(example, example.bytes)
        let marked = Conformance.decode(example, [0xef, 0xbb, 0xbf] + example.bytes)
        #expect(marked.error == nil)
        #expect(marked.rows.map(\.anywhere) == plain.rows.map(\.anywhere))
        #expect(marked.rejected.count == plain.rejected.count)
    }

    /// Every part begins anew: the same bytes again are the same records.
    @Test(arguments: Example.all)
    func partsBeginAnew(_ example: Example) {
        let decoder = example.makeDecoder()
        let first = Conformance.decode(decoder, example.schema, [example.bytes], capacity: 256)
        let cut = Array(example.bytes.prefix(example.bytes.count / 2))
        _ = Conformance.decode(decoder, example.schema, [cut], capacity: 256)
        #expect(Conformance.decode(decoder, example.schema, [example.bytes], capacity: 256) == first)
    }

    @Test(arguments: Example.all)
    func samplersReadEveryExample(_ example: Example) throws {
        for count in 0...example.bytes.count {
            var sample = Sample()
            try sampleOnce(example, Array(example.bytes.prefix(count)), isEnd: false, &sample)
        }
        var sample = Sample()
        try sampleOnce(example, example.bytes, isEnd: true, &sample)
        #expect(sample.records >= 4)
    }

    private func sampleOnce(_ example: Example, _ bytes: [UInt8], isEnd: Bool, _ sample: inout Sample) throws {
        let chunk = Chunk(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        let read = try example.makeSampler().sample(chunk, isEnd: isEnd, limit: 1000, into: &sample)
        #expect(read <= bytes.count)
        for values in sample.values.values { #expect(values.count <= sample.records) }
    }
}

/// Where two outcomes differ, in short.
func differences(_ a: Conformance.Outcome, _ b: Conformance.Outcome) -> String {
    for (one, other) in zip(a.rows, b.rows) where one != other { return "\(one) is not \(other)" }
    for (one, other) in zip(a.rejected, b.rejected) where one != other { return "\(one) is not \(other)" }
    return "\(a.rows.count) and \(b.rows.count) rows, \(a.rejected.count) and \(b.rejected.count) rejected, "
        + "ends \(a.end), \(b.end), errors \(a.error ?? ""), \(b.error ?? ""), faults \(a.faults + b.faults)"
}

/// Expects that rows and rejected records cover every line that is not blank or aside.
func expectEveryLine(of bytes: [UInt8], in outcome: Conformance.Outcome, _ example: Example) {
    var covered = Set<Int>()
    var last = -1
    let records = outcome.rows.map { ($0.position, $0.raw) } + outcome.rejected.map { ($0.position, $0.bytes) }
    for (position, raw) in records.sorted(by: { $0.0.offset < $1.0.offset }) {
        #expect(position.line > last, "two records begin in line \(position.line)")
        let lines = raw.reduce(0) { $0 + ($1 == 0x0a ? 1 : 0) }
        last = position.line + lines
        covered.formUnion(position.line...last)
        #expect(position.offset + raw.count <= bytes.count)
        #expect(Array(bytes[position.offset..<min(position.offset + raw.count, bytes.count)]) == raw)
    }
    for (index, line) in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
        let text = String(decoding: line.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed(), as: UTF8.self)
        guard !text.isEmpty, !example.isAside(text) else { continue }
        #expect(covered.contains(index + 1), "line \(index + 1) is neither a row nor rejected: \(text)")
    }
}
