import Records

/// One `@attribute` of an ARFF file.
struct ARFFAttribute {
    enum Kind {
        case numeric
        /// One of the declared values, which are `values` in order.
        case nominal
        /// Strings and dates.
        case string
    }

    let name: String
    let kind: Kind
    /// The values of a nominal attribute, by their bytes.
    var values = KeyTable()

    /// The declared values as text.
    var valueNames: [String] { values.keys.map { String(decoding: $0, as: UTF8.self) } }
}

/// The declarations of an ARFF file, up to its `@data`, read line by line.
struct ARFFHeader {
    private(set) var attributes: [ARFFAttribute] = []
    /// Whether `@data` was read: records follow.
    private(set) var isComplete = false
    /// The declarations read so far, one a line.
    private(set) var text = ""
    private var names: Set<String> = []
    private static let maximumBytes = 16 << 20

    init() {}

    /// Reads declarations again, as `text` gave them.
    init(text: String) throws(FormatError) {
        var bytes = Array(text.utf8)
        bytes.append(UInt8(ascii: "\n"))
        // `lines` keep the declaration whole; the newline that ends each is part of `bytes`.
        var start = 0
        for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") {
            try Self.withLine(bytes, start..<end + 1) { line throws(FormatError) in try read(line, number: 0) }
            start = end + 1
        }
    }

    private static func withLine(
        _ bytes: [UInt8], _ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) throws(FormatError) -> Void
    ) throws(FormatError) {
        let result = bytes.withUnsafeBufferPointer { buffer -> Result<Void, FormatError> in
            do throws(FormatError) {
                return .success(try body(UnsafeBufferPointer(rebasing: buffer[range])))
            } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Reads one line.
    ///
    /// - Parameter line: with the newline at its end.
    /// - Throws: when it is neither a declaration nor blank nor a comment.
    mutating func read(_ line: UnsafeBufferPointer<UInt8>, number: Int) throws(FormatError) {
        guard let base = line.baseAddress else { return }
        var scan = ARFFScanner(base)
        scan.skipBlanks()
        if scan.isAtEnd { return }
        guard isUTF8(line) else { throw FormatError("line \(number): the header is not UTF-8 text; is this ARFF?") }
        guard text.utf8.count + line.count <= Self.maximumBytes else {
            throw FormatError("the ARFF header is longer than \(Self.maximumBytes >> 20) MB")
        }
        switch scan.readValue().map({ $0.text.lowercased() }) {
        case "@relation": break
        case "@attribute": try readAttribute(&scan, number)
        case "@data":
            guard !attributes.isEmpty else { throw FormatError("line \(number): @data before any @attribute") }
            isComplete = true
        default:
            throw FormatError(
                "line \(number): expected @relation, @attribute or @data, found \(quoted(Self.trimmed(line)))")
        }
        text += String(decoding: Self.trimmed(line), as: UTF8.self) + "\n"
    }

    private mutating func readAttribute(_ scan: inout ARFFScanner, _ number: Int) throws(FormatError) {
        scan.skipBlanks()
        guard !scan.isAtEnd, let value = scan.readValue(), value.count > 0 || value.isQuoted else {
            throw FormatError("line \(number): @attribute without a name, or with a quote that does not end")
        }
        let name = value.text
        guard names.insert(name).inserted else { throw FormatError("line \(number): '\(name)' is declared twice") }
        scan.skipBlanks()
        if scan.at.pointee == UInt8(ascii: "{") {
            var attribute = ARFFAttribute(name: name, kind: .nominal)
            try readNominal(&scan, &attribute, number)
            return attributes.append(attribute)
        }
        let type = scan.isAtEnd ? "" : scan.readValue()?.text ?? ""
        switch type.lowercased() {
        case "numeric", "real", "integer": attributes.append(ARFFAttribute(name: name, kind: .numeric))
        case "string", "date": attributes.append(ARFFAttribute(name: name, kind: .string))
        default:
            throw FormatError(
                "line \(number): attribute '\(name)' is of type '\(type)'; known are numeric, real, integer, string, "
                    + "date and {a, b, ...}")
        }
    }

    private func readNominal(
        _ scan: inout ARFFScanner, _ attribute: inout ARFFAttribute, _ number: Int
    ) throws(FormatError) {
        scan.at += 1
        while true {
            scan.skipBlanks()
            if scan.at.pointee == UInt8(ascii: "}") { return }
            guard !scan.isAtEnd, let value = scan.readValue(), value.count > 0 || value.isQuoted else {
                throw FormatError("line \(number): the values of attribute '\(attribute.name)' have no end '}'")
            }
            var text = value.text
            text.withUTF8 { if attribute.values.find($0) == nil { _ = attribute.values.insert($0) } }
            scan.skipBlanks()
            if scan.at.pointee == UInt8(ascii: ",") { scan.at += 1 }
        }
    }

    /// A line without the white space around it.
    private static func trimmed(_ line: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var text = line[...]
        while let last = text.last, last <= 0x20 { text.removeLast() }
        while let first = text.first, first <= 0x20 { text.removeFirst() }
        return UnsafeBufferPointer(rebasing: text)
    }
}
