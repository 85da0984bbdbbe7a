import CSimdjson

/// Why a document is not JSON.
public struct JSONError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// simdjson's DOM parser: strict JSON (RFC 8259), UTF-8 validated, nesting bounded. One thread at a time.
public final class JSONParser {
    public static let defaultMaximumDepth = 64
    private let parser: OpaquePointer
    /// The last document with an integer beyond 64 bits, rewritten.
    private var rewritten: [UInt8] = []

    public init(maximumDepth: Int = JSONParser.defaultMaximumDepth) {
        guard let parser = simdjson_shim_make(maximumDepth) else { fatalError("out of memory") }
        self.parser = parser
    }

    deinit { simdjson_shim_free(parser) }

    /// Parses one document; 64 bytes past its end must be readable. The tape is valid until the next call.
    public func parse(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) -> JSONTape {
        guard let base = text.baseAddress, text.count > 0 else { throw JSONError(description: "empty document") }
        guard text.count < Int(UInt32.max) else { throw JSONError(description: "document of over 4 GB") }
        var (code, tape) = parse(base, text.count)
        // simdjson knows no integers beyond 64 bits. As numbers with a fraction they are what other readers make of
        // them: the nearest double (RFC 8259, section 6).
        if code == simdjson_shim_number_error(), BigIntegers.appendFractions(text, into: &rewritten) {
            let count = rewritten.count
            rewritten.append(contentsOf: repeatElement(0, count: 64))
            (code, tape) = rewritten.withUnsafeBufferPointer { padded in
                padded.baseAddress.map { parse($0, count) } ?? (code, nil)
            }
        }
        guard code == 0, let tape else { throw JSONError(description: String(cString: simdjson_shim_error(code))) }
        return tape
    }

    /// simdjson's error code, and the tape when there is none. The tape does not refer to the text.
    private func parse(_ base: UnsafePointer<UInt8>, _ count: Int) -> (code: Int32, tape: JSONTape?) {
        var words: UnsafePointer<UInt64>?
        var strings: UnsafePointer<UInt8>?
        let code = simdjson_shim_parse(parser, base, count, &words, &strings)
        guard code == 0, let words, let strings else { return (code, nil) }
        return (code, JSONTape(words: words, strings: strings))
    }

    /// Parses text that may lie anywhere, into a value.
    public func value(_ text: some Sequence<UInt8>) throws(JSONError) -> JSONValue {
        var padded = Array(text)
        let count = padded.count
        padded.append(contentsOf: repeatElement(0, count: 64))
        let parsed: Result<JSONValue, JSONError> = padded.withUnsafeBufferPointer { buffer in
            do throws(JSONError) {
                let tape = try parse(UnsafeBufferPointer(rebasing: buffer[0..<count]))
                return .success(tape.value(at: JSONTape.rootIndex))
            } catch { return .failure(error) }
        }
        return try parsed.get()
    }
}
