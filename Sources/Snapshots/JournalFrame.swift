import CBytes

/// What was handed to a journal at once: consecutive records of one kind, all of them there after a crash or none.
public struct JournalEntry: Sendable, Equatable {
    /// What the bytes are; the journal does not care.
    public var kind: UInt8
    /// Offset of the first record.
    public var first: Int
    public var count: Int
    public var byteCount: Int

    public init(kind: UInt8, first: Int, count: Int, byteCount: Int) {
        self.kind = kind
        self.first = first
        self.count = count
        self.byteCount = byteCount
    }

    /// The offset after the last record.
    public var end: Int { first + count }
}

/// How entries lie in a segment's file: after the file's header one frame each, little-endian.
///
/// | bytes | of a file | of a frame |
/// |---|---|---|
/// | 0..<8 | `thalwegj` | checksum of the rest of the frame |
/// | 8..<16 | a random key | offset of the first record |
/// | 16..<20 | | bytes after the frame's header |
/// | 20..<24 | | records |
/// | 24..<25 | | kind |
/// | 25..<32 | | 0 |
///
/// The checksum is XXH3 (64 bits) exclusive-or the key, so that no record can hold what looks like a frame.
enum JournalFrame {
    static let fileHeader = 16
    static let header = 32
    private static let magic: UInt64 = 0x6a67_6577_6c61_6874

    static func fileHeader(key: UInt64) -> [UInt8] {
        [magic, key].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    /// The key of a file; nil: it is no segment.
    static func key(_ file: [UInt8]) -> UInt64? {
        guard file.count >= fileHeader, word(file, 0) == magic else { return nil }
        return word(file, 8)
    }

    static func append(_ entry: JournalEntry, _ bytes: ArraySlice<UInt8>, key: UInt64, to frames: inout [UInt8]) {
        let start = frames.count
        frames.append(contentsOf: repeatElement(0, count: 8))
        append(UInt64(entry.first), 8, &frames)
        append(UInt64(entry.byteCount), 4, &frames)
        append(UInt64(entry.count), 4, &frames)
        append(UInt64(entry.kind), 8, &frames)
        frames.append(contentsOf: bytes)
        let sum = checksum(frames, start + 8..<frames.count) ^ key
        for index in 0..<8 { frames[start + index] = UInt8(truncatingIfNeeded: sum >> (index * 8)) }
    }

    private static func append(_ value: UInt64, _ count: Int, _ bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }

    /// What a place of a file holds.
    enum Found {
        case entry(JournalEntry)
        /// The file ends before the frame does.
        case incomplete
        case damaged
    }

    /// - Parameter next: the least offset that may come.
    static func read(_ file: [UInt8], at start: Int, key: UInt64, next: Int) -> Found {
        guard start + header <= file.count else { return .incomplete }
        let sum = word(file, start)
        let first = word(file, start + 8)
        let sizes = word(file, start + 16)
        let kind = word(file, start + 24)
        let byteCount = Int(sizes & 0xffff_ffff)
        guard kind <= 255, first < 1 << 62, Int(first) >= next else { return .damaged }
        let end = start + header + byteCount
        guard end <= file.count else { return .incomplete }
        guard checksum(file, start + 8..<end) ^ key == sum else { return .damaged }
        return .entry(
            JournalEntry(kind: UInt8(kind), first: Int(first), count: Int(sizes >> 32), byteCount: byteCount))
    }

    private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64($1 * 8) }
    }

    private static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        bytes.withUnsafeBytes { all in
            UnsafeRawBufferPointer(rebasing: all[range]).baseAddress.map { bytes_xxh3($0, range.count) } ?? 0
        }
    }
}

/// The entries of a segment's file that are as they were written, and what is not.
struct JournalSegmentContents {
    /// In order, with the place of their bytes in the file.
    private(set) var entries: [(entry: JournalEntry, start: Int)] = []
    /// Where the last good frame ends.
    private(set) var goodEnd = JournalFrame.fileHeader
    /// Bytes between good frames that are none.
    private(set) var damages: [Range<Int>] = []
    /// What follows the last good frame is the beginning of one: a process died while it wrote.
    private(set) var isTorn = false
    let isSegment: Bool

    init(_ file: [UInt8]) {
        guard let key = JournalFrame.key(file) else {
            isSegment = false
            return
        }
        isSegment = true
        var next = 0
        var at = JournalFrame.fileHeader
        while at < file.count {
            let found = JournalFrame.read(file, at: at, key: key, next: next)
            if case .entry(let entry) = found {
                if at > goodEnd { damages.append(goodEnd..<at) }
                entries.append((entry, at + JournalFrame.header))
                at += JournalFrame.header + entry.byteCount
                goodEnd = at
                next = entry.end
            } else {
                if at == goodEnd, case .incomplete = found { isTorn = true }
                // The next frame may begin anywhere.
                at += 1
            }
            if at == goodEnd { isTorn = false }
        }
    }
}
