import CBytes
import Glibc
import JSON
import State

/// A snapshot that cannot be written or read: what is wrong, and where.
public struct SnapshotError: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// True: the file's content is damaged (as opposed to missing or unreadable).
    public let isDamage: Bool
    /// True: there is no room for it.
    public let isFull: Bool

    public init(_ description: String, isDamage: Bool = false, isFull: Bool = false) {
        self.description = description
        self.isDamage = isDamage
        self.isFull = isFull
    }
}

/// One tensor as the header describes it.
public struct TensorDescription: Sendable, Equatable {
    public let name: String
    public let type: ScalarType
    public let shape: [Int]
    /// Bytes in the data part.
    public let range: Range<Int>
    /// XXH3-128 of the bytes.
    public let digest: String
}

/// A snapshot in the safetensors layout: 8-byte header length, JSON header, raw little-endian tensors.
///
/// `__metadata__` holds strings: `thalweg` (everything about the run, as JSON), `digests` (of each tensor) and
/// `header_digest` (of these and the layout). Nothing is executed, lengths are checked before anything is allocated.
public enum SnapshotFile {
    public static let formatVersion = 1
    static let maximumHeader = 64 << 20

    /// The bytes before the tensors.
    static func header(_ entries: [StateEntry], metadata: JSONValue) -> [UInt8] {
        var offset = 0
        var members: [(String, JSONValue)] = []
        var digests: [(String, JSONValue)] = []
        for entry in entries {
            let array = entry.array
            let shape: [JSONValue] =
                array.lanes == 1 ? [JSONValue(array.count)] : [JSONValue(array.count), JSONValue(array.lanes)]
            members.append(
                (
                    entry.name,
                    .object([
                        ("dtype", .string(array.scalarType.rawValue)), ("shape", .array(shape)),
                        ("data_offsets", .array([JSONValue(offset), JSONValue(offset + array.byteCount)])),
                    ])
                ))
            let bytes = UnsafeRawBufferPointer(start: array.bytes, count: array.byteCount)
            digests.append((entry.name, .string(Digest.of(bytes))))
            offset += array.byteCount
        }
        let run = metadata.text
        let digestText = JSONValue.object(digests).text
        let own: [(String, JSONValue)] = [
            ("format_version", .string(String(formatVersion))), ("thalweg", .string(run)),
            ("digests", .string(digestText)),
            ("header_digest", .string(digest(of: String(formatVersion), run, digestText, members))),
        ]
        var text = Array(JSONValue.object([("__metadata__", .object(own))] + members).text.utf8)
        // Data starts at a multiple of 64 bytes, padded with spaces as the format allows.
        while (text.count + 8) % 64 != 0 { text.append(UInt8(ascii: " ")) }
        let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return length + text
    }

    /// Ties metadata, digests and layout together, so that no bit of the header can change unnoticed.
    static func digest(
        of version: String, _ run: String, _ digests: String, _ members: [(String, JSONValue)]
    ) -> String {
        var digest = Digest()
        digest.update(version)
        digest.update(run)
        digest.update(digests)
        digest.update(JSONValue.object(members).text)
        return digest.finish()
    }
}

/// A snapshot file opened for reading, its header verified.
public struct Snapshot: Sendable {
    public let path: String
    public let metadata: JSONValue
    public let tensors: [TensorDescription]
    let dataStart: Int
    public let byteCount: Int

    /// Reads and verifies the header.
    public init(path: String) throws(SnapshotError) {
        self.path = path
        let file = try OpenFile(path)
        byteCount = file.size
        let lengthBytes = try file.read(8, at: 0)
        let length = lengthBytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length >= 2, length <= UInt64(SnapshotFile.maximumHeader), Int(length) <= file.size - 8 else {
            throw SnapshotError("'\(path)': header length \(length) does not fit the file", isDamage: true)
        }
        dataStart = 8 + Int(length)
        let parsed: JSONValue
        do throws(JSONError) { parsed = try JSONParser().value(file.readForJSON(Int(length), at: 8)) } catch {
            throw SnapshotError("'\(path)': header: \(error.description)", isDamage: true)
        }
        (metadata, tensors) = try Self.interpret(parsed, dataBytes: file.size - 8 - Int(length), path)
    }

    private static func interpret(
        _ header: JSONValue, dataBytes: Int, _ path: String
    ) throws(SnapshotError) -> (JSONValue, [TensorDescription]) {
        func damaged(_ what: String) -> SnapshotError { SnapshotError("'\(path)': \(what)", isDamage: true) }
        guard let members = header.members, let own = header["__metadata__"], let run = own["thalweg"]?.string,
            let digestText = own["digests"]?.string, let version = own["format_version"]?.string
        else { throw damaged("not a snapshot of this engine: its metadata is missing") }
        let layout = members.filter { $0.0 != "__metadata__" }
        // Before the version is looked at: a flipped bit must not pass for a newer format.
        guard own["header_digest"]?.string == SnapshotFile.digest(of: version, run, digestText, layout) else {
            throw damaged("the header does not match its digest")
        }
        guard version == String(SnapshotFile.formatVersion) else {
            throw SnapshotError(
                "'\(path)' has snapshot format \(version); this version reads \(SnapshotFile.formatVersion)")
        }
        let parser = JSONParser(maximumDepth: 1024)
        guard let metadata = try? parser.value(run.utf8), let digests = try? parser.value(digestText.utf8) else {
            throw damaged("the metadata is not JSON")
        }
        var tensors: [TensorDescription] = []
        var end = 0
        for (name, description) in layout {
            guard let tensor = tensor(name, description, digests[name]?.string), tensor.range.lowerBound == end,
                tensor.range.upperBound <= dataBytes
            else { throw damaged("tensor '\(name)' is not described properly") }
            end = tensor.range.upperBound
            tensors.append(tensor)
        }
        guard end == dataBytes else { throw damaged("\(dataBytes) bytes of tensors where \(end) are described") }
        return (metadata, tensors)
    }

    private static func tensor(_ name: String, _ description: JSONValue, _ digest: String?) -> TensorDescription? {
        guard let type = description["dtype"]?.string.flatMap(ScalarType.init(rawValue:)), let digest,
            let shape = description["shape"]?.array?.compactMap(\.integer), (1...2).contains(shape.count),
            let offsets = description["data_offsets"]?.array?.compactMap(\.integer), offsets.count == 2,
            offsets[0] >= 0, offsets[1] >= offsets[0], shape.allSatisfy({ $0 >= 0 })
        else { return nil }
        let (elements, overflow) = shape.dropFirst().reduce((shape[0], false)) { total, next in
            let product = total.0.multipliedReportingOverflow(by: next)
            return (product.partialValue, total.1 || product.overflow)
        }
        guard !overflow, elements <= (offsets[1] - offsets[0]), elements * type.size == offsets[1] - offsets[0] else {
            return nil
        }
        return TensorDescription(
            name: name, type: type, shape: shape, range: offsets[0]..<offsets[1], digest: digest)
    }

    /// Reads one tensor's bytes into memory of exactly its size, and verifies their digest.
    private func read(
        _ tensor: TensorDescription, _ file: borrowing OpenFile, into target: UnsafeMutableRawBufferPointer
    )
        throws(SnapshotError)
    {
        try file.read(into: target, at: dataStart + tensor.range.lowerBound)
        guard Digest.of(UnsafeRawBufferPointer(target)) == tensor.digest else {
            throw SnapshotError("'\(path)': tensor '\(tensor.name)' does not match its digest", isDamage: true)
        }
    }

    /// Verifies every byte.
    public func verify() throws(SnapshotError) {
        let file = try OpenFile(path)
        for tensor in tensors {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.range.count, alignment: 64)
            defer { buffer.deallocate() }
            try read(tensor, file, into: buffer)
        }
    }

    /// Overwrites the arrays with the snapshot's tensors of the same names. All or nothing is the caller's business:
    /// on an error the arrays are to be thrown away.
    ///
    /// - Throws: when names, number formats or shapes differ from what the component declares.
    public func restore(_ entries: [StateEntry]) throws(SnapshotError) {
        let file = try OpenFile(path)
        guard entries.count == tensors.count else {
            throw SnapshotError(
                "'\(path)' holds \(tensors.count) arrays, this configuration has \(entries.count): it was made with other "
                    + "components")
        }
        for (entry, tensor) in zip(entries, tensors) {
            let lanes = tensor.shape.count == 2 ? tensor.shape[1] : 1
            let array = entry.array
            guard entry.name == tensor.name, array.scalarType == tensor.type, array.lanes == lanes,
                array.count == tensor.shape[0] || array.grows
            else {
                throw SnapshotError(
                    "'\(path)': array '\(tensor.name)' (\(tensor.type.rawValue) \(tensor.shape)) does not fit "
                        + "'\(entry.name)' (\(array.scalarType.rawValue) [\(array.count), \(array.lanes)])")
            }
            array.resize(to: tensor.shape[0])
            let target = UnsafeMutableRawBufferPointer(start: entry.array.bytes, count: entry.array.byteCount)
            try read(tensor, file, into: target)
        }
    }
}

/// A file descriptor with an owner.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    let size: Int
    private let path: String

    init(_ path: String) throws(SnapshotError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SnapshotError("cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        var status = stat()
        let known = fstat(descriptor, &status) == 0
        size = known ? Int(status.st_size) : 0
    }

    deinit { Glibc.close(descriptor) }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(SnapshotError) {
        var done = 0
        while done < target.count {
            let count = pread(
                descriptor, target.baseAddress?.advanced(by: done), target.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw SnapshotError("'\(path)' ends too early, or cannot be read", isDamage: true)
            }
            done += count
        }
    }

    func read(_ count: Int, at offset: Int) throws(SnapshotError) -> [UInt8] {
        guard offset + count <= size else { throw SnapshotError("'\(path)' is too short", isDamage: true) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
        defer { buffer.deallocate() }
        try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
        return Array(buffer[..<count])
    }

    /// As `read`; empty where the file cannot be read, which is no JSON either.
    func readForJSON(_ count: Int, at offset: Int) -> [UInt8] {
        (try? read(count, at: offset)) ?? []
    }
}
