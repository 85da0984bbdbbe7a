/// How a CSV text differs from RFC 4180 with a header.
public struct CSVDialect: Sendable, Equatable {
    /// Where the names of the columns come from.
    public enum Header: Sendable, Equatable {
        /// The first line of every part.
        case firstLine
        /// There is none: columns are `column1`, `column2`, ..., as many as the first record has fields.
        case none
        /// These; there is no line of them.
        case names([String])
    }

    public var separator = UInt8(ascii: ",")
    /// What stands around fields that hold separators or line ends; nil: nothing does.
    public var quote: UInt8? = UInt8(ascii: "\"")
    /// Lines that begin with it are no records; nil: there are none such.
    public var comment: UInt8?
    public var header = Header.firstLine

    public init() {}

    /// As the kernels take it: the separator where there is none.
    var quoteByte: UInt8 { quote ?? separator }

    /// The name of a column of a text without a header, from 0.
    static func name(ofColumn index: Int) -> String { "column\(index + 1)" }

    // MARK: As settings

    /// Sets one of `separator`, `quote`, `comment` and `header` from text.
    ///
    /// - Throws: what the setting takes.
    public mutating func set(_ setting: String, _ text: String) throws(FormatError) {
        switch setting {
        case "separator": separator = try Self.byte(text, or: "tab, space")
        case "quote": quote = text == "none" ? nil : try Self.byte(text, or: "none")
        case "comment": comment = text == "none" ? nil : try Self.byte(text, or: "none")
        case "header": header = try Self.header(text)
        default: throw FormatError("there is no setting '\(setting)' of CSV")
        }
    }

    /// - Throws: which two exclude each other.
    public func check() throws(FormatError) {
        guard quote != separator else { throw FormatError("the separator is also the quote character") }
        if let comment, comment == separator || comment == quote {
            throw FormatError("the comment character is also the separator or the quote character")
        }
    }

    private static func byte(_ text: String, or words: String) throws(FormatError) -> UInt8 {
        switch text {
        case "\\t", "tab", "\t": return UInt8(ascii: "\t")
        case "space", " ": return UInt8(ascii: " ")
        default: break
        }
        guard text.utf8.count == 1, let byte = text.utf8.first, byte >= 0x20, byte < 0x7f else {
            throw FormatError("it takes one character of ASCII, \\t, or a word: \(words)")
        }
        return byte
    }

    private static func header(_ text: String) throws(FormatError) -> Header {
        switch text {
        case "yes", "true", "first-line": return .firstLine
        case "no", "none", "false": return .none
        default: break
        }
        guard text.hasPrefix("names:") || text.contains(",") else {
            throw FormatError("it takes yes, no, or the columns' names as names:a,b,c")
        }
        let list = text.hasPrefix("names:") ? text.dropFirst("names:".count) : text[...]
        var names: [String] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let name = CSVHeader.trimmed(String(part))
            guard !name.isEmpty else { throw FormatError("a column has no name") }
            guard !names.contains(name) else { throw FormatError("it names '\(name)' twice") }
            names.append(name)
        }
        return .names(names)
    }
}
