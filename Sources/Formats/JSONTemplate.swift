import CBytes

/// The layout of a flat JSON record, guessed to be the next one's too: the exact text between its values.
struct JSONTemplate {
    /// The text before each value, and its key's number in the decoder's table.
    private(set) var steps: [json_step] = []

    /// Learns the layout of one record. Leaves the template empty when the record is not flat and plain.
    mutating func learn(_ line: UnsafeBufferPointer<UInt8>, _ find: (UnsafeBufferPointer<UInt8>) -> Int?) {
        steps.removeAll(keepingCapacity: true)
        var at = 0
        while true {
            let separator = at
            guard let key = nextKey(line, &at) else { break }
            guard let number = find(key), at - separator <= 16, Self.skipPlainValue(line, &at, from: at) else {
                steps.removeAll(keepingCapacity: true)
                return
            }
            var step = json_step()
            let end = valueStart
            withUnsafeMutableBytes(of: &step.text) { text in
                for index in separator..<end { text[index - separator] = line[index] }
            }
            step.count = UInt32(end - separator)
            step.key = Int32(truncatingIfNeeded: number)
            steps.append(step)
        }
    }

    private var valueStart = 0

    /// Reads `{` or `,`, a key and `:`, with white space anywhere between; `at` ends at the value.
    private mutating func nextKey(
        _ line: UnsafeBufferPointer<UInt8>, _ at: inout Int
    ) -> UnsafeBufferPointer<UInt8>? {
        Self.skipSpace(line, &at)
        guard at < line.count, line[at] == UInt8(ascii: steps.isEmpty ? "{" : ",") else { return nil }
        at += 1
        Self.skipSpace(line, &at)
        guard at < line.count, line[at] == UInt8(ascii: "\"") else { return nil }
        let start = at + 1
        at = start
        while at < line.count, line[at] != UInt8(ascii: "\""), line[at] != UInt8(ascii: "\\"), line[at] >= 0x20 {
            at += 1
        }
        guard at < line.count, line[at] == UInt8(ascii: "\"") else { return nil }
        let key = UnsafeBufferPointer(rebasing: line[start..<at])
        at += 1
        Self.skipSpace(line, &at)
        guard at < line.count, line[at] == UInt8(ascii: ":") else { return nil }
        at += 1
        Self.skipSpace(line, &at)
        valueStart = at
        return key
    }

    static func skipSpace(_ line: UnsafeBufferPointer<UInt8>, _ at: inout Int) {
        while at < line.count, line[at] == 0x20 || line[at] == 0x09 || line[at] == 0x0d { at += 1 }
    }

    /// Skips a string without escapes, a number or a literal. False: something else.
    private static func skipPlainValue(_ line: UnsafeBufferPointer<UInt8>, _ at: inout Int, from start: Int) -> Bool {
        guard at < line.count else { return false }
        if line[at] == UInt8(ascii: "\"") {
            at += 1
            while at < line.count, line[at] != UInt8(ascii: "\"") {
                if line[at] == UInt8(ascii: "\\") { return false }
                at += 1
            }
            at += 1
            return at <= line.count
        }
        while at < line.count, line[at] != UInt8(ascii: ","), line[at] != UInt8(ascii: "}"), line[at] > 0x20 {
            if line[at] == UInt8(ascii: "{") || line[at] == UInt8(ascii: "[") { return false }
            at += 1
        }
        return at > start
    }
}
