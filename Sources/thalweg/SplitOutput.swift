import Connectors
import Engine
import Files
import Glibc
import JSON
import Profile
import Records

/// What a split needs to know of a record.
struct SplitRecord {
    /// Where the fields stand among a batch's texts.
    struct Columns {
        let id: Int?
        let stratum: Int?
        let time: Int?
        /// Records that bring features have their label elsewhere.
        let isStratifiedByLabel: Bool
    }

    let id: ByteRange?
    let stratum: ByteRange?
    private let timeText: ByteRange?

    init(_ batch: RecordBatch, _ row: Int, _ columns: Columns) {
        func text(_ column: Int?) -> ByteRange? { column.map { batch.rawFields[$0 * batch.columnStride + row] } }
        id = text(columns.id)
        stratum = columns.isStratifiedByLabel ? batch.targetTexts[row] : text(columns.stratum)
        timeText = text(columns.time)
    }

    /// In seconds; nil = none that can be read.
    var time: Double? {
        guard let timeText, timeText.count > 0 else { return nil }
        return TimeText.seconds(timeText.buffer) ?? TimeReader.seconds(timeText.text)
    }
}

/// One part's file, written in large pieces.
final class SplitOutput {
    private static let pieceBytes = 1 << 20
    let path: String
    private let file: FileSink
    private var bytes: [UInt8] = []

    init(_ path: String, inputs: [String], directory: String?) throws {
        for suffix in [".gz", ".zst", ".zstd"] where path.hasSuffix(suffix) {
            throw UsageError("'\(path)': parts are written plain; compress them afterwards")
        }
        if let directory, mkdir(directory, 0o755) != 0, errno != EEXIST {
            throw EngineError("cannot make '\(directory)': \(String(cString: strerror(errno)))")
        }
        for input in inputs where Self.isSameFile(input, path) {
            throw UsageError("'\(path)' is an input: it would be overwritten while it is read")
        }
        self.path = path
        file = try FileSink(path: path)
        try file.resume(at: 0)
        bytes.reserveCapacity(Self.pieceBytes + 65_536)
    }

    private static func isSameFile(_ a: String, _ b: String) -> Bool {
        var first = stat()
        var second = stat()
        guard stat(a, &first) == 0, stat(b, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Whether a record's line ends in CR LF. The bytes after a record are readable.
    static func hasCarriageReturn(_ record: ByteRange) -> Bool {
        record.start.map { $0[record.count] == 0x0d } ?? false
    }

    func append(_ record: ByteRange) throws(ConnectorError) {
        bytes.append(contentsOf: record.buffer)
        if Self.hasCarriageReturn(record) { bytes.append(0x0d) }
        bytes.append(0x0a)
        if bytes.count >= Self.pieceBytes { try write() }
    }

    func append(text: String) throws(ConnectorError) {
        bytes.append(contentsOf: text.utf8)
    }

    func finish() throws(ConnectorError) {
        try write()
        try file.flush()
    }

    private func write() throws(ConnectorError) {
        let result: Result<Void, ConnectorError> = bytes.withUnsafeBytes { bytes in
            do throws(ConnectorError) { return .success(try file.write(bytes)) } catch { return .failure(error) }
        }
        try result.get()
        bytes.removeAll(keepingCapacity: true)
    }
}

/// What a split came to.
struct SplitReport {
    var counts: [Int]
    var rejected = 0
    /// Left out because they have no time.
    var untimed = 0
    var ids = 0
    var paths: [String] = []
    var boundaries: [Double] = []

    init(parts: Int) { counts = Array(repeating: 0, count: parts) }

    private var total: Int { counts.reduce(0, +) }

    func json(_ names: [String]) -> JSONValue {
        let parts: [(String, JSONValue)] = names.enumerated().map { index, name in
            (
                name,
                .object([
                    ("records", JSONValue(counts[index])),
                    ("share", .number(Double(counts[index]) / Double(max(total, 1)))),
                    ("path", paths[index].isEmpty ? .null : .string(paths[index])),
                ])
            )
        }
        return .object([
            ("records", JSONValue(total)), ("rejected", JSONValue(rejected)), ("without_time", JSONValue(untimed)),
            ("ids", JSONValue(ids)), ("parts", .object(parts)),
            ("boundaries", .array(boundaries.filter(\.isFinite).map { .string(TimeText.text($0)) })),
        ])
    }

    func lines(_ names: [String]) -> [String] {
        var lines = names.indices.filter { !paths[$0].isEmpty }.map { index in
            let share = (1000 * Double(counts[index]) / Double(max(total, 1))).rounded() / 10
            return "\(names[index]): \(counts[index]) records (\(share) %) in \(paths[index])"
        }
        if rejected > 0 { lines.append("\(rejected) records could not be read and were left out") }
        if untimed > 0 { lines.append("\(untimed) records have no time and were left out") }
        return lines
    }
}
