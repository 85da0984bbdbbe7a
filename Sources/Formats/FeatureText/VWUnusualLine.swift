import Records

extension VWTextDecoder {
    /// Decodes a line in full generality: scales, text values, nameless features, numbers of every form, tags and
    /// comments before the bar. Slower than the usual path, with the same result where both apply.
    @inline(never)
    func decodeUnusual(
        _ start: UnsafePointer<UInt8>, _ lineEnd: UnsafePointer<UInt8>, _ batch: RecordBatch,
        _ sink: inout FeatureSink
    ) -> LineOutcome {
        var start = start
        var end = lineEnd
        sink.beginRow()
        runs.begin()
        if end - start >= 3, start[0] == 0xef, start[1] == 0xbb, start[2] == 0xbf { start += 3 }
        if end > start, end[-1] == 0x0d { end -= 1 }
        guard start < end else { return .blank }
        var bar = start
        while bar < end, bar.pointee != UInt8(ascii: "|") { bar += 1 }
        let frame = VWFrame(start, bar)
        if let failure = frame.store(batch, batch.rows, task) { return .rejected(failure) }
        var line = VWFeatureReader(end: end, mask: mask, at: bar)
        if let failure = line.read(runs, &sink) { return .rejected(failure) }
        if frame.tagIsCommand, runs.groupCount <= 1 {
            return .rejected("a command to Vowpal Wabbit, not a record: \(quoted(frame.tag.buffer))")
        }
        return .record
    }
}

/// Reads everything from the first bar on.
private struct VWFeatureReader {
    let end: UnsafePointer<UInt8>
    let mask: UInt32
    /// The next byte to read.
    var at: UnsafePointer<UInt8>

    /// Returns why the line is rejected; nil = it is not.
    mutating func read(_ runs: NamespaceRuns, _ sink: inout FeatureSink) -> String? {
        var p = at
        while p < end, p.pointee != 0x0d { p += 1 }
        if p < end { return "carriage return inside the line" }
        while at < end {
            at += 1
            let first = sink.count
            var space = Namespace()
            if let failure = readHeader(&space) { return failure }
            while at < end, at.pointee != UInt8(ascii: "|") {
                at += 1
                if isStop(at) { continue }
                if let failure = readFeature(&space, &sink) { return failure }
            }
            runs.add(space.initial, from: first, to: sink.count)
        }
        return nil
    }

    private struct Namespace {
        var initial: UInt8 = 0x20
        var hash: UInt32 = 0
        var scale: Float = 1
        /// Nameless features so far.
        var nameless: UInt32 = 0
    }

    /// Whether a name or value ends at `p`.
    private func isStop(_ p: UnsafePointer<UInt8>) -> Bool {
        p >= end || p.pointee == 0x20 || p.pointee == 0x09 || p.pointee == UInt8(ascii: "|")
    }

    private func isBlank(_ p: UnsafePointer<UInt8>) -> Bool { p.pointee == 0x20 || p.pointee == 0x09 }

    /// Reads a name, up to where it stops or to its ':'.
    private mutating func readName() -> UnsafeBufferPointer<UInt8> {
        let start = at
        while !isStop(at), at.pointee != UInt8(ascii: ":") { at += 1 }
        return UnsafeBufferPointer(start: start, count: at - start)
    }

    /// Reads a namespace's name and scale, up to a blank, a bar or the end.
    private mutating func readHeader(_ space: inout Namespace) -> String? {
        if isStop(at) { return nil }
        let name = readName()
        guard name.count > 0, let start = name.baseAddress else { return "a scale without a namespace after '|'" }
        space.initial = start.pointee
        space.hash = FeatureHash.any(start, start + name.count, 0)
        guard at < end, at.pointee == UInt8(ascii: ":") else { return nil }
        guard case .number(let scale, let consumed) = FeatureNumber.read(at + 1, end),
            Float(scale).isFinite, isStop(at + 1 + consumed)
        else { return "the scale of namespace \(quoted(name)) is not a finite number" }
        space.scale = Float(scale)
        at += 1 + consumed
        return nil
    }

    private mutating func readFeature(_ space: inout Namespace, _ sink: inout FeatureSink) -> String? {
        let name = readName()
        guard let start = name.baseAddress else { return nil }
        var hash = FeatureHash.any(start, start + name.count, space.hash)
        var value = space.scale
        var text = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        if !isStop(at) {
            at += 1
            switch FeatureNumber.read(at, end) {
            case .number(let number, let consumed):
                at += consumed
                guard isStop(at) else { return Self.notANumber(name) }
                value = space.scale * Float(number)
                guard value.isFinite else { return "feature \(quoted(name)) has a value that is not finite" }
            case .malformed: return Self.notANumber(name)
            case .text:
                value = 1
                text = readText()
            }
        }
        if let word = text.baseAddress, text.count > 0 {
            hash = FeatureHash.any(word, word + text.count, hash)
        } else if name.count == 0 {
            hash = space.hash &+ space.nameless
            space.nameless &+= 1
        }
        if value != 0 { sink.append(hash & mask, value) }
        return nil
    }

    private static func notANumber(_ name: UnsafeBufferPointer<UInt8>) -> String {
        "feature \(quoted(name)) has a value that is not a number"
    }

    /// A text value: everything up to a blank, bars and colons included.
    private mutating func readText() -> UnsafeBufferPointer<UInt8> {
        var start = at
        while start < end, isBlank(start) { start += 1 }
        if start == end { start = at }
        at = start
        while at < end, !isBlank(at) { at += 1 }
        return UnsafeBufferPointer(start: start, count: at - start)
    }
}
