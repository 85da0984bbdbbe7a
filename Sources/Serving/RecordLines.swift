import Glibc

/// Cuts request bodies into records, one a line, as decoders and the inbox take them.
struct RecordLines {
    /// The records, each with its line end.
    private(set) var bytes: [UInt8] = []
    /// Where each begins in `bytes`.
    private(set) var starts: [Int] = []
    /// Whether the body was one object rather than an array of them.
    private(set) var isSingle = false
    /// Deeper objects are refused before any parser sees them.
    private static let maximumDepth = 64
    private let maximumFields: Int

    var count: Int { starts.count }

    init(maximumFields: Int) { self.maximumFields = maximumFields }

    /// The records one by one, without line ends.
    func withRecords<R>(_ body: ([UnsafeRawBufferPointer]) -> R) -> R {
        bytes.withUnsafeBytes { all in
            let records = starts.indices.map { index in
                let end = index + 1 < starts.count ? starts[index + 1] : all.count
                return UnsafeRawBufferPointer(rebasing: all[starts[index]..<end - 1])
            }
            return body(records)
        }
    }

    // MARK: JSON documents

    /// Takes `{...}` or `[{...}, ...]`. What is inside an object is for the decoder to judge.
    init(json body: UnsafeRawBufferPointer, maximumFields: Int) throws(Failure) {
        self.init(maximumFields: maximumFields)
        var at = Self.skipSpace(body, 0)
        guard at < body.count else {
            throw .badRequest("the body is empty: want a record as a JSON object, or an array")
        }
        if body[at] == UInt8(ascii: "{") {
            isSingle = true
            at = try addObject(body, at)
        } else if body[at] == UInt8(ascii: "[") {
            at = try addArray(body, at)
        } else {
            throw .badRequest("the body is no record: want a JSON object, or an array of objects")
        }
        guard Self.skipSpace(body, at) == body.count else {
            throw .badRequest("something follows the JSON document at byte \(at)")
        }
    }

    private mutating func addArray(_ body: UnsafeRawBufferPointer, _ start: Int) throws(Failure) -> Int {
        var at = Self.skipSpace(body, start + 1)
        if at < body.count, body[at] == UInt8(ascii: "]") { return at + 1 }
        while at < body.count {
            guard body[at] == UInt8(ascii: "{") else {
                throw .badRequest("element \(count) of the array is no object", record: count)
            }
            at = Self.skipSpace(body, try addObject(body, at))
            guard at < body.count else { break }
            if body[at] == UInt8(ascii: "]") { return at + 1 }
            guard body[at] == UInt8(ascii: ",") else {
                throw .badRequest("a comma is missing at byte \(at)", record: count)
            }
            at = Self.skipSpace(body, at + 1)
        }
        throw .badRequest("the array does not end")
    }

    /// Copies an object as one line. Returns where the body goes on.
    private mutating func addObject(_ body: UnsafeRawBufferPointer, _ start: Int) throws(Failure) -> Int {
        var depth = 0
        var fields = 0
        var isInString = false
        var at = start
        starts.append(bytes.count)
        while at < body.count {
            let byte = body[at]
            at += 1
            if isInString {
                if byte == UInt8(ascii: "\\") { at += 1 } else if byte == UInt8(ascii: "\"") { isInString = false }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if depth > Self.maximumDepth { throw .badRequest("nested too deep", record: count - 1) }
            case UInt8(ascii: ","): fields += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                guard depth == 0 else { continue }
                guard fields < maximumFields else {
                    throw Failure(.contentTooLarge, "more than \(maximumFields) fields", record: count - 1)
                }
                append(UnsafeRawBufferPointer(rebasing: body[start..<at]))
                return at
            default: break
            }
        }
        throw .badRequest("the object does not end", record: count - 1)
    }

    /// A line end inside a JSON string would be invalid anyway, so that a blank says the same.
    private mutating func append(_ object: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: object)
        for index in bytes.count - object.count..<bytes.count where bytes[index] == 10 || bytes[index] == 13 {
            bytes[index] = UInt8(ascii: " ")
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }

    private static func skipSpace(_ body: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var at = start
        while at < body.count, isSpace(body[at]) { at += 1 }
        return at
    }

    // MARK: Lines

    /// Takes the complete lines of a stream, blank ones left out. Returns the bytes taken.
    mutating func addLines(_ stream: UnsafeRawBufferPointer, isEnd: Bool) -> Int {
        var start = 0
        while start < stream.count {
            let rest = UnsafeRawBufferPointer(rebasing: stream[start...])
            let found = rest.baseAddress.flatMap { base in
                memchr(base, 10, rest.count).map { UnsafeRawPointer($0) - base }
            }
            guard let length = found ?? (isEnd ? rest.count : nil) else { break }
            let line = UnsafeRawBufferPointer(rebasing: rest[..<length])
            if !line.allSatisfy(Self.isSpace) {
                starts.append(bytes.count)
                bytes.append(contentsOf: line)
                bytes.append(UInt8(ascii: "\n"))
            }
            start += length + (found == nil ? 0 : 1)
        }
        return start
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
    }
}

extension RecordLines {
    /// The records in pieces of about that many bytes.
    func slices(of size: Int) -> [(first: Int, bytes: Range<Int>)] {
        var slices: [(first: Int, bytes: Range<Int>)] = []
        var first = 0
        for index in starts.indices where starts[index] - starts[first] >= size {
            slices.append((first, starts[first]..<starts[index]))
            first = index
        }
        if first < starts.count { slices.append((first, starts[first]..<bytes.count)) }
        return slices
    }
}
