import Glibc
import Synchronization

/// Records that nobody can ask for again, on disk before they are learned: segments of checksummed frames in a directory.
///
/// One thread appends; any thread prunes. What was flushed survives a power cut, what was written survives the process.
/// A crash leaves at most one frame that does not end, which the next start cuts off.
public final class Journal: @unchecked Sendable {
    private struct Segment: Sendable {
        let path: String
        let first: Int
        var end: Int
    }

    /// A segment that has grown beyond this is followed by another.
    public static let segmentBytes = 8 << 20
    private static let maximumEntry = 1 << 31
    private let directory: String
    private let segmentBytes: Int
    private let segments = Mutex<[Segment]>([])
    // The appending thread's.
    private var descriptor: Int32 = -1
    private var path = ""
    private var size = 0
    private var key: UInt64 = 0
    private var frames: [UInt8] = []
    /// A failed append could not be taken back: nothing may follow until it is.
    private var isUncut = false

    /// Opens a directory's journal, cutting off what was not written to its end.
    ///
    /// - Parameter report: told of what was cut or is damaged.
    public init(
        directory: String, segmentBytes: Int = Journal.segmentBytes, report: (String) -> Void
    ) throws(SnapshotError) {
        self.directory = directory
        self.segmentBytes = segmentBytes
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw Self.failure("cannot create", directory) }
        var found: [Segment] = []
        for path in try Self.paths(in: directory) {
            guard let segment = try Self.repaired(path, report) else { continue }
            found.append(segment)
        }
        segments.withLock { $0 = found }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether a directory holds a journal.
    public static func exists(in directory: String) -> Bool { !((try? paths(in: directory)) ?? []).isEmpty }

    /// The offset after the newest record; nil: there is none.
    public var end: Int? { segments.withLock { $0.last?.end } }

    /// Offset of the oldest record.
    public var first: Int? { segments.withLock { $0.first?.first } }

    static func paths(in directory: String) throws(SnapshotError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw failure("cannot open", directory)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("segment-"), name.hasSuffix(".journal") { names.append(name) }
        }
        return names.sorted().map { "\(directory)/\($0)" }
    }

    // MARK: Opening

    /// Nil: there is no entry in it.
    private static func repaired(_ path: String, _ report: (String) -> Void) throws(SnapshotError) -> Segment? {
        let file = try read(path)
        let contents = JournalSegmentContents(file)
        if !contents.isSegment || contents.entries.isEmpty, file.count > JournalFrame.fileHeader, !contents.isTorn {
            report("'\(path)' holds no record that can be read; set aside as '\(path).corrupt'")
            rename(path, path + ".corrupt")
            return nil
        }
        guard let first = contents.entries.first, let last = contents.entries.last else {
            // Its process died before the first entry was written to its end.
            unlink(path)
            return nil
        }
        if !contents.damages.isEmpty {
            report(
                "'\(path)' is damaged at byte \(contents.damages[0].lowerBound): what stood there is lost, the rest is "
                    + "used; a copy stays as '\(path).corrupt'")
            try copy(file, to: path + ".corrupt")
        }
        if contents.goodEnd < file.count {
            if contents.isTorn {
                report(
                    "'\(path)': the last \(file.count - contents.goodEnd) bytes were not written to their end; cut off")
            } else {
                report(
                    "'\(path)' is damaged from byte \(contents.goodEnd) to its end: what stood there is lost; a copy stays "
                        + "as '\(path).corrupt'")
                try copy(file, to: path + ".corrupt")
            }
            guard truncate(path, off_t(contents.goodEnd)) == 0 else { throw failure("cannot cut", path) }
        }
        return Segment(path: path, first: first.entry.first, end: last.entry.end)
    }

    private static func copy(_ file: [UInt8], to path: String) throws(SnapshotError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("cannot create", path) }
        defer { close(descriptor) }
        try write(file, to: descriptor, path)
    }

    static func read(_ path: String) throws(SnapshotError) -> [UInt8] {
        let file = try OpenFile(path)
        return try file.read(file.size, at: 0)
    }

    // MARK: Appending

    /// Appends entries: all of them or, when this throws, none.
    ///
    /// - Parameters:
    ///   - bytes: of the entries, one after the other.
    ///   - flushes: returns only when they are on disk.
    public func append(_ entries: [JournalEntry], _ bytes: [UInt8], flushes: Bool) throws(SnapshotError) {
        guard let first = entries.first, let last = entries.last else { return }
        guard entries.allSatisfy({ $0.byteCount < Self.maximumEntry }) else {
            throw SnapshotError("records of more than 2 GiB at once cannot be journalled")
        }
        try cutFailed()
        if descriptor >= 0, size >= segmentBytes { closeSegment() }
        if descriptor < 0 { try openSegment(first.first) }
        frames.removeAll(keepingCapacity: frames.capacity <= 4 << 20)
        var start = 0
        for entry in entries {
            JournalFrame.append(entry, bytes[start..<start + entry.byteCount], key: key, to: &frames)
            start += entry.byteCount
        }
        do throws(SnapshotError) {
            try Self.write(frames, to: descriptor, path)
            guard !flushes || fdatasync(descriptor) == 0 else { throw Self.failure("cannot flush", path) }
        } catch {
            takeBack()
            throw error
        }
        let isFirst = size == JournalFrame.fileHeader
        size += frames.count
        segments.withLock { segments in
            if isFirst {
                segments.append(Segment(path: path, first: first.first, end: last.end))
            } else {
                segments[segments.count - 1].end = last.end
            }
        }
    }

    private func openSegment(_ first: Int) throws(SnapshotError) {
        let digits = String(first)
        path = "\(directory)/segment-\(String(repeating: "0", count: max(0, 19 - digits.count)))\(digits).journal"
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure("cannot create", path) }
        key = UInt64.random(in: .min ... .max)
        do throws(SnapshotError) {
            try Self.write(JournalFrame.fileHeader(key: key), to: descriptor, path)
            try flushDirectory()
        } catch {
            closeSegment()
            unlink(path)
            throw error
        }
        size = JournalFrame.fileHeader
    }

    /// Takes back what a failed append wrote. A failed flush is never tried again on the same file, whose pages may be
    /// marked clean: the next entry begins another.
    private func takeBack() {
        isUncut = ftruncate(descriptor, off_t(size)) != 0
        closeSegment()
        if !isUncut, size == JournalFrame.fileHeader { unlink(path) }
    }

    private func cutFailed() throws(SnapshotError) {
        guard isUncut else { return }
        guard truncate(path, off_t(size)) == 0 else { throw Self.failure("cannot cut", path) }
        isUncut = false
        if size == JournalFrame.fileHeader { unlink(path) }
    }

    private func closeSegment() {
        // Only the newest segment may have an end that is not there: whole ones before it make damage tell from a crash.
        fdatasync(descriptor)
        close(descriptor)
        descriptor = -1
    }

    private func flushDirectory() throws(SnapshotError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("cannot open", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure("cannot flush", directory) }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(SnapshotError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write", path) }
            done += count
        }
    }

    private static func failure(_ what: String, _ path: String) -> SnapshotError {
        let code = errno
        return SnapshotError(
            "\(what) '\(path)': \(String(cString: strerror(code)))", isFull: [ENOSPC, EDQUOT, EFBIG].contains(code))
    }

    // MARK: Pruning and reading

    /// Removes segments whose records are all before an offset.
    public func prune(before offset: Int) {
        segments.withLock { segments in
            while segments.count > 1, let first = segments.first, first.end <= offset {
                unlink(first.path)
                segments.removeFirst()
            }
        }
    }

    /// Reads the entries that have records of a range of offsets.
    public func entries(_ range: Range<Int>) -> JournalReader {
        JournalReader(
            range,
            segments.withLock { $0.filter { $0.end > range.lowerBound && $0.first < range.upperBound }.map(\.path) })
    }
}

/// Goes through the entries of a journal that have records of a range of offsets.
public struct JournalReader: Sendable {
    public let range: Range<Int>
    private var paths: [String]
    private var file: [UInt8] = []
    private var entries: [(entry: JournalEntry, start: Int)] = []

    init(_ range: Range<Int>, _ paths: [String]) {
        self.range = range
        self.paths = paths.reversed()
    }

    /// The next entry with its bytes; nil: there is none.
    public mutating func next() throws(SnapshotError) -> (entry: JournalEntry, bytes: ArraySlice<UInt8>)? {
        while true {
            if let (entry, start) = entries.popLast() {
                return (entry, file[start..<start + entry.byteCount])
            }
            file = []
            guard let path = paths.popLast() else { return nil }
            file = try Journal.read(path)
            entries = JournalSegmentContents(file).entries.filter {
                $0.entry.end > range.lowerBound && $0.entry.first < range.upperBound
            }.reversed()
        }
    }
}
