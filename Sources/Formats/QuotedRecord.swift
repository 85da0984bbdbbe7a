/// One CSV record with quoted fields, unescaped into its own bytes.
struct QuotedRecord {
    /// The fields' text, one after the other.
    var bytes: [UInt8] = []
    /// Where each field ends in `bytes`.
    var ends: [Int] = []
    /// Bytes of the record in the input, without its last line end's newline.
    var length = 0
    /// Line ends it covers.
    var lines = 1
    var failure: String?

    /// What stands at the beginning of a text.
    enum Reading {
        case complete(QuotedRecord)
        /// More bytes are needed to tell.
        case incomplete
        /// A quoted field that does not end: only the line up to the newline at that index is taken for the bad record.
        case endless(lineEnd: Int)
    }

    /// Bytes behind its first line that a record may take, so that one stray quote does not swallow a stream.
    private static let maximumExtension = 1 << 20

    /// Reads the record at the beginning of a text that ends with a newline. How much stands behind the record does not
    /// change the answer.
    static func read(_ text: UnsafeBufferPointer<UInt8>, _ dialect: CSVDialect, isEnd: Bool) -> Reading {
        let record = QuotedRecord(text, dialect)
        if let record, record.lines == 1 { return .complete(record) }
        let lineEnd = text.firstIndex(of: UInt8(ascii: "\n")) ?? 0
        let isEndless = (record?.length ?? text.count) - lineEnd > maximumExtension
        if isEndless || record == nil && isEnd { return .endless(lineEnd: lineEnd) }
        return record.map { .complete($0) } ?? .incomplete
    }

    /// Nil when the text ends inside the record. `text` ends with a newline.
    init?(_ text: UnsafeBufferPointer<UInt8>, _ dialect: CSVDialect) {
        let separator = dialect.separator
        let quote = dialect.quoteByte
        var at = 0
        while true {
            if at < text.count, text[at] == quote, quote != separator {
                guard let end = readQuoted(text, from: at + 1, quote) else { return nil }
                at = end
                if at + 1 < text.count, text[at] == 0x0d, text[at + 1] == UInt8(ascii: "\n") { at += 1 }
                guard at < text.count else { return nil }
                if text[at] != separator, text[at] != UInt8(ascii: "\n") {
                    failure = "text after a quoted field"
                    while at < text.count, text[at] != UInt8(ascii: "\n") { at += 1 }
                    guard at < text.count else { return nil }
                }
            } else {
                let start = at
                while at < text.count, text[at] != separator, text[at] != UInt8(ascii: "\n") { at += 1 }
                guard at < text.count else { return nil }
                let isLast = text[at] == UInt8(ascii: "\n")
                let stop = isLast && at > start && text[at - 1] == 0x0d ? at - 1 : at
                bytes.append(contentsOf: text[start..<stop])
            }
            ends.append(bytes.count)
            if text[at] == UInt8(ascii: "\n") { break }
            at += 1
        }
        length = at
    }

    /// Appends a quoted field's text; returns the index after its closing quote, nil when there is none.
    private mutating func readQuoted(
        _ text: UnsafeBufferPointer<UInt8>, from start: Int, _ quote: UInt8
    ) -> Int? {
        var at = start
        while at < text.count {
            let byte = text[at]
            if byte == quote {
                if at + 1 < text.count, text[at + 1] == quote { at += 1 } else { return at + 1 }
            } else if byte == UInt8(ascii: "\n") {
                lines += 1
            }
            bytes.append(byte)
            at += 1
        }
        return nil
    }
}

/// The first line of a CSV file.
enum CSVHeader {
    /// The column names.
    static func names(_ header: UnsafeBufferPointer<UInt8>, _ dialect: CSVDialect) throws(FormatError) -> [String] {
        guard isUTF8(header) else { throw FormatError("the header is not UTF-8 text; is this a CSV file?") }
        let line = Array(header) + [UInt8(ascii: "\n")]
        guard let record = line.withUnsafeBufferPointer({ QuotedRecord($0, dialect) }),
            record.failure == nil
        else { throw FormatError("the header \(quoted(header)) has a malformed quoted field") }
        var names: [String] = []
        var start = 0
        for end in record.ends {
            let name = String(decoding: record.bytes[start..<end], as: UTF8.self)
            names.append(trimmed(name))
            start = end
        }
        guard header.count > 0, !header.contains(0) else { throw FormatError("the header is empty or binary") }
        var seen = Set<String>()
        for name in names where !seen.insert(name).inserted {
            throw FormatError("the header names '\(name)' twice")
        }
        return names
    }

    static func trimmed(_ name: String) -> String {
        var name = Substring(name)
        while let last = name.last, last == " " || last == "\t" { name.removeLast() }
        while let first = name.first, first == " " || first == "\t" { name.removeFirst() }
        return String(name)
    }
}

/// Whether bytes are valid UTF-8.
func isUTF8(_ text: UnsafeBufferPointer<UInt8>) -> Bool { String(validating: text, as: UTF8.self) != nil }
